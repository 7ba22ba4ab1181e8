//! What two occurrences differ in ([`pair`]), and what all of an issue have in common ([`common()`]).

mod common;
mod pair;

pub use common::{Common, CommonFrame, Seen, Tally, common};
pub use pair::{Difference, Fact, FramePair, Pair, Presence, facts, pair};
