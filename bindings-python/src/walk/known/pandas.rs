//! pandas: frames, series and indexes, from the NumPy arrays that they keep their data in.
//!
//! A frame keeps its columns in blocks: arrays of two dimensions, each with the places of its columns. The blocks are compiled
//! objects without a public layout, so what they hold is learned from what they show to the garbage collector, which is a plain
//! list of references; the arrays themselves have a public layout. Columns kept in another way are told as unreadable.

use stillframe_core::reason::Reason;
use stillframe_core::tape::TypeId;

use super::super::capture::{Contents, Walk};
use super::super::number::Integer;
use super::super::object::{Int, List, Obj, Tuple};
use super::Shown;
use super::array::Array;

/// The part of a frame that holds its columns.
const COLUMNS: u8 = 1;
/// Parts from here on are columns.
const FIRST_COLUMN: u8 = 2;
const MAX_COLUMNS: usize = 64;
const MAX_BLOCKS: usize = 256;
/// The part of a series or index that holds its items.
const ITEMS: u8 = 1;
/// References of one object that are looked at.
const MAX_REFERENCES: usize = 64;

/// What an array of pandas keeps its items in, and which of them are missing.
#[derive(Clone, Copy)]
struct Data<'g> {
    array: Array<'g>,
    missing: Option<Array<'g>>,
    /// Times of a zone are kept in UTC.
    in_utc: bool,
}

/// One column: what it is in, and its row there if that has two dimensions.
#[derive(Clone, Copy)]
struct Column<'g> {
    array: Array<'g>,
    row: Option<usize>,
    missing: Option<Array<'g>>,
    in_utc: bool,
}

impl<'g> Column<'g> {
    const fn new(data: Data<'g>, row: Option<usize>) -> Self {
        let Data {
            array,
            missing,
            in_utc,
        } = data;
        Self {
            array,
            row,
            missing,
            in_utc,
        }
    }

    /// The type of its items.
    fn kind(&self) -> String {
        let name = self.array.item.name();
        if self.in_utc {
            format!("{name}, in UTC")
        } else {
            name
        }
    }

