//! What two occurrences differ in ([`pair`]), and what all of an issue have in common ([`Common`]).

mod common;
mod pair;
mod text;
mod values;

pub use common::{Common, CommonFrame, Seen, Tally};
pub use pair::{Difference, Fact, FramePair, Pair, Presence, facts, pair};
