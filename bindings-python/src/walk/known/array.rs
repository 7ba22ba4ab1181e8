//! NumPy's arrays and scalars, by their public C structures: shape, type, first items.
//!
//! Memory of a mapped file is never read: the file may have been cut, and reading it would end the process.

use stillframe_core::reason::Reason;
use stillframe_core::tape::{TimeKind, TimeValue, TypeId};

use super::super::capture::Walk;
use super::super::number::float_repr;
use super::super::object::Obj;
use super::super::plan::Plan;
use super::Shown;

/// `PyArrayObject`.
const DATA: usize = 16;
const DIMENSIONS: usize = 24;
const SHAPE: usize = 32;
const STRIDES: usize = 40;
const BASE: usize = 48;
const TYPE: usize = 56;
/// `PyArray_Descr`, the same in NumPy 1 and 2 up to here.
const BYTE_ORDER: usize = 26;
const TYPE_NUMBER: usize = 28;
/// Then: two ints in NumPy 1 (size, alignment); 64 flags and two sizes in NumPy 2.
const SIZE_1: usize = 32;
const SIZE_2: usize = 40;
/// Metadata of dates.
const METADATA_1: usize = 80;
const METADATA_2: usize = 112;
const METADATA_UNIT: usize = 32;
/// A scalar's value.
const SCALAR: usize = 16;

const MAX_DIMENSIONS: usize = 64;
/// The part of an array that holds its items.
const ITEMS: u8 = 1;

/// Types by NumPy's numbers.
const NAMES: [&str; 24] = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "int64",
    "uint64",
    "float32",
    "float64",
    "longdouble",
    "complex64",
    "complex128",
    "clongdouble",
    "object",
    "bytes",
    "str",
    "void",
    "datetime64",
    "timedelta64",
    "float16",
];
/// Their sizes; 0: told by the array's type.
const SIZES: [usize; 24] = [
    1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 16, 8, 16, 32, 8, 0, 0, 0, 8, 8, 2,
];
/// Type numbers of scalars, by the names of their types.
const SCALARS: [(&[u8], usize); 26] = [
    (b"bool", 0),
    (b"bool_", 0),
    (b"int8", 1),
    (b"uint8", 2),
    (b"int16", 3),
    (b"uint16", 4),
    (b"int32", 5),
    (b"intc", 5),
    (b"uint32", 6),
    (b"uintc", 6),
    (b"int64", 7),
    (b"int_", 7),
    (b"uint64", 8),
    (b"uint", 8),
    (b"longlong", 9),
    (b"ulonglong", 10),
    (b"float32", 11),
    (b"float64", 12),
    (b"longdouble", 13),
    (b"complex64", 14),
    (b"complex128", 15),
    (b"datetime64", 21),
    (b"timedelta64", 22),
    (b"float16", 23),
    (b"bytes_", 18),
    (b"void", 20),
];

/// How the items of an array are read.
#[derive(Clone, Copy)]
pub(super) struct ItemType {
    number: usize,
    size: usize,
    swapped: bool,
    /// Unit of dates: NumPy's number, and how many of it.
    unit: Option<(i32, i32)>,
}

/// An array whose parts were checked.
#[derive(Clone, Copy)]
pub(super) struct Array<'g> {
    pub(super) object: Obj<'g>,
    data: *const u8,
    pub(super) dimensions: usize,
    shape: *const isize,
    strides: *const isize,
    pub(super) item: ItemType,
}

impl ItemType {
    /// # Safety
    ///
    /// `descr` is the type (`PyArray_Descr`) of an array.
    unsafe fn of(descr: Obj<'_>) -> Option<Self> {
        // SAFETY: the public head of the structure.
        let (number, order) = unsafe {
            (
                usize::try_from(descr.read::<i32>(TYPE_NUMBER)).ok()?,
                descr.read::<u8>(BYTE_ORDER),
            )
        };
        let fixed = *SIZES.get(number)?;
        // SAFETY: at this place NumPy 1 has a size and an alignment (never 0) of four bytes each, NumPy 2 eight bytes of flags of which the
        // upper half is 0; both structures are larger than what is read.
        let (size, metadata) = unsafe {
            let word = descr.read::<u64>(SIZE_1);
            if word >> 32 != 0 {
                (word as u32 as usize, METADATA_1)
            } else {
                (descr.read::<usize>(SIZE_2), METADATA_2)
            }
        };
        let unit = if matches!(number, 21 | 22) && descr.class().basic_size() > metadata {
            // SAFETY: types of dates have a pointer to their metadata there, or null.
            unsafe { unit_at(descr.read::<*const u8>(metadata)) }
        } else {
            None
        };
        (fixed == 0 || fixed == size).then_some(Self {
            number,
            size,
            swapped: order == b'>',
            unit,
        })
    }