    fn length(&self) -> usize {
        self.array.shape(self.array.dimensions.saturating_sub(1))
    }
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    fn held(&mut self, object: Obj<'g>, name: &[u8]) -> Option<Obj<'g>> {
        self.attribute(object, name)
    }

    /// The axes and the blocks of a frame or series.
    fn manager(&mut self, object: Obj<'g>) -> Option<(List<'g>, Tuple<'g>)> {
        let manager = self.held(object, b"_mgr")?;
        let axes = self.held(manager, b"axes").and_then(List::of);
        let blocks = self.held(manager, b"blocks").and_then(Tuple::of);
        if let (Some(axes), Some(blocks)) = (axes, blocks) {
            return Some((axes, blocks));
        }
        let held = manager.references(MAX_REFERENCES);
        let axes = held.iter().find_map(|object| List::of(*object))?;
        let blocks = held.iter().find_map(|object| {
            let tuple = Tuple::of(*object)?;
            let first = tuple.items::<DIRECT>().get(0)?;
            first.class().c_name().ends_with(b"Block").then_some(tuple)
        })?;
        Some((axes, blocks))
    }

    /// The array behind the values of a block, an index or an extension array.
    fn array_of(&mut self, values: Obj<'g>) -> Option<Data<'g>> {
        if let Some(array) = Array::of(values) {
            return Some(Data {
                array,
                missing: None,
                in_utc: false,
            });
        }
        let is = |end: &[u8]| {
            let mut line = values.class().line();
            line.any(|class| class.c_name().ends_with(end))
        };
        // Codes of categories and ordinals of periods would be taken for the values.
        if is(b"Categorical") || is(b"PeriodArray") {
            return None;
        }
        let missing = self.held(values, b"_mask").and_then(Array::of);
        let kept = [b"_ndarray".as_slice(), b"_data"]
            .into_iter()
            .find_map(|name| self.held(values, name).and_then(Array::of));
        // A compiled base keeps the one array that there is, and the type of its items; others have several arrays, of which none need be
        // the values.
        let held = if is(b"NDArrayBacked") {
            values.references(MAX_REFERENCES)
        } else {
            Vec::new()
        };
        let array = kept.or_else(|| held.iter().copied().find_map(Array::of))?;
        let in_utc = held
            .iter()
            .any(|held| held.class().c_name().ends_with(b"DatetimeTZDtype"));
        Some(Data {
            array,
            missing,
            in_utc,
        })
    }

    fn column(&mut self, blocks: Tuple<'g>, column: usize) -> Option<Column<'g>> {
        let blocks = blocks.items::<DIRECT>();
        for index in 0..blocks.length.min(MAX_BLOCKS) {
            let block = blocks.get(index)?;
            let held = block.references(MAX_REFERENCES);
            let places = held
                .iter()
                .copied()
                .find(|object| object.class().c_name().ends_with(b"BlockPlacement"))?;
            let Some(row) = self.row_of(places, column) else {
                continue;
            };
            let values = held
                .into_iter()
                .filter(|object| *object != places)
                .find_map(|values| self.array_of(values));
            let data = values?;
            let row = (data.array.dimensions == 2).then_some(row);
            if row.is_some_and(|row| row >= data.array.shape(0)) || !data.array.is_readable() {
                return None;
            }
            return Some(Column::new(data, row));
        }
        None
    }

    /// Which row of its block a column is: places are a slice or an array of numbers.
    fn row_of(&self, places: Obj<'g>, column: usize) -> Option<usize> {
        for held in places.references(MAX_REFERENCES) {
            if held.class().is(&raw const pyo3_ffi::PySlice_Type) {
                const START: usize = super::super::layout::SLICE_START;
                let number = |offset| {
                    // SAFETY: a slice has three objects there: start, stop, step.
                    let value = unsafe { held.slot(offset) }.and_then(Int::of)?;
                    match value.value::<DIRECT>() {
                        Integer::Small(value) => usize::try_from(value).ok(),
                        _ => None,
                    }
                };
                let (start, stop) = (number(START).unwrap_or(0), number(START + 8)?);
                let step = number(START + 16).unwrap_or(1).max(1);
                let inside =
                    (start..stop).contains(&column) && (column - start).is_multiple_of(step);
                return inside.then(|| (column - start) / step);
            }
            if let Some(array) = Array::of(held) {
                return (0..array.length().min(4096)).find(|&row| {
                    let at = array.item_at(&[row]);
                    // SAFETY: places are numbers of eight bytes, and the index is inside the array.
                    array.item.name() == "int64"
                        && unsafe { at.cast::<i64>().read_unaligned() } == column as i64
                });
            }
        }
        None
    }

    /// Number of items of an axis.
    fn axis_length(&mut self, axis: Obj<'g>) -> Option<usize> {
        if let Some(range) = self.held(axis, b"_range") {
            // SAFETY: a range has its length behind start, stop and step.
            let length = range
                .class()
                .is(&raw const pyo3_ffi::PyRange_Type)
                .then(|| unsafe { range.slot(40) })??;
            return match Int::of(length)?.value::<DIRECT>() {
                Integer::Small(length) => usize::try_from(length).ok(),
                _ => None,
            };
        }
        let data = self.held(axis, b"_data")?;
        self.array_of(data).map(|data| data.array.length())
    }

    pub(super) fn data_frame(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        let Some((axes, blocks)) = self.manager(object) else {
            return self.gap(Reason::Unreadable, None);
        };
        let axes = axes.items::<DIRECT>();
        let (columns, index) = (axes.get(0), axes.get(1));
        if part >= FIRST_COLUMN {
            if let Some(column) = self.column(blocks, usize::from(part - FIRST_COLUMN)) {
                self.column_items(column, depth);
            }
            return;
        }
        let Some(columns) = columns else {
            return self.gap(Reason::Unreadable, None);
        };
        let count = self.axis_length(columns);
        if part == COLUMNS {
            let count = count.unwrap_or(0);
            return self.columns(object, columns, blocks, count, depth);
        }
        let rows = index.and_then(|index| self.axis_length(index));
        let size = |size: Option<usize>| size.map_or("?".to_owned(), |size| size.to_string());
        let shape = format!("({}, {})", size(rows), size(count));
        let mut open = self.part("shape", Shown::Text(shape), depth);
        if let Some(index) = index.filter(|_| open) {
            open = self.part("index", Shown::Object(index), depth);
        }
        match count {
            Some(count) if open && self.out.name(b"columns") => {
                self.tick();
                if self.out.map(TypeId::default(), count).is_some() {
                    self.push(object, Contents::Known(COLUMNS), depth);
                }
            }
            // Labels that are kept in another way: how many columns there are is not known either.
            None if open => {
                self.part("columns", Shown::Skipped(Reason::Unreadable), depth);
            }
            _ => {}
        }
        self.cut(None);
    }

    /// The columns of a frame: label, then its first items.
    fn columns(
        &mut self,
        object: Obj<'g>,
        labels: Obj<'g>,
        blocks: Tuple<'g>,
        count: usize,
        depth: u32,
    ) {
        let labels = self
            .held(labels, b"_data")
            .and_then(|labels| self.array_of(labels))
            .map(|labels| labels.array)
            .filter(|labels| labels.dimensions == 1 && labels.is_readable());
        let shown = count.min(MAX_COLUMNS).min(self.limits.items as usize);
        for position in 0..shown {
            if self.halted() {
                return self.cut(Some(count - position));
            }
            let mut hidden = None;
            match labels.filter(|labels| position < labels.length()) {
                Some(labels) => {
                    let at = labels.item_at(&[position]);
                    if labels.item.name() == "object" {
                        // SAFETY: an item of an array of objects: a reference, or null.
                        let label = unsafe {
                            Obj::new(at.cast::<*mut pyo3_ffi::PyObject>().read_unaligned())
                        };
                        hidden = label.and_then(|label| self.hidden_key(label));
                    }
                    self.tick();
                    // SAFETY: the position is inside the array, whose memory is the process's own.
                    unsafe { self.item(labels.item, at, depth) };
                }
                None => self.out.int(position as i64),
            }
            self.tick();
            let column = self.column(blocks, position);
            match (hidden, column) {
                (Some(hidden), _) => self.out.redacted(
                    Reason::RedactedIdent,
                    TypeId::default(),
                    hidden.rule(),
                    None,
                ),
                (None, Some(column)) => {
                    let name = format!("pandas.Series[{}]", column.kind());
                    let type_id = self.out.define_type(name.as_bytes());
                    if self.out.list(type_id, column.length()).is_some() {
                        let part = FIRST_COLUMN + u8::try_from(position).unwrap_or(0);
                        self.push(object, Contents::Known(part), depth);
                    }
                }
                (None, None) => self
                    .out
                    .skipped(Reason::Unreadable, TypeId::default(), None),
            }
        }
        self.gap(Reason::CollectionSize, Some(count - shown));
    }

    fn column_items(&mut self, column: Column<'g>, depth: u32) {
        let length = column.length();
        let shown = length.min(self.limits.items as usize);
        for position in 0..shown {
            if self.halted() {
                return self.cut(Some(length - position));
            }
            self.tick();
            let is_missing = column.missing.is_some_and(|missing| {
                let at = missing.item_at(&[position]);
                // SAFETY: a mask has one byte per item.
                position < missing.length() && unsafe { at.read() } != 0
            });
            if is_missing {
                self.out.null();
                continue;
            }
            let at = match column.row {
                Some(row) => column.array.item_at(&[row, position]),
                None => column.array.item_at(&[position]),
            };
            // SAFETY: the indices are inside the array, whose memory is the process's own.
            unsafe { self.item(column.array.item, at, depth) };
        }
        self.gap(Reason::CollectionSize, Some(length - shown));
    }

    fn series_column(&mut self, object: Obj<'g>) -> Option<Column<'g>> {
        let (_, blocks) = self.manager(object)?;
        let block = blocks.items::<DIRECT>().get(0)?;
        let held = block.references(MAX_REFERENCES);
        let data = held
            .into_iter()
            .filter(|object| !object.class().c_name().ends_with(b"BlockPlacement"))
            .find_map(|values| self.array_of(values))?;
        let readable = data.array.dimensions == 1 && data.array.is_readable();
        readable.then(|| Column::new(data, None))
    }

    pub(super) fn series(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        let Some(column) = self.series_column(object) else {
            return self.gap(Reason::Unreadable, None);
        };
        if part == ITEMS {
            return self.column_items(column, depth);
        }
        let name = self
            .held(object, b"_name")
            .filter(|name| !name.is(self.facts.none));
        let mut open = true;
        if let Some(name) = name {
            open = self.part("name", Shown::Object(name), depth);
        }
        open = open && self.part("dtype", Shown::Text(column.kind()), depth);
        if let Some((axes, _)) = self.manager(object).filter(|_| open)
            && let Some(index) = axes.items::<DIRECT>().get(0)
        {
            open = self.part("index", Shown::Object(index), depth);
        }
        if open {
            self.part("items", Shown::List(object, ITEMS, column.length()), depth);
        }
        self.cut(None);
    }

    pub(super) fn index(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        if let Some(range) = self.held(object, b"_range") {
            if !self.part("range", Shown::Object(range), depth) {
                self.cut(None);
            }
            return;
        }
        let data = self.held(object, b"_data");
        let Some(data) = data.and_then(|data| self.array_of(data)) else {
            // An index of several levels, for instance: its own attributes tell.
            let plan = self.plan(object);
            return self.attribute_fields(object, &plan, depth, self.limits.fields as usize);
        };
        if data.array.dimensions != 1 || !data.array.is_readable() {
            return self.gap(Reason::Unreadable, None);
        }
        let column = Column::new(data, None);
        if part == ITEMS {
            return self.column_items(column, depth);
        }
        let _ = self.part("dtype", Shown::Text(column.kind()), depth)
            && self.part("items", Shown::List(object, ITEMS, column.length()), depth);
        self.cut(None);
    }
}
