//! Which containers are on the tape already, by address.
//!
//! Most snapshots have few containers, so the first ones live in a short array that is searched linearly; then an
//! open-addressing table takes over. Clearing costs nothing: each entry carries the number of the tape it belongs to.

use stillframe_core::tape::ContainerId;

const INLINE: usize = 16;
const FIRST_TABLE: usize = 256;

#[derive(Clone, Copy, Default)]
struct Entry {
    address: usize,
    container: u32,
    tape: u32,
}

/// Addresses of opened containers.
pub(super) struct Identity {
    inline: [usize; INLINE],
    containers: [u32; INLINE],
    count: usize,
    table: Vec<Entry>,
    /// Entries of the table in use now; the rest of it waits for larger snapshots.
    mask: usize,
    tape: u32,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            inline: [0; INLINE],
            containers: [0; INLINE],
            count: 0,
            table: Vec::new(),
            mask: FIRST_TABLE - 1,
            tape: 0,
        }
    }
}

impl Identity {
    pub(super) fn begin(&mut self) {
        self.count = 0;
        self.mask = FIRST_TABLE - 1;
        self.tape = self.tape.wrapping_add(1);
        if self.tape == 0 {
            self.table.fill(Entry::default());
            self.tape = 1;
        }
    }

    #[inline]
    pub(super) fn get(&self, address: usize) -> Option<ContainerId> {
        if self.count <= INLINE {
            return self.inline[..self.count]
                .iter()
                .position(|&seen| seen == address)
                .map(|index| ContainerId(self.containers[index]));
        }
        let mut slot = self.home(address);
        loop {
            let entry = &self.table[slot & self.mask];
            if entry.tape != self.tape {
                return None;
            }
            if entry.address == address {
                return Some(ContainerId(entry.container));
            }
            slot += 1;
        }
    }

    /// Remembers a container that is not there yet.
    #[inline]
    pub(super) fn insert(&mut self, address: usize, container: ContainerId) {
        if self.count < INLINE {
            self.inline[self.count] = address;
            self.containers[self.count] = container.0;
            self.count += 1;
            return;
        }
        if self.count == INLINE {
            self.spill();
        } else if self.count * 2 > self.mask {
            self.grow();
        }
        self.place(address, container.0);
        self.count += 1;
    }

    const fn home(&self, address: usize) -> usize {
        (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }

    #[inline]
    fn place(&mut self, address: usize, container: u32) {
        let mut slot = self.home(address);
        while self.table[slot & self.mask].tape == self.tape {
            slot += 1;
        }
        let mask = self.mask;
        self.table[slot & mask] = Entry {
            address,
            container,
            tape: self.tape,
        };
    }

    #[cold]
    fn spill(&mut self) {
        if self.table.is_empty() {
            self.table = vec![Entry::default(); FIRST_TABLE];
        }
        for index in 0..INLINE {
            self.place(self.inline[index], self.containers[index]);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let old: Vec<Entry> = self.table[..=self.mask]
            .iter()
            .copied()
            .filter(|entry| entry.tape == self.tape)
            .collect();
        // Moved entries must not be found where they were.
        for entry in &mut self.table[..=self.mask] {
            entry.tape = 0;
        }
        let size = (self.mask + 1) * 4;
        if self.table.len() < size {
            self.table.resize(size, Entry::default());
        }
        self.mask = size - 1;
        for entry in old {
            self.place(entry.address, entry.container);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_nothing_of_earlier_tapes() {
        let mut identity = Identity::default();
        for round in 0..3_usize {
            identity.begin();
            for index in 1..=5000_usize {
                let address = index * 48 + round;
                assert_eq!(identity.get(address), None);
                identity.insert(address, ContainerId(index as u32));
            }
            for index in 1..=5000_usize {
                let address = index * 48 + round;
                assert_eq!(identity.get(address), Some(ContainerId(index as u32)));
            }
        }
    }
}
