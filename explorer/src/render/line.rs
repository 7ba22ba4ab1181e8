//! Lines of styled text: the only thing that can be printed.
//!
//! Program text enters a [`Line`] through [`Line::push`], which cleans it; so a line holds no control character, its width
//! is known, and it can be cut to a terminal. Styles say what a piece *is*; colours follow from it when a page is
//! [rendered](Page::render), and nothing is told by colour alone.

use std::fmt::Write as _;

use super::terminal::Terminal;
use super::text;

/// Longest piece of text that enters a line, in bytes; a line is never longer than a few screens.
const MAX_PIECE: usize = 16 * 1024;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Ordinary text.
    Plain,
    /// What the eye should find first: a function's name, the raising line.
    Strong,
    /// What is read last: line numbers, receipts, folded frames.
    Dim,
    /// The error itself, and the mark under the failing expression.
    Error,
    /// The name of a variable or field.
    Name,
    /// Text in quotes.
    Str,
    /// A number, a date, a keyword.
    Literal,
    /// The name of a type.
    Type,
    /// A gap: what was cut, and by which limit.
    Gap,
    /// Something hidden on purpose.
    Redacted,
    /// An identifier to copy: an id, a command to type.
    Id,
    /// All is well.
    Good,
    /// Something to mend.
    Bad,
}

impl Style {
    /// Parameters of the SGR sequence. Only the sixteen colours that every theme defines.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Error => "1;31",
            Self::Name => "36",
            Self::Str | Self::Good => "32",
            Self::Literal => "34",
            Self::Type => "2;36",
            Self::Gap => "33",
            Self::Redacted => "35",
            Self::Id => "1;36",
            Self::Bad => "31",
        }
    }
}

