//! What waits in memory, because nothing can be stored: bounded, oldest first out.

use std::collections::VecDeque;

/// Encoded records, one item each.
#[derive(Debug)]
pub(super) struct Memory {
    records: VecDeque<Box<[u8]>>,
    /// Records that are taken and may come back.
    taken: u64,
    /// They may not: the process ends.
    closed: bool,
    /// Bytes of `records`, and of those that are taken and may come back.
    bytes: u64,
    most: u64,
}

impl Memory {
    pub(super) fn new(most: u64) -> Self {
        Self {
            records: VecDeque::new(),
            taken: 0,
            closed: false,
            bytes: 0,
            most,
        }
    }

    /// Records that the process has, the taken ones among them.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64 + self.taken
    }

    /// Adds a record. Returns how many of the oldest had to go for it.
    pub(super) fn push(&mut self, record: Box<[u8]>) -> u64 {
        let mut dropped = 0;
        self.bytes += cost(&record);
        while self.bytes > self.most
            && let Some(oldest) = self.records.pop_front()
        {
            self.bytes -= cost(&oldest);
            dropped += 1;
        }
        self.records.push_back(record);
        dropped
    }

    /// Takes the oldest; its bytes count until [`Memory::forget`] or [`Memory::put_back`].
    pub(super) fn take(&mut self) -> Option<Box<[u8]>> {
        let record = self.records.pop_front()?;
        self.taken += 1;
        Some(record)
    }

    /// A record that was taken is done with.
    pub(super) fn forget(&mut self, record: &[u8]) {
        self.taken = self.taken.saturating_sub(1);
        self.bytes -= cost(record).min(self.bytes);
    }

    /// Records that were taken, in their order, wait again.
    pub(super) fn put_back(&mut self, records: impl DoubleEndedIterator<Item = Box<[u8]>>) {
        for record in records.rev() {
            self.taken = self.taken.saturating_sub(1);
            if !self.closed {
                self.records.push_front(record);
            }
        }
    }

    /// Forgets all, also what is taken and comes back. Returns how many there were.
    pub(super) fn close(&mut self) -> u64 {
        let count = self.len();
        self.records.clear();
        (self.bytes, self.taken, self.closed) = (0, 0, true);
        count
    }
}

/// What a record costs, with its place in the queue and what the allocator adds.
fn cost(record: &[u8]) -> u64 {
    record.len() as u64 + 48
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(byte: u8) -> Box<[u8]> {
        vec![byte; 52].into()
    }

    #[test]
    fn the_oldest_goes_first_and_what_is_taken_counts() {
        let mut memory = Memory::new(300);
        assert_eq!((1..=3).map(|n| memory.push(record(n))).sum::<u64>(), 0);
        assert_eq!(memory.push(record(4)), 1);
        let taken = memory.take().expect("a record");
        assert_eq!(taken[0], 2);
        assert_eq!(
            memory.push(record(5)),
            1,
            "the third, for the second still counts"
        );
        memory.put_back([taken].into_iter());
        assert_eq!(
            (memory.len(), memory.take().map(|record| record[0])),
            (3, Some(2))
        );
        assert_eq!(memory.len(), 3, "it may come back");
        memory.forget(&record(2));
        assert_eq!(memory.push(record(6)), 0);
        let taken = memory.take().expect("a record");
        assert_eq!(memory.close(), 3, "the process ends with it");
        memory.put_back([taken].into_iter());
        assert_eq!((memory.len(), memory.bytes), (0, 0));
    }
}
