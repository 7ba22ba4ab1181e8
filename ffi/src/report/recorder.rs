//! The memory that a capture works in, made before it is needed: nothing is allocated from the first frame to the finished tape.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use stillframe_core::limits::Limits;
use stillframe_core::redact::MAX_ALIASES;
use stillframe_core::tape::TapeWriter;

use super::layout::{Slot, Var};
use super::memory::Memory;
use super::scopes::Scopes;
use super::stack::Stack;
use super::text::TextBuffer;
use super::value::Known;
use super::walk::{MAX_VARS, Pending};

/// Recorders kept for the next captures. More are made where more threads fail at one moment.
const KEPT: usize = 4;
/// Containers that are recognised when they are met again.
const SEEN: usize = 1024;
/// Descriptions that are read once only.
const KNOWN: usize = 256;

/// All of it.
pub(crate) struct Recorder {
    pub(crate) stack: Stack,
    pub(crate) scopes: Scopes,
    pub(crate) tools: Tools,
}

const fn sent<T: Send>() {}
const _: () = sent::<Recorder>();

/// What writing values needs.
pub(crate) struct Tools {
    pub(crate) writer: TapeWriter,
    pub(crate) memory: Memory,
    pub(crate) text: TextBuffer,
    pub(crate) bytes: Box<[u8]>,
    pub(crate) seen: Seen,
    pub(crate) known: Vec<Known>,
    /// Variables of one scope.
    pub(crate) vars: Vec<(Var, Slot)>,
    /// Containers whose contents are still to be written.
    pub(crate) queue: Vec<Pending>,
    /// Lengths and hashes of hidden texts whose copies the walk itself hides.
    pub(crate) aliases: Vec<(u32, u64)>,
}

impl Recorder {
    /// A recorder for captures within these limits; larger ones are cut.
    pub(crate) fn new(limits: &Limits) -> Box<Self> {
        let mut writer = TapeWriter::new();
        // Makes its buffer.
        writer.begin(stillframe_core::language::Language::Native, limits);
        Box::new(Self {
            stack: Stack::new(),
            scopes: Scopes::new(),
            tools: Tools {
                writer,
                memory: Memory::new(),
                text: TextBuffer::new(limits.string as usize),
                bytes: vec![0; limits.string as usize].into_boxed_slice(),
                seen: Seen::new(),
                known: Vec::with_capacity(KNOWN),
                vars: Vec::with_capacity(MAX_VARS),
                queue: Vec::with_capacity(limits.values as usize),
                aliases: Vec::with_capacity(MAX_ALIASES),
            },
        })
    }
}

/// Which containers stand where on the tape, by address and type.
pub(crate) struct Seen {
    table: Box<[(usize, usize, u32)]>,
    used: usize,
}

impl Seen {
    fn new() -> Self {
        Self {
            table: vec![(0, 0, 0); 2 * SEEN].into_boxed_slice(),
            used: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        if self.used > 0 {
            self.table.fill((0, 0, 0));
            self.used = 0;
        }
    }

    fn slot(&self, address: usize, kind: usize) -> usize {
        let mut at = (address ^ kind.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        loop {
            at %= self.table.len();
            let (known, its, id) = self.table[at];
            if id == 0 || (known == address && its == kind) {
                return at;
            }
            at += 1;
        }
    }

    pub(crate) fn find(&self, address: usize, kind: usize) -> Option<u32> {
        let (.., id) = self.table[self.slot(address, kind)];
        (id != 0).then_some(id)
    }

    /// Remembers it, if there is room: else a cycle ends at the limit of depth.
    pub(crate) fn add(&mut self, address: usize, kind: usize, id: u32) {
        if self.used < SEEN {
            let at = self.slot(address, kind);
            self.table[at] = (address, kind, id);
            self.used += 1;
        }
    }
}

/// Recorders that nobody uses. Each is in its slot or is not, with nothing in between that would have to be finished: a forked child has
/// the slots of its parent, and not the threads that were at them.
pub(crate) struct Pool {
    limits: Limits,
    free: [AtomicPtr<Recorder>; KEPT],
}

impl Pool {
    /// With one recorder ready.
    pub(crate) fn new(limits: &Limits) -> Self {
        let pool = Self {
            limits: *limits,
            free: [const { AtomicPtr::new(null_mut()) }; KEPT],
        };
        pool.give_back(Recorder::new(limits), limits);
        pool
    }

    pub(crate) fn take(&self, limits: &Limits) -> Box<Recorder> {
        // Somebody wants this one deeper.
        if *limits != self.limits {
            return Recorder::new(limits);
        }
        self.free
            .iter()
            .find_map(empty)
            .unwrap_or_else(|| Recorder::new(&self.limits))
    }

    pub(crate) fn give_back(&self, recorder: Box<Recorder>, limits: &Limits) {
        if *limits != self.limits {
            return;
        }
        let recorder = Box::into_raw(recorder);
        let mut slots = self.free.iter();
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let is_kept = slots.any(|slot| {
            slot.compare_exchange(null_mut(), recorder, success, failure)
                .is_ok()
        });
        if !is_kept {
            // SAFETY: from `Box::into_raw`, and nobody saw it.
            drop(unsafe { Box::from_raw(recorder) });
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.free.iter().filter_map(empty).for_each(drop);
    }
}

/// Takes what is in a slot.
fn empty(slot: &AtomicPtr<Recorder>) -> Option<Box<Recorder>> {
    if slot.load(Ordering::Relaxed).is_null() {
        return None;
    }
    let recorder = slot.swap(null_mut(), Ordering::AcqRel);
    // SAFETY: it came from `Box::into_raw`, and the swap gives it to one caller only.
    (!recorder.is_null()).then(|| unsafe { Box::from_raw(recorder) })
}

#[cfg(test)]
mod tests {
    use super::{SEEN, Seen};

    #[test]
    fn containers_are_recognised_until_the_table_is_full() {
        let mut seen = Seen::new();
        for id in 1..=2 * SEEN as u32 {
            assert_eq!(seen.find(id as usize * 8, 5), None);
            seen.add(id as usize * 8, 5, id);
        }
        assert_eq!(seen.find(8, 5), Some(1));
        assert_eq!(seen.find(8, 6), None, "another type at the same address");
        assert_eq!(seen.find(SEEN * 8, 5), Some(SEEN as u32));
        assert_eq!(seen.find((SEEN + 1) * 8, 5), None);
        seen.clear();
        assert_eq!(seen.find(8, 5), None);
    }
}