    pub(super) fn name(&self) -> String {
        match self.number {
            // The size is told in characters where it differs from type to type.
            18 => format!("S{}", self.size),
            19 => format!("U{}", self.size / 4),
            20 => format!("V{}", self.size),
            number => NAMES[number].to_owned(),
        }
    }
}

/// # Safety
///
/// `metadata` is null or to the metadata of a type of dates.
unsafe fn unit_at(metadata: *const u8) -> Option<(i32, i32)> {
    if metadata.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let unit = metadata.add(METADATA_UNIT).cast::<i32>();
        Some((unit.read_unaligned(), unit.add(1).read_unaligned()))
    }
}

impl<'g> Array<'g> {
    pub(super) fn of(object: Obj<'g>) -> Option<Self> {
        let is_array = object
            .class()
            .line()
            .any(|class| class.c_name() == b"numpy.ndarray" && class.basic_size() >= 64);
        if !is_array {
            return None;
        }
        // SAFETY: an array made in C of at least this size begins so.
        unsafe {
            let dimensions = usize::try_from(object.read::<i32>(DIMENSIONS)).ok()?;
            Some(Self {
                object,
                data: object.read(DATA),
                dimensions: (dimensions <= MAX_DIMENSIONS).then_some(dimensions)?,
                shape: object.read(SHAPE),
                strides: object.read(STRIDES),
                item: ItemType::of(object.slot(TYPE)?)?,
            })
        }
    }

    pub(super) fn shape(&self, dimension: usize) -> usize {
        if dimension >= self.dimensions {
            return 1;
        }
        // SAFETY: there are as many sizes as dimensions.
        usize::try_from(unsafe { self.shape.add(dimension).read_unaligned() }).unwrap_or(0)
    }

    pub(super) fn length(&self) -> usize {
        (0..self.dimensions).fold(1, |length, dimension| {
            usize::saturating_mul(length, self.shape(dimension))
        })
    }

    /// `(2, 3)`.
    pub(super) fn shape_text(&self) -> String {
        let sizes: Vec<String> = (0..self.dimensions)
            .map(|dimension| self.shape(dimension).to_string())
            .collect();
        match &sizes[..] {
            [only] => format!("({only},)"),
            sizes => format!("({})", sizes.join(", ")),
        }
    }

    /// Whether its memory is the process's own.
    pub(super) fn is_readable(&self) -> bool {
        let mut owner = Some(self.object);
        for _ in 0..16 {
            let Some(object) = owner else { return true };
            let class = object.class();
            if class
                .line()
                .any(|class| matches!(class.c_name(), b"mmap.mmap" | b"memmap"))
            {
                return false;
            }
            owner = if class.line().any(|class| class.c_name() == b"numpy.ndarray") {
                // SAFETY: an array has the owner of its memory there, or null.
                unsafe { object.slot(BASE) }
            } else if class.is(&raw const pyo3_ffi::PyMemoryView_Type) {
                // SAFETY: a memoryview's buffer has its owner there.
                unsafe { object.slot(super::super::layout::MEMORYVIEW_BUFFER + 8) }
            } else {
                None
            };
        }
        false
    }

    /// Where the item at these indices is. The caller keeps each index below its dimension's size.
    pub(super) fn item_at(&self, indices: &[usize]) -> *const u8 {
        let mut offset = 0_isize;
        for (dimension, &index) in indices.iter().enumerate().take(self.dimensions) {
            // SAFETY: there are as many strides as dimensions.
            let stride = unsafe { self.strides.add(dimension).read_unaligned() };
            offset = offset.wrapping_add(stride.wrapping_mul(index.cast_signed()));
        }
        self.data.wrapping_offset(offset)
    }
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn nd_array(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        let Some(array) = Array::of(object) else {
            return self.gap(Reason::Unreadable, None);
        };
        if part == ITEMS {
            return self.array_items(array, depth);
        }
        let length = array.length();
        let open = self.part("dtype", Shown::Text(array.item.name()), depth)
            && self.part("shape", Shown::Text(array.shape_text()), depth);
        if open {
            let items = if array.is_readable() {
                Shown::List(object, ITEMS, length)
            } else {
                Shown::Skipped(Reason::Unreadable)
            };
            self.part("items", items, depth);
        }
        self.cut(None);
    }