/// One line of styled, clean text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    /// A line of one piece.
    pub fn of(style: Style, text: &str) -> Self {
        let mut line = Self::default();
        line.push(style, text);
        line
    }

    /// Appends program text, cleaned.
    pub fn push(&mut self, style: Style, text: &str) -> &mut Self {
        let kept = text::head(text, MAX_PIECE);
        let clean = text::clean(kept);
        self.append(style, &clean);
        if kept.len() < text.len() {
            self.append(Style::Gap, "...");
        }
        self
    }

    /// Appends clean text.
    fn append(&mut self, style: Style, clean: &str) {
        if clean.is_empty() {
            return;
        }
        self.width += text::width(clean);
        match self.spans.last_mut() {
            Some((last, existing)) if *last == style => existing.push_str(clean),
            _ => self.spans.push((style, clean.to_owned())),
        }
    }

    /// Appends another line.
    pub fn extend(&mut self, other: &Line) -> &mut Self {
        for (style, text) in &other.spans {
            self.append(*style, text);
        }
        self
    }

    /// Appends `columns` spaces.
    pub fn space(&mut self, columns: usize) -> &mut Self {
        self.append(Style::Plain, &" ".repeat(columns));
        self
    }

    /// Appends spaces up to `column`, and `least` spaces anyway.
    pub fn pad_to(&mut self, column: usize, least: usize) -> &mut Self {
        self.space(column.saturating_sub(self.width).max(least))
    }

    /// Columns taken.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The pieces, each with what it is. Their text is clean.
    pub(crate) fn spans(&self) -> impl ExactSizeIterator<Item = (Style, &str)> {
        self.spans
            .iter()
            .map(|(style, text)| (*style, text.as_str()))
    }

    /// The text without styles.
    pub fn plain(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// This line, cut to `columns`; a cut one ends with `ellipsis`.
    #[must_use]
    pub fn fit(self, columns: usize, ellipsis: &str) -> Self {
        if self.width <= columns {
            return self;
        }
        let mut room = columns.saturating_sub(text::width(ellipsis));
        let mut out = Self::default();
        for (style, text) in &self.spans {
            let kept = text::prefix(text, room);
            out.append(*style, kept);
            room -= text::width(kept).min(room);
            if kept.len() < text.len() {
                break;
            }
        }
        out.append(Style::Gap, text::prefix(ellipsis, columns));
        out
    }

    /// This line on as many lines as it needs, each at most `columns` wide, broken at spaces where there are any; the later
    /// ones are indented by `indent`.
    #[must_use]
    pub fn wrap(self, columns: usize, indent: usize) -> Vec<Line> {
        if self.width <= columns {
            return vec![self];
        }
        let indent = if columns > indent + 8 { indent } else { 0 };
        let mut lines = Vec::new();
        let mut line = Line::default();
        let mut empty = true;
        for word in self.words() {
            if line.width + word.width > columns && !empty {
                lines.push(std::mem::take(&mut line));
                line.space(indent);
                empty = true;
            }
            if empty && !lines.is_empty() && word.plain().trim().is_empty() {
                continue;
            }
            let mut rest = word;
            while line.width + rest.width > columns {
                let (head, tail) = rest.split(columns.saturating_sub(line.width));
                if head.is_empty() {
                    break;
                }
                line.extend(&head);
                lines.push(std::mem::take(&mut line));
                line.space(indent);
                rest = tail;
            }
            empty &= rest.is_empty();
            line.extend(&rest);
        }
        if !empty || lines.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Pieces between which the line may be broken: words, and the spaces between them.
    fn words(&self) -> Vec<Line> {
        let mut words: Vec<Line> = Vec::new();
        let mut in_space = true;
        for (style, text) in &self.spans {
            for part in text.split_inclusive(' ') {
                let word = part.trim_end_matches(' ');
                for (piece, space) in [(word, false), (&part[word.len()..], true)] {
                    if piece.is_empty() {
                        continue;
                    }
                    match words.last_mut() {
                        Some(last) if in_space == space => last.append(*style, piece),
                        _ => {
                            let mut line = Line::default();
                            line.append(*style, piece);
                            words.push(line);
                        }
                    }
                    in_space = space;
                }
            }
        }
        words
    }

    /// The part of this line within `columns`, and the rest.
    fn split(&self, columns: usize) -> (Line, Line) {
        let (mut head, mut tail) = (Line::default(), Line::default());
        for (style, text) in &self.spans {
            let room = if tail.is_empty() {
                columns.saturating_sub(head.width)
            } else {
                0
            };
            let kept = text::prefix(text, room);
            head.append(*style, kept);
            tail.append(*style, &text[kept.len()..]);
        }
        (head, tail)
    }

    fn render(&self, terminal: &Terminal, out: &mut String) {
        let last = self.spans.len().saturating_sub(1);
        for (at, (style, text)) in self.spans.iter().enumerate() {
            let text = if at == last {
                text.trim_end_matches(' ')
            } else {
                text
            };
            let sgr = if terminal.color { style.sgr() } else { "" };
            // Writing to a string cannot fail.
            let _ = if sgr.is_empty() || text.is_empty() {
                write!(out, "{text}")
            } else {
                write!(out, "\x1b[{sgr}m{text}\x1b[0m")
            };
        }
        out.push('\n');
    }
}

/// Lines on their way to a terminal of known width.
#[derive(Debug)]
pub struct Page<'t> {
    terminal: &'t Terminal,
    lines: Vec<Line>,
}

impl<'t> Page<'t> {
    /// An empty page.
    pub fn new(terminal: &'t Terminal) -> Self {
        Self {
            terminal,
            lines: Vec::new(),
        }
    }

