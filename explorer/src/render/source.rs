//! Source lines with the failing one marked, and the failing expression underlined.

use stillframe_core::snapshot::{Frame, Source};

use super::line::{Line, Style};
use super::terminal::Glyphs;
use super::text::{clean, expand_tabs, head, prefix, width};

/// Longest source line that is looked at, in bytes.
const MAX_LINE: usize = 4096;

/// A source line as it is shown: without common indentation, tabs expanded, cleaned.
pub(crate) struct SourceLine {
    /// Its number, from 1.
    pub number: u64,
    /// Its text.
    pub text: String,
    /// Whether it is the line that failed.
    pub failing: bool,
    /// Columns of the failing expression, unless that is the whole line: the first one, and how many.
    pub mark: Option<(usize, usize)>,
}

impl SourceLine {
    /// Columns to leave out on the left so that the marked part can be seen within `room`.
    fn shift(&self, room: usize) -> usize {
        let Some((start, len)) = self.mark else {
            return 0;
        };
        let (total, end) = (width(&self.text), start + len);
        if total <= room || end + 2 <= room {
            return 0;
        }
        let context = room / 4;
        start
            .saturating_sub(context)
            .min(total.saturating_sub(room.saturating_sub(4)))
    }

    /// The text before the failing expression, that expression, and the rest.
    pub(crate) fn parts(&self) -> Option<(&str, &str, &str)> {
        let (start, len) = self.mark?;
        let start = prefix(&self.text, start).len();
        let end = start + prefix(&self.text[start..], len).len();
        Some((
            &self.text[..start],
            &self.text[start..end],
            &self.text[end..],
        ))
    }
}

/// The lines of a frame around its failing one, at most `around` on each side.
pub(crate) fn lines(frame: &Frame, around: u32) -> Vec<SourceLine> {
    let (Some(source), Some(line)) = (&frame.source, frame.line) else {
        return Vec::new();
    };
    let end = frame.end_line.unwrap_or(line).max(line);
    let numbers = line.saturating_sub(around)..=end.saturating_add(around);
    // A failing expression that is spread over many lines is shown by its first ones.
    let shown: Vec<(u64, &str)> = (u64::from(source.first_line)..)
        .zip(&source.lines)
        .filter(|(number, _)| {
            (u64::from(*numbers.start())..=u64::from(*numbers.end())).contains(number)
        })
        .map(|(number, text)| (number, head(text, MAX_LINE)))
        .take(2 * around as usize + 8)
        .collect();
    let blank = |(_, text): &&(u64, &str)| text.trim().is_empty();
    let leading = shown.iter().take_while(blank).count();
    let trailing = shown[leading..].iter().rev().take_while(blank).count();
    let shown = &shown[leading..shown.len() - trailing];
    let indent = shown
        .iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(_, text)| indentation(text))
        .min()
        .unwrap_or(0);
    let lines = shown.iter().map(|&(number, text)| {
        let failing = number == u64::from(line);
        let mark = if failing {
            underline(frame, indent, text)
        } else {
            None
        };
        SourceLine {
            number,
            text: dedented(text, indent),
            failing,
            mark,
        }
    });
    lines.collect()
}

/// The lines of a frame around its failing one, at most `around` on each side, within `room` columns.
pub(crate) fn excerpt(frame: &Frame, around: u32, room: usize, glyphs: &Glyphs) -> Vec<Line> {
    let shown = lines(frame, around);
    let gutter = shown.last().map_or(1, |line| line.number.to_string().len());
    let text_room = room.saturating_sub(gutter + 5);
    let mut lines = Vec::new();
    for line in &shown {
        let shift = line.shift(text_room);
        let mut out = Line::default();
        let pointer = if line.failing { glyphs.pointer } else { " " };
        out.push(Style::Error, pointer);
        let number = format!(" {:>gutter$} {} ", line.number, glyphs.bar);
        out.push(Style::Dim, &number);
        let style = if line.failing {
            Style::Strong
        } else {
            Style::Plain
        };
        let begin = prefix(&line.text, shift).len();
        if begin > 0 {
            out.push(Style::Gap, glyphs.ellipsis);
        }
        out.push(style, line.text[begin..].trim_end());
        lines.push(out.fit(room, glyphs.ellipsis));
        if let Some((start, len)) = line.mark {
            let kept = width(&line.text[..begin]);
            let moved = if begin > 0 { width(glyphs.ellipsis) } else { 0 };
            let start = start + moved - kept.min(start + moved);
            let mut out = Line::default();
            out.space(2 + gutter + 1)
                .push(Style::Dim, glyphs.bar)
                .space(1 + start);
            out.push(Style::Error, &"^".repeat(len.min(text_room)));
            lines.push(out.fit(room, ""));
        }
    }
    lines
}