    /// Items in the order of their indices, the last one running fastest.
    fn array_items(&mut self, array: Array<'g>, depth: u32) {
        let length = array.length();
        let shown = length.min(self.limits.items as usize);
        let mut indices = [0; MAX_DIMENSIONS];
        for position in 0..shown {
            if self.halted() {
                return self.cut(Some(length - position));
            }
            self.tick();
            // SAFETY: the indices are inside the array, whose memory is the process's own.
            unsafe {
                self.item(
                    array.item,
                    array.item_at(&indices[..array.dimensions]),
                    depth,
                )
            };
            for dimension in (0..array.dimensions).rev() {
                indices[dimension] += 1;
                if indices[dimension] < array.shape(dimension) {
                    break;
                }
                indices[dimension] = 0;
            }
        }
        self.gap(Reason::CollectionSize, Some(length - shown));
    }

    /// One item of an array as a value.
    ///
    /// # Safety
    ///
    /// `at` is to an item of this type, with the process's own memory under it.
    pub(super) unsafe fn item(&mut self, item: ItemType, at: *const u8, depth: u32) {
        let mut bytes = [0_u8; 16];
        let count = item.size.min(16);
        // SAFETY: the caller's promise: `size` bytes lie there.
        unsafe { std::ptr::copy_nonoverlapping(at, bytes.as_mut_ptr(), count) };
        if item.swapped && item.number < 18 {
            bytes[..count].reverse();
        }
        let [b0, b1, b2, b3, b4, b5, b6, b7, rest @ ..] = bytes;
        let word = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
        let double = |bytes: [u8; 8]| f64::from_le_bytes(bytes);
        match item.number {
            0 => self.out.bool(b0 != 0),
            1 => self.out.int(i8::from_le_bytes([b0]).into()),
            2 => self.out.int(b0.into()),
            3 => self.out.int(i16::from_le_bytes([b0, b1]).into()),
            4 => self.out.int(u16::from_le_bytes([b0, b1]).into()),
            5 => self.out.int(i32::from_le_bytes([b0, b1, b2, b3]).into()),
            6 => self.out.int(u32::from_le_bytes([b0, b1, b2, b3]).into()),
            7 | 9 => self.out.int(word.cast_signed()),
            8 | 10 => self.out.uint(word),
            11 => self.out.float(f32::from_le_bytes([b0, b1, b2, b3]).into()),
            12 => self.out.float(f64::from_bits(word)),
            23 => self.out.float(half(u16::from_le_bytes([b0, b1]))),
            14 if !item.swapped => {
                let real = f32::from_le_bytes([b0, b1, b2, b3]);
                let imaginary = f32::from_le_bytes([b4, b5, b6, b7]);
                self.complex_text(real.into(), imaginary.into());
            }
            15 if !item.swapped => self.complex_text(f64::from_bits(word), double(rest)),
            // SAFETY: an array of objects holds references, null where none was set yet.
            17 => match unsafe { Obj::new(word as *mut pyo3_ffi::PyObject) } {
                Some(object) => self.value(object, depth),
                None => self.out.null(),
            },
            18 | 19 => {
                let bytes = item.size.min((self.limits.string as usize + 1) * 4);
                // SAFETY: the caller's promise.
                let text = unsafe { std::slice::from_raw_parts(at, bytes) };
                self.fixed_text(item, text);
            }
            21 | 22 => self.numpy_time(item, word.cast_signed()),
            _ => self
                .out
                .skipped(Reason::Unreadable, TypeId::default(), None),
        }
    }

    fn complex_text(&mut self, real: f64, imaginary: f64) {
        let sign = if imaginary.is_sign_negative() {
            ""
        } else {
            "+"
        };
        let text = format!("({}{sign}{}j)", float_repr(real), float_repr(imaginary));
        self.out
            .utf8(&text, stillframe_core::tape::TextFlags::RENDERED);
    }