    /// Where it will be shown.
    pub fn terminal(&self) -> &'t Terminal {
        self.terminal
    }

    /// Appends a line, cut to the terminal.
    pub fn line(&mut self, line: Line) {
        self.lines
            .push(line.fit(self.terminal.width, self.terminal.glyphs().ellipsis));
    }

    /// Appends a line, continued on further lines where it does not fit.
    pub fn wrapped(&mut self, line: Line, indent: usize) {
        self.lines.extend(line.wrap(self.terminal.width, indent));
    }

    /// Appends `left` and, at the right edge, `right`; where both do not fit `right` goes below.
    pub fn spread(&mut self, mut left: Line, right: &Line) {
        if left.width() + 2 + right.width() > self.terminal.width {
            self.wrapped(left, 4);
            left = Line::default();
        }
        left.space(
            self.terminal
                .width
                .saturating_sub(left.width() + right.width()),
        );
        left.extend(right);
        self.line(left);
    }

    /// Appends an empty line, unless there is one already.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    /// The lines.
    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// The text to write, with colours where the terminal has them.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(self.lines.len() * 64);
        for line in &self.lines {
            line.render(self.terminal, &mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[Line]) -> Vec<String> {
        lines.iter().map(Line::plain).collect()
    }

    #[test]
    fn program_text_is_cleaned_on_its_way_in() {
        let line = Line::of(Style::Plain, "a\x1b[2Jb\n");
        assert_eq!(line.plain(), "a\\x1b[2Jb\\n");
        assert_eq!(line.width(), 11);
    }

    #[test]
    fn a_huge_piece_is_cut_and_says_so() {
        let line = Line::of(Style::Plain, &"x".repeat(1 << 20));
        assert_eq!(line.width(), MAX_PIECE + 3);
        assert!(line.plain().ends_with("x..."));
    }

    #[test]
    fn a_line_is_cut_to_the_terminal() {
        let mut line = Line::of(Style::Name, "汉字");
        line.push(Style::Plain, " and more");
        assert_eq!(line.clone().fit(7, "…").plain(), "汉字 a…");
        assert_eq!(line.clone().fit(4, "…").plain(), "汉…");
        assert_eq!(line.clone().fit(1, "...").plain(), ".");
        assert_eq!(line.clone().fit(99, "…"), line);
    }

    #[test]
    fn words_wrap_and_long_words_break() {
        let line = Line::of(Style::Plain, "one two three four");
        assert_eq!(lines(&line.wrap(11, 2)), ["one two ", "  three ", "  four"]);
        let line = Line::of(Style::Plain, "see abcdefghijklmnop ok");
        assert_eq!(
            lines(&line.wrap(10, 0)),
            ["see ", "abcdefghij", "klmnop ok"]
        );
        let mut line = Line::of(Style::Name, "aa bbb");
        line.push(Style::Plain, "=").push(Style::Str, "ccc");
        assert_eq!(lines(&line.wrap(8, 0)), ["aa ", "bbb=ccc"]);
        let line = Line::of(Style::Plain, "汉字汉字");
        assert_eq!(lines(&line.wrap(5, 0)), ["汉字", "汉字"]);
    }

    #[test]
    fn colour_is_for_terminals_and_lines_do_not_end_in_spaces() {
        let mut terminal = Terminal {
            width: 20,
            ..Terminal::plain()
        };
        let mut line = Line::of(Style::Error, "bad");
        line.space(3);
        let text = |terminal: &Terminal| {
            let mut page = Page::new(terminal);
            page.line(line.clone());
            page.render()
        };
        assert_eq!(text(&terminal), "bad\n");
        terminal.color = true;
        assert_eq!(text(&terminal), "\x1b[1;31mbad\x1b[0m\n");
    }

    #[test]
    fn left_and_right_share_a_line_or_take_two() {
        let terminal = Terminal {
            width: 20,
            ..Terminal::plain()
        };
        let mut page = Page::new(&terminal);
        page.spread(
            Line::of(Style::Plain, "short"),
            &Line::of(Style::Dim, "right"),
        );
        page.spread(
            Line::of(Style::Plain, "quite a long one"),
            &Line::of(Style::Dim, "right"),
        );
        assert_eq!(
            page.render(),
            "short          right\nquite a long one\n               right\n"
        );
    }
}
