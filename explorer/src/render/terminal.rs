//! Where text is shown: how wide, in colour or not, with which drawing characters.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Width when nothing tells it.
pub const DEFAULT_WIDTH: usize = 80;
/// Below this nothing can be laid out; above, the eye loses the line.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=200;

/// What the place of output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// Whether escape sequences for colours are wanted.
    pub color: bool,
    /// Whether the locale can show drawing characters.
    pub unicode: bool,
}

/// Drawing characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Stands for what was cut.
    pub ellipsis: &'static str,
    /// Horizontal line.
    pub rule: &'static str,
    /// Between a line number and its source.
    pub bar: &'static str,
    /// Before a path that a repeated object was shown at.
    pub arrow: &'static str,
    /// Before the raising line and an open frame.
    pub pointer: &'static str,
    /// Before a member of a tree.
    pub branch: &'static str,
    /// Before the last member of a tree.
    pub last_branch: &'static str,
    /// Continues a tree downwards.
    pub trunk: &'static str,
    /// Microseconds.
    pub micro: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    ellipsis: "…",
    rule: "─",
    bar: "│",
    arrow: "→",
    pointer: "❯",
    branch: "├─",
    last_branch: "└─",
    trunk: "│ ",
    micro: "µs",
};

const ASCII: Glyphs = Glyphs {
    ellipsis: "...",
    rule: "-",
    bar: "|",
    arrow: "->",
    pointer: ">",
    branch: "|-",
    last_branch: "`-",
    trunk: "| ",
    micro: "us",
};

impl Terminal {
    /// No colour, no drawing characters, the usual width: what a pipe gets.
    pub const fn plain() -> Self {
        Self {
            width: DEFAULT_WIDTH,
            color: false,
            unicode: false,
        }
    }

    /// What `stream` is, with `variable` reading the environment: `COLUMNS`, `NO_COLOR`, `CLICOLOR_FORCE`, `TERM` and the
    /// locale (`LC_ALL`, `LC_CTYPE`, `LANG`).
    pub fn detect<S: AsFd + IsTerminal>(
        stream: &S,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let terminal = stream.is_terminal();
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let color = set("NO_COLOR").is_none() && (forced || (terminal && !dumb));
        let columns = set("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
        let width = columns
            .or_else(|| {
                Some(usize::from(
                    rustix::termios::tcgetwinsize(stream).ok()?.ws_col,
                ))
            })
            .filter(|&columns: &usize| columns > 0)
            .unwrap_or(DEFAULT_WIDTH);
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"));
        let unicode = locale.is_some_and(|locale| {
            let name = locale.to_string_lossy().to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        });
        Self {
            width,
            color,
            unicode,
        }
        .within_reason()
    }

    /// This terminal with a width that can be laid out.
    #[must_use]
    pub fn within_reason(self) -> Self {
        Self {
            width: self.width.clamp(*WIDTHS.start(), *WIDTHS.end()),
            ..self
        }
    }

    /// The drawing characters that it can show.
    pub const fn glyphs(&self) -> &'static Glyphs {
        if self.unicode { &UNICODE } else { &ASCII }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> Terminal {
        let file = tempfile::tempfile().expect("a file, which is no terminal");
        Terminal::detect(&file, |name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn a_pipe_is_plain_and_eighty_wide() {
        assert_eq!(detect(&[]), Terminal::plain());
        assert_eq!(detect(&[("TERM", "xterm-256color")]), Terminal::plain());
    }

    #[test]
    fn the_environment_decides() {
        assert_eq!(detect(&[("COLUMNS", "120")]).width, 120);
        assert_eq!(detect(&[("COLUMNS", "1")]).width, 40);
        assert_eq!(detect(&[("COLUMNS", "9999999")]).width, 200);
        for nonsense in ["", "0", "wide", "-3"] {
            assert_eq!(detect(&[("COLUMNS", nonsense)]).width, 80, "{nonsense:?}");
        }
        assert!(detect(&[("CLICOLOR_FORCE", "1")]).color);
        assert!(!detect(&[("CLICOLOR_FORCE", "0")]).color);
        assert!(!detect(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).color);
        assert!(detect(&[("LANG", "de_DE.UTF-8")]).unicode);
        assert!(detect(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]).unicode);
        assert!(!detect(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).unicode);
    }
}
