//! A snapshot for people: in a terminal ([`show()`], [`summary()`], [`brief()`]), as [`markdown()`], as a page ([`html()`],
//! [`html_fragment()`]).
//!
//! ```text
//! Snapshot -> layout (each object at the first place that the page shows), paths (how others refer to it)
//!             chain (the exceptions, in which order)
//!          -> rank  (which variables matter: what the failing line uses), stack (which frames are opened, rows, folded)
//!          -> value (a value on one line, as the language writes it), tree (over several lines)
//!          -> frame, header, footer -> line (styled text, cleaned, within the width) -> text
//!          -> html (the same parts, with everything that can be opened)
//! ```
//!
//! Nothing here fails, blocks or reads a file: a snapshot of a hostile program gives text that is at most as wide as the
//! terminal and holds no control character but line ends and our own colours. The cost is that of the text shown and of one
//! visit of each value.

mod brief;
mod chain;
mod footer;
mod frame;
mod gap;
mod header;
mod html;
mod layout;
mod line;
mod markdown;
#[cfg(feature = "command")]
mod one;
mod paths;
mod rank;
mod show;
mod source;
mod stack;
mod summary;
mod terminal;
mod text;
mod time;
mod tree;
mod uses;
mod value;

pub use brief::{Brief, brief};
pub use frame::short_file;
pub use html::{HtmlView, html, html_fragment};
pub use line::{Line, Page, Style};
pub use markdown::{LEAST_TOKENS, markdown};
pub use show::{IssueFacts, NoSuchFrame, View, show};
pub use summary::{SummaryInput, summary};
pub use terminal::{DEFAULT_WIDTH, Glyphs, Terminal};
pub use text::{counted, grouped, head};
pub use time::{Clock, SECOND, duration, size};

#[cfg(feature = "command")]
pub(crate) use gap::chip;
#[cfg(feature = "command")]
pub(crate) use gap::shown;
#[cfg(feature = "command")]
pub(crate) use layout::children_mut;
#[cfg(feature = "command")]
pub(crate) use one::{OneLine, telling_names};
#[cfg(feature = "command")]
pub(crate) use paths::{children, positions};
#[cfg(feature = "command")]
pub(crate) use text::push_escape_of;
#[cfg(feature = "command")]
pub(crate) use value::{byte_text, python_repr};
