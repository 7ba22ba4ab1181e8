//! Making one frame's snapshot small enough: the least telling subtrees are replaced, by known ranges, never by parsing.
//!
//! While a frame is written whose first writing turned out too large, the range of every value is noted with its parent. Then the
//! leaves go, in the order of Datadog's tracers: those that are cut by depth first, the deepest first, those with any other reason
//! first, the largest first. A value whose children all went is a leaf itself. The order is total, so the result is determined.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What stands for a value that had to go, in all dialects; shorter than any value.
pub(super) const PRUNED: &[u8] = b"{\"pruned\":true}";
/// What stands for a section of variables that had to go as a whole.
const PRUNED_SECTION: &[u8] = b"{\"@pruned\":{\"pruned\":true}}";
/// Index of no range.
const NONE: u32 = u32::MAX;

/// Where one value stands in the text.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u32,
    end: u32,
    parent: u32,
    /// 0 for a section (arguments, locals), 1 for a variable, and so on.
    level: u16,
    by_depth: bool,
    by_any: bool,
    /// Values inside that are still shown.
    children: u32,
    /// Bytes that replacing values inside has saved.
    saved: u32,
    gone: bool,
}

/// The ranges of one frame's snapshot, parents before their children.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    ranges: Vec<Range>,
    leaves: BinaryHeap<(Key, Reverse<u32>)>,
    open: u32,
    level: u16,
}

/// What makes one leaf go before another: cut by depth, level, cut at all, size. The greatest first.
type Key = (bool, u16, bool, u32);

impl Ranges {
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
        self.open = NONE;
        self.level = 0;
    }

    /// A value begins here; to be closed with the same index.
    pub(super) fn open(&mut self, start: usize) -> u32 {
        let index = self.ranges.len() as u32;
        if let Some(parent) = self.ranges.get_mut(self.open as usize) {
            parent.children += 1;
        }
        self.ranges.push(Range {
            start: start as u32,
            end: start as u32,
            parent: self.open,
            level: self.level,
            by_depth: false,
            by_any: false,
            children: 0,
            saved: 0,
            gone: false,
        });
        self.open = index;
        self.level += 1;
        index
    }

    pub(super) fn close(&mut self, index: u32, end: usize) {
        self.level -= 1;
        if let Some(range) = self.ranges.get_mut(index as usize) {
            range.end = end as u32;
            self.open = range.parent;
        }
    }

    /// The value that is open says why it is not whole.
    pub(super) fn reason(&mut self, by_depth: bool) {
        if let Some(range) = self.ranges.get_mut(self.open as usize) {
            range.by_depth |= by_depth;
            range.by_any = true;
        }
    }

    /// Marks ranges until `excess` bytes are saved or none is left.
    pub(super) fn prune(&mut self, excess: usize) {
        self.leaves.clear();
        for index in 0..self.ranges.len() as u32 {
            self.leaf(index);
        }
        let mut saved = 0;
        while saved < excess {
            let Some((_, Reverse(index))) = self.leaves.pop() else {
                return;
            };
            let range = &mut self.ranges[index as usize];
            let whole = (range.end - range.start).saturating_sub(range.replacement().len() as u32);
            saved += whole.saturating_sub(range.saved) as usize;
            range.gone = true;
            let parent = range.parent;
            if let Some(above) = self.ranges.get_mut(parent as usize) {
                above.saved += whole;
                above.children -= 1;
                self.leaf(parent);
            }
        }
    }

    /// Adds a range to the leaves if it is one.
    fn leaf(&mut self, index: u32) {
        let Some(range) = self.ranges.get(index as usize) else {
            return;
        };
        let gains = (range.end - range.start) as usize > range.replacement().len();
        if range.children == 0 && gains {
            let size = range.end - range.start - range.saved;
            let key = (range.by_depth, range.level, range.by_any, size);
            self.leaves.push((key, Reverse(index)));
        }
    }

    /// Appends `text`, of which the ranges were noted, without what was marked.
    pub(super) fn copy(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        for range in self.ranges.iter().filter(|range| range.gone) {
            let (from, to) = (range.start as usize, range.end as usize);
            // What lies inside a marked one is gone with it.
            if from >= at {
                out.extend_from_slice(&text[at..from]);
                out.extend_from_slice(range.replacement());
                at = to;
            }
        }
        out.extend_from_slice(&text[at..]);
    }
}

impl Range {
    /// A section is no value: it is left with one.
    const fn replacement(&self) -> &'static [u8] {
        if self.level == 0 {
            PRUNED_SECTION
        } else {
            PRUNED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"a":V,"b":V}` where V is text of a given size, as one section with two variables, the second with two children.
    fn example() -> (Vec<u8>, Ranges) {
        let mut text = b"<".to_vec();
        let mut ranges = Ranges::default();
        ranges.clear();
        let section = ranges.open(text.len());
        text.push(b'{');
        let first = ranges.open(text.len());
        text.extend([b'a'; 40]);
        ranges.close(first, text.len());
        let second = ranges.open(text.len());
        text.push(b'[');
        for (letter, by_depth) in [(b'b', false), (b'c', true)] {
            let child = ranges.open(text.len());
            text.extend([letter; 30]);
            if by_depth {
                ranges.reason(true);
            }
            ranges.close(child, text.len());
        }
        text.push(b']');
        ranges.close(second, text.len());
        text.push(b'}');
        ranges.close(section, text.len());
        text.push(b'>');
        (text, ranges)
    }

    #[test]
    fn the_least_telling_goes_first_and_a_parent_after_its_children() {
        let (a, b) = ("a".repeat(40), "b".repeat(30));
        let pruned = "{\"pruned\":true}";
        for (excess, expected) in [
            (0, format!("<{{{a}[{b}{}]}}>", "c".repeat(30))),
            (1, format!("<{{{a}[{b}{pruned}]}}>")),
            (16, format!("<{{{a}[{pruned}{pruned}]}}>")),
            (31, format!("<{{{pruned}[{pruned}{pruned}]}}>")),
            (56, format!("<{{{pruned}{pruned}}}>")),
            (90, "<{\"@pruned\":{\"pruned\":true}}>".to_owned()),
            (5000, "<{\"@pruned\":{\"pruned\":true}}>".to_owned()),
        ] {
            let (text, mut ranges) = example();
            ranges.prune(excess);
            let mut out = Vec::new();
            ranges.copy(&text, &mut out);
            assert_eq!(String::from_utf8(out).expect("text"), expected, "{excess}");
        }
    }
}