    /// Text of fixed size, filled up with zeros.
    fn fixed_text(&mut self, item: ItemType, text: &[u8]) {
        if item.number == 18 {
            let end = text
                .iter()
                .rposition(|&byte| byte != 0)
                .map_or(0, |at| at + 1);
            return self.out.binary(&text[..end]);
        }
        if item.swapped {
            return self
                .out
                .skipped(Reason::Unreadable, TypeId::default(), Some(item.size / 4));
        }
        let (units, _) = text.as_chunks::<4>();
        let end = units
            .iter()
            .rposition(|unit| *unit != [0; 4])
            .map_or(0, |at| at + 1);
        let total = if text.len() < item.size {
            item.size / 4
        } else {
            end
        };
        let shown = (end * 4).min(self.out.text_bound() * 4);
        self.out.utf32(&text[..shown], total);
    }

    /// A date or a duration in a unit of its own.
    fn numpy_time(&mut self, item: ItemType, count: i64) {
        let kind = if item.number == 21 {
            TimeKind::DateTime
        } else {
            TimeKind::Duration
        };
        if count == i64::MIN {
            return self
                .out
                .utf8("NaT", stillframe_core::tape::TextFlags::RENDERED);
        }
        match item.unit.and_then(|unit| seconds_of(count, unit)) {
            Some((seconds, nanos)) => self.out.time(TimeValue {
                kind,
                seconds,
                nanos,
                offset: None,
            }),
            None => self
                .out
                .skipped(Reason::Unreadable, TypeId::default(), None),
        }
    }

    pub(super) fn numpy_scalar(&mut self, object: Obj<'g>, plan: &Plan, depth: u32) {
        let number = object.class().line().find_map(|class| {
            let name = class.c_name().strip_prefix(b"numpy.")?;
            SCALARS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, number)| (*number, class.basic_size()))
        });
        let Some((number, basic_size)) = number else {
            let type_id = self.type_of(plan);
            return self.out.opaque(type_id);
        };
        let size = SIZES[number];
        if size == 0 || number == 13 || basic_size < SCALAR + size {
            let type_id = self.type_of(plan);
            return self.out.opaque(type_id);
        }
        let unit = if matches!(number, 21 | 22) && basic_size >= SCALAR + 16 {
            // SAFETY: scalars of dates have their unit behind their value.
            Some(unsafe {
                (
                    object.read::<i32>(SCALAR + 8),
                    object.read::<i32>(SCALAR + 12),
                )
            })
        } else {
            None
        };
        let item = ItemType {
            number,
            size,
            swapped: false,
            unit,
        };
        let type_id = self.type_of(plan);
        if !matches!(number, 21 | 22) || unit.is_some_and(|unit| seconds_of(0, unit).is_some()) {
            self.out.as_type(type_id);
            // SAFETY: the scalar's structure is at least as large as its head and its value.
            unsafe { self.item(item, object.inside(SCALAR), depth) };
        } else {
            self.out.skipped(Reason::Unreadable, type_id, None);
        }
    }
}

/// Seconds and nanoseconds of a count of NumPy's units; months and years have no fixed length.
fn seconds_of(count: i64, (unit, multiple): (i32, i32)) -> Option<(i64, u32)> {
    let count = count.checked_mul(multiple.into())?;
    let per_second = match unit {
        2 => return Some((count.checked_mul(604_800)?, 0)),
        4 => return Some((count.checked_mul(86_400)?, 0)),
        5 => return Some((count.checked_mul(3600)?, 0)),
        6 => return Some((count.checked_mul(60)?, 0)),
        7 => 1,
        8 => 1_000,
        9 => 1_000_000,
        10 => 1_000_000_000,
        _ => return None,
    };
    let nanos = count.rem_euclid(per_second) * (1_000_000_000 / per_second);
    Some((count.div_euclid(per_second), u32::try_from(nanos).ok()?))
}

/// A number of 16 bits: 1 sign, 5 exponent, 10 fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff);
    sign * match bits >> 10 & 0x1f {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2_f64.powi(i32::from(exponent) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2_f64.powi(-24)),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f64::to_bits(value), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn units() {
        assert_eq!(seconds_of(-1, (8, 1)), Some((-1, 999_000_000)));
        assert_eq!(seconds_of(3, (4, 7)), Some((3 * 7 * 86_400, 0)));
        assert_eq!(seconds_of(1, (0, 1)), None);
        assert_eq!(seconds_of(i64::MAX, (4, 1)), None);
    }
}
