//! One stack frame: opened with its source and values, or as a row.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::Frame;

use super::gap;
use super::line::{Line, Page, Style};
use super::rank::{Ranking, Variable};
use super::source;
use super::text;
use super::tree::{Depth, Tree, name_column};
use super::value::Inline;

/// Columns before everything that belongs to a frame.
pub(crate) const INDENT: usize = 4;
/// Longest file name that is told, in bytes of its end.
const MAX_PLACE: usize = 160;
/// Longest function name in a row.
const MAX_TITLE: usize = 40;
/// Widest columns in rows; what is wider pushes the rest to the right.
const MAX_COLUMNS: Columns = Columns {
    title: 20,
    place: 26,
};
/// Columns below which a cut value is not begun.
const LEAST_VALUE: usize = 16;

/// Widths of the columns of rows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Columns {
    title: usize,
    place: usize,
}

impl Columns {
    /// The columns that fit these frames.
    pub(crate) fn of<'f>(frames: impl Iterator<Item = &'f Frame>) -> Self {
        frames.fold(Self::default(), |columns, frame| Self {
            title: columns
                .title
                .max(title(frame).width().min(MAX_COLUMNS.title)),
            place: columns
                .place
                .max(location(frame).chars().count().min(MAX_COLUMNS.place)),
        })
    }
}

/// How much of a frame to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// The failing line and what it used.
    Line,
    /// Source around it and every variable.
    Whole,
}

/// `shop/pricing.py:42`: the file as an import would name it, without the folders above the program.
pub(crate) fn location(frame: &Frame) -> String {
    let file = frame
        .file
        .as_deref()
        .map(|file| short_file(file, frame.module.as_deref()));
    let module = frame
        .module
        .as_deref()
        .map(|module| text::head(module, MAX_PLACE));
    match (file.map(|file| text::tail(file, MAX_PLACE)), frame.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        (None, _) => module.unwrap_or("unknown place").to_owned(),
    }
}

/// As many of the last parts of a path as the module's name has: `shop/pricing.py` for `shop.pricing`.
pub fn short_file<'f>(file: &'f str, module: Option<&str>) -> &'f str {
    let module = module.unwrap_or("");
    let parts = module.split('.').count();
    let stem = file
        .rsplit('/')
        .next()
        .and_then(|name| name.split('.').next())
        .unwrap_or("");
    // A package's own code lies one folder deeper than its name says.
    let package = usize::from(
        stem == "__init__"
            || (stem == "__main__" && module != "__main__" && !module.ends_with(".__main__")),
    );
    let mut keep = parts + package;
    let mut start = file.len();
    for (at, _) in file.rmatch_indices('/') {
        if keep == 1 {
            start = at + 1;
            break;
        }
        keep -= 1;
    }
    if start == file.len() {
        file
    } else {
        &file[start..]
    }
}

/// `convert`, with what kind of function it is where that matters.
pub(crate) fn title(frame: &Frame) -> Line {
    let mut line = Line::of(Style::Strong, text::head(&frame.function, 120));
    if frame.awaited {
        line.push(Style::Dim, " (awaited)");
    } else if frame.kind.as_deref() == Some("generator") {
        line.push(Style::Dim, " (generator)");
    }
    line
}

/// Writes frames.
pub(crate) struct Frames<'a> {
    /// Writes values.
    pub inline: Inline<'a>,
    /// How far values are opened.
    pub depth: Depth,
}

