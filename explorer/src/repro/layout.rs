//! Python expressions laid out: on one line where they fit, else one item below the other.

/// Columns of the file.
const WIDTH: usize = 120;
const STEP: usize = 4;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doc {
    /// One that is never broken.
    Text(String),
    /// One in brackets.
    Group {
        /// `[`, `make("shop.Cart", `
        open: String,
        items: Vec<Item>,
        close: &'static str,
        /// Whether a single item needs a comma: a tuple.
        comma: bool,
    },
}

/// An expression in another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// `name=`, `"key": `
    pub(super) prefix: String,
    pub(super) doc: Doc,
    /// What is to be said of it.
    pub(super) comment: Option<String>,
}

impl Item {
    pub(super) fn of(doc: Doc) -> Self {
        Self {
            prefix: String::new(),
            doc,
            comment: None,
        }
    }
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn group(open: impl Into<String>, items: Vec<Item>, close: &'static str) -> Self {
        Self::Group {
            open: open.into(),
            items,
            close,
            comma: false,
        }
    }

    /// On one line; `None` if something in it has a comment.
    pub(super) fn flat(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Group {
                open,
                items,
                close,
                comma,
            } => {
                let mut out = open.clone();
                for (at, item) in items.iter().enumerate() {
                    if item.comment.is_some() {
                        return None;
                    }
                    if at > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(&item.prefix);
                    out.push_str(&item.doc.flat()?);
                }
                if *comma && items.len() == 1 {
                    out.push(',');
                }
                out.push_str(close);
                Some(out)
            }
        }
    }

    /// Appends the expression, which begins at `column` of a line that is indented by `indent`.
    pub(super) fn write(&self, out: &mut String, indent: usize, column: usize) {
        let flat = self.flat();
        let (open, items, close) = match (self, flat) {
            (Self::Text(text), _) => return out.push_str(text),
            // One column for what comes behind it.
            (_, Some(flat)) if column + flat.chars().count() < WIDTH => return out.push_str(&flat),
            (
                Self::Group {
                    open, items, close, ..
                },
                _,
            ) => (open, items, close),
        };
        // `make("shop.Cart", ` ends its line without the space.
        out.push_str(open.trim_end());
        out.push('\n');
        for item in items {
            let inner = indent + STEP;
            out.push_str(&" ".repeat(inner));
            out.push_str(&item.prefix);
            item.doc
                .write(out, inner, inner + item.prefix.chars().count());
            out.push(',');
            if let Some(comment) = &item.comment {
                out.push_str("  # ");
                out.push_str(comment);
            }
            out.push('\n');
        }
        out.push_str(&" ".repeat(indent));
        out.push_str(close);
    }
}