/// The failing line alone, without its indentation.
pub(crate) fn failing_line(frame: &Frame) -> Option<&str> {
    let text = text_of(frame.source.as_ref()?, frame.line?)?.trim();
    (!text.is_empty()).then_some(text)
}

fn text_of(source: &Source, number: u32) -> Option<&str> {
    let at = number.checked_sub(source.first_line)?;
    source
        .lines
        .get(at as usize)
        .map(|text| head(text, MAX_LINE))
}

fn indentation(text: &str) -> usize {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    width(&expand_tabs(&text[..blank]))
}

fn dedented(text: &str, indent: usize) -> String {
    let text = clean(&expand_tabs(text)).into_owned();
    text.get(indent..).unwrap_or("").to_owned()
}

/// Where the failing expression is in the shown line; nothing if it is unknown, or the whole line.
fn underline(frame: &Frame, indent: usize, text: &str) -> Option<(usize, usize)> {
    let start = frame.column?.checked_sub(1)? as usize;
    let one_line = frame.end_line.is_none_or(|end| Some(end) == frame.line);
    let end = if one_line {
        frame.end_column?.checked_sub(1)? as usize
    } else {
        text.trim_end().len()
    };
    let (start, end) = (
        text.floor_char_boundary(start),
        text.ceil_char_boundary(end.min(text.len())),
    );
    if start >= end || text[start..end].trim() == text.trim() {
        return None;
    }
    let column = |at: usize| width(&clean(&expand_tabs(&text[..at]))).saturating_sub(indent);
    let (first, last) = (column(start), column(end));
    Some((first, last.saturating_sub(first).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::terminal::Terminal;

    fn frame(lines: &[&str], line: u32, columns: Option<(u32, u32)>) -> Frame {
        Frame {
            line: Some(line),
            column: columns.map(|(start, _)| start),
            end_column: columns.map(|(_, end)| end),
            source: Some(Source {
                first_line: 9,
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
                ..Source::default()
            }),
            ..Frame::default()
        }
    }

    fn shown(frame: &Frame, around: u32, room: usize) -> Vec<String> {
        let lines = excerpt(frame, around, room, Terminal::plain().glyphs());
        lines
            .iter()
            .map(|line| line.plain().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn the_failing_line_is_marked_and_its_expression_underlined() {
        let lines = ["    a = 1", "    b = f(a)", "    c = 2"];
        assert_eq!(
            shown(&frame(&lines, 10, Some((9, 13))), 1, 40),
            [
                "   9 | a = 1",
                "> 10 | b = f(a)",
                "     |     ^^^^",
                "  11 | c = 2"
            ]
        );
        assert_eq!(shown(&frame(&lines, 10, None), 0, 40), ["> 10 | b = f(a)"]);
        assert_eq!(
            shown(&frame(&lines, 10, Some((5, 13))), 0, 40),
            ["> 10 | b = f(a)"]
        );
    }

    #[test]
    fn columns_are_bytes_of_the_line_and_become_columns_of_the_screen() {
        let line = "\tname = \"汉字é\" + x";
        let at = line.find("+ x").expect("is there") as u32 + 3;
        assert_eq!(
            shown(&frame(&[line], 9, Some((at, at + 1))), 0, 60),
            ["> 9 | name = \"汉字é\" + x", "    |                  ^"]
        );
    }

    #[test]
    fn a_long_line_is_moved_so_that_the_failing_part_is_seen() {
        let line = format!("{} + bad", "x".repeat(200));
        let at = line.find("bad").expect("is there") as u32 + 1;
        let lines = shown(&frame(&[&line], 9, Some((at, at + 3))), 0, 40);
        assert!(lines[0].ends_with("+ bad"), "{lines:?}");
        assert!(lines[0].starts_with("> 9 | ...xxx"), "{lines:?}");
        assert_eq!(lines[0].find("bad"), lines[1].find("^^^"), "{lines:?}");
    }

    #[test]
    fn positions_outside_of_the_text_are_no_harm() {
        for columns in [
            (0, 0),
            (3, 2),
            (50, 60),
            (1, u32::MAX),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(
                shown(&frame(&["é = 1"], 9, Some(columns)), 1, 40)[0],
                "> 9 | é = 1"
            );
        }
        assert!(shown(&frame(&["x"], 4, None), 1, 40).is_empty());
        assert_eq!(failing_line(&frame(&["  x  "], 9, None)), Some("x"));
        assert_eq!(failing_line(&frame(&["   "], 9, None)), None);
    }
}
