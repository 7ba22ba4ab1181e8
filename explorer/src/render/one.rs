//! Single values of a snapshot, for pages that are not about one snapshot.

use stillframe_core::snapshot::{Node, Snapshot};

use super::line::Line;
use super::paths::{Owner, Paths};
use super::rank::Ranking;
use super::terminal::{Glyphs, Terminal};
use super::value::{Inline, Look, look};
use stillframe_core::snapshot::Frame;

/// Writes values as the program's language does, each on one line.
pub(crate) struct OneLine<'s> {
    look: &'static dyn Look,
    paths: Paths<'s>,
    glyphs: &'static Glyphs,
}

impl<'s> OneLine<'s> {
    /// For the values of this snapshot. Cost: one visit of every value.
    pub(crate) fn of(snapshot: &'s Snapshot, terminal: &Terminal) -> Self {
        let look = look(&snapshot.runtime.language);
        Self {
            look,
            paths: Paths::of(snapshot, look),
            glyphs: terminal.glyphs(),
        }
    }

    /// As much of the value as fits into `room` columns.
    pub(crate) fn value(&self, node: &Node, frame: usize, room: usize) -> Line {
        let inline = Inline {
            look: self.look,
            paths: &self.paths,
            glyphs: self.glyphs,
            owner: Owner::Frame(frame),
            repeat: true,
        };
        inline.value(node, room).line
    }
}

/// The names that matter most in a frame, the most telling first: what the failing line uses, then the rest.
pub(crate) fn telling_names(frame: &Frame, language: &str) -> Vec<String> {
    let ranking = Ranking::of(frame, look(language));
    let names = ranking.telling().map(|variable| variable.name.clone());
    names.collect()
}