impl Frames<'_> {
    /// A frame with its source and values.
    pub(crate) fn open(&self, page: &mut Page<'_>, frame: &Frame, open: Open, remark: &str) {
        let glyphs = self.inline.glyphs;
        let mut left = Line::of(Style::Error, glyphs.pointer);
        left.space(1).extend(&title(frame));
        if !remark.is_empty() {
            left.push(Style::Dim, "  ").push(Style::Dim, remark);
        }
        page.spread(left, &Line::of(Style::Plain, &location(frame)));
        let around = if open == Open::Whole { 2 } else { 0 };
        for line in source::excerpt(frame, around, page.terminal().width - 2, glyphs) {
            let mut indented = Line::default();
            indented.space(2).extend(&line);
            page.line(indented);
        }
        self.stale(page, frame);
        if self.closed(page, frame) {
            return;
        }
        let ranking = Ranking::of(frame, self.inline.look);
        let whole = open == Open::Whole || ranking.used.is_empty();
        let mut groups = vec![(&ranking.used, Style::Strong, self.depth)];
        if whole {
            groups.push((&ranking.rest, Style::Name, self.depth.beside()));
        }
        if whole && self.depth.all {
            groups.push((&ranking.minor, Style::Name, self.depth));
        }
        let column = name_column(groups.iter().flat_map(|(variables, ..)| variables.iter()));
        for (variables, style, depth) in groups {
            let tree = Tree {
                inline: self.inline,
                depth,
            };
            tree.variables(page, INDENT, variables, style, column);
        }
        if open == Open::Whole {
            self.names(page, "not set yet", &ranking.unset);
            if !self.depth.all {
                let minor: Vec<&str> = ranking
                    .minor
                    .iter()
                    .map(|variable| variable.name.as_str())
                    .collect();
                self.names(page, "also", &minor);
            }
        } else if !whole {
            let mut line = Line::of(Style::Dim, "also  ");
            let room = page.terminal().width.saturating_sub(INDENT + line.width());
            line.extend(&self.on_a_line(ranking.rest.iter(), room));
            if line.width() > 6 {
                page.line(indented(line));
            }
        }
        for gap in &frame.omitted {
            page.line(indented(gap::omitted(gap)));
        }
    }

    /// A frame in two lines: where it is and what it calls; its most telling values.
    pub(crate) fn row(&self, page: &mut Page<'_>, frame: &Frame, columns: Columns) {
        let ellipsis = self.inline.glyphs.ellipsis;
        let mut line = Line::default();
        line.space(2).extend(&title(frame).fit(MAX_TITLE, ellipsis));
        line.pad_to(2 + columns.title, 2);
        line.push(Style::Plain, &location(frame));
        if let Some(source) = source::failing_line(frame) {
            line.pad_to(4 + columns.title + columns.place, 2);
            if line.width() + 12 <= page.terminal().width {
                line.push(Style::Dim, source);
            }
        }
        page.line(line);
        if self.closed(page, frame) {
            return;
        }
        let values = self.telling(frame, page.terminal().width - INDENT);
        if !values.is_empty() {
            page.line(indented(values));
        }
    }

    /// The most telling values of a frame on one line of `room` columns.
    pub(crate) fn telling(&self, frame: &Frame, room: usize) -> Line {
        let ranking = Ranking::of(frame, self.inline.look);
        self.on_a_line(ranking.telling(), room)
    }

    /// As many values as fit on one line of `room` columns.
    fn on_a_line<'v>(
        &self,
        variables: impl Iterator<Item = &'v Variable<'v>>,
        room: usize,
    ) -> Line {
        let mut line = Line::default();
        let inline = Inline {
            repeat: true,
            ..self.inline
        };
        for variable in variables {
            let is_self = matches!(variable.name.as_str(), "self" | "cls");
            let repeated = variable.node.reference.is_some();
            if is_self || repeated {
                continue;
            }
            let mut item = Line::default();
            if !line.is_empty() {
                item.space(3);
            }
            item.push(Style::Name, text::head(&variable.name, 40))
                .push(Style::Plain, " = ");
            let left = room.saturating_sub(line.width() + item.width());
            let fair = (room * 2 / 5).max(24).min(left);
            let value = inline.value(variable.node, fair);
            // A stump says nothing.
            if value.line.width() > left || (!value.whole && left < LEAST_VALUE) {
                break;
            }
            item.extend(&value.line);
            line.extend(&item);
        }
        line
    }

    /// Says why a frame has no values, if so.
    fn closed(&self, page: &mut Page<'_>, frame: &Frame) -> bool {
        let why = closed(frame);
        if let Some(why) = &why {
            page.line(indented(Line::of(Style::Gap, why)));
        }
        why.is_some()
    }

    fn stale(&self, page: &mut Page<'_>, frame: &Frame) {
        if frame.source.as_ref().is_some_and(|source| source.stale) {
            page.line(indented(Line::of(Style::Gap, STALE)));
        }
    }

    /// Names that need no more than being named.
    pub(crate) fn names(&self, page: &mut Page<'_>, label: &str, names: &[&str]) {
        const MOST: usize = 24;
        if names.is_empty() {
            return;
        }
        let mut line = Line::default();
        line.space(INDENT).push(Style::Dim, label).space(2);
        for (at, name) in names.iter().take(MOST).enumerate() {
            line.push(Style::Dim, if at > 0 { ", " } else { "" })
                .push(Style::Dim, text::head(name, 60));
        }
        if names.len() > MOST {
            line.push(
                Style::Dim,
                &format!(
                    ", {} {} more",
                    self.inline.glyphs.ellipsis,
                    names.len() - MOST
                ),
            );
        }
        page.wrapped(line, INDENT + label.len() + 2);
    }
}

/// Why a frame has no values, if so.
pub(crate) fn closed(frame: &Frame) -> Option<String> {
    let Some(word) = &frame.not_captured_reason else {
        return frame
            .no_variables
            .then(|| "[variables not read]".to_owned());
    };
    let mut reasons = Reason::ALL.into_iter();
    let said = match reasons.find(|reason| reason.as_str() == word) {
        Some(reason) => reason.said(),
        None => word,
    };
    let limit = frame.limit.as_ref();
    let limit = limit.map(|limit| format!(": {} = {}", limit.name, limit.value));
    let limit = limit.unwrap_or_default();
    Some(format!("[variables not captured: {said}{limit}]"))
}

/// What to say of source lines that may not be those that ran.
pub(crate) const STALE: &str =
    "[the file was changed after the program began; its lines may be others]";

fn indented(line: Line) -> Line {
    let mut out = Line::default();
    out.space(INDENT).extend(&line);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_an_import_names_it() {
        for (file, module, short) in [
            (
                "/srv/app/shop/pricing.py",
                Some("shop.pricing"),
                "shop/pricing.py",
            ),
            (
                "/srv/app/shop/__init__.py",
                Some("shop"),
                "shop/__init__.py",
            ),
            (
                "/usr/lib/python3/site-packages/flask/app.py",
                Some("flask.app"),
                "flask/app.py",
            ),
            ("/srv/app/app.py", Some("__main__"), "app.py"),
            ("/srv/app/shop/__main__.py", Some("__main__"), "__main__.py"),
            ("/srv/app/tool.py", None, "tool.py"),
            ("app.py", Some("a.b.c"), "app.py"),
            ("<string>", Some("__main__"), "<string>"),
            ("/x.py", Some("x"), "x.py"),
            ("", None, ""),
        ] {
            assert_eq!(short_file(file, module), short, "{file}");
        }
    }
}
