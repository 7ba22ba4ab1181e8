//! The reading end: on the sender thread. Makes batches of what waits and forgets what is settled.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use super::hold::Hold;
use super::lock::Held;
use super::{Outbox, cursor, item};
use crate::sink::RecordKind;
use crate::sink::spool::{Decompressor, SegmentName, SegmentScan, SpoolDir};
use crate::sink::wire::Bounds;
use crate::stats::{count, count_down};

/// What is known of a segment while this process delivers.
#[derive(Debug, Default)]
struct Progress {
    /// Everything before this offset is settled.
    settled: u64,
    /// Everything before this offset is counted as waiting.
    counted: u64,
    /// Items between the two.
    waiting: u64,
    /// Nothing more can be read of it by this version.
    unreadable: bool,
}

/// Makes batches.
pub(crate) struct Reader {
    outbox: Arc<Outbox>,
    segments: HashMap<SegmentName, Progress>,
    decompressor: Decompressor,
    payload: Vec<u8>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}

/// Items of one route, taken out to be delivered; they wait until [`Reader::settle`] says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Batched {
    route: String,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    from: From,
    /// More waits behind it that did not fit.
    pub(crate) full: bool,
}

/// Where the items of a batch are.
#[derive(Debug)]
enum From {
    /// Segment of each item, and the offset behind it.
    Disk(Vec<(SegmentName, u64)>, Vec<Hold>),
    Memory(Vec<Box<[u8]>>),
}

impl Default for From {
    fn default() -> Self {
        Self::Disk(Vec::new(), Vec::new())
    }
}

impl Batched {
    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// At least one.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn items(&self) -> Vec<&[u8]> {
        let mut from = 0;
        let item = |end: &usize| {
            let item = &self.bytes[from..*end];
            from = *end;
            item
        };
        self.ends.iter().map(item).collect()
    }

    /// Adds an item if it belongs to the batch and fits.
    fn add(&mut self, route: &str, item: &[u8], bounds: Bounds) -> bool {
        let fits = self.route == route
            && self.ends.len() < bounds.items
            && self.bytes.len() + item.len() <= bounds.bytes;
        if self.ends.is_empty() {
            route.clone_into(&mut self.route);
        } else if !fits {
            self.full = true;
            return false;
        }
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
        true
    }
}

/// How the scan of a segment for a batch ended.
enum Ended {
    /// The batch is full.
    Full,
    /// There is nothing more in it now.
    Empty,
}

impl Reader {
    pub(crate) fn new(outbox: Arc<Outbox>) -> Self {
        Self {
            outbox,
            segments: HashMap::new(),
            decompressor: Decompressor::default(),
            payload: Vec::new(),
        }
    }

    /// What is to be delivered next, within `bounds`; `None` if nothing waits, or another process delivers it.
    pub(crate) fn load(&mut self, bounds: Bounds) -> Option<Batched> {
        // What is in memory is lost with the process, so it goes first.
        if let Some(batch) = self.load_memory(bounds) {
            return Some(batch);
        }
        let dir = self.hold()?;
        self.load_disk(&dir, bounds)
    }

    fn load_memory(&mut self, bounds: Bounds) -> Option<Batched> {
        let outbox = Arc::clone(&self.outbox);
        let (mut batch, mut taken) = (Batched::default(), Vec::new());
        loop {
            let Some(record) = outbox.memory.lock().take() else {
                break;
            };
            let read = self.decompressor.unpack_record(&record, &mut self.payload);
            match read.ok().and_then(|()| item::read(&self.payload)) {
                Some((route, item)) => {
                    if !batch.add(route, item, bounds) {
                        outbox.memory.lock().put_back(std::iter::once(record));
                        break;
                    }
                    taken.push(record);
                }
                None => {
                    outbox.memory.lock().forget(&record);
                    count_down(&outbox.counters.waiting, 1);
                    count(&outbox.counters.dropped, 1);
                }
            }
        }
        batch.from = From::Memory(taken);
        (batch.len() > 0).then_some(batch)
    }

    /// The folder, if this is the process that delivers it.
    fn hold(&mut self) -> Option<SpoolDir> {
        // Opened each time: the folder may have been removed and made again, and a descriptor kept for long may be closed by the program.
        let dir = SpoolDir::open(self.outbox.path.as_ref()?).ok()?;
        if !dir.is_ours() {
            return None;
        }
        let held = self.outbox.lock.hold(&dir).ok()?;
        if held != Held::Still {
            for (_, progress) in self.segments.drain() {
                count_down(&self.outbox.counters.waiting, progress.waiting);
            }
        }
        if held == Held::New {
            cursor::remove_left_over(&dir, &dir.segments().ok()?);
        }
        (held != Held::ByAnother).then_some(dir)
    }

    fn load_disk(&mut self, dir: &SpoolDir, bounds: Bounds) -> Option<Batched> {
        let found = dir.segments().ok()?;
        self.count_new(dir, &found);
        let mut batch = Batched::default();
        let (mut places, mut files) = (Vec::new(), Vec::new());
        for (name, _) in found {
            let progress = self.segments.get(&name)?;
            if progress.unreadable {
                continue;
            }
            let Ok(file) = dir.open_segment(&name) else {
                continue;
            };
            let file = Hold::new(file);
            // As long as it is held, nobody removes it to make room. What is still written cannot be held, and is not removed.
            let sealed = file.try_lock_shared().is_ok();
            let Ok(copy) = file.try_clone() else {
                continue;
            };
            let ended = self.load_segment(dir, &name, copy, bounds, &mut batch, &mut places);
            // Others are not held: there may be as many as processes, and a program has only so many descriptors.
            let is_of_batch = places.last().is_some_and(|(last, _)| *last == name);
            if is_of_batch {
                files.push(file);
            } else {
                // Our own hold would keep us from removing it, too.
                drop(file);
            }
            match ended {
                Ended::Full => break,
                Ended::Empty if sealed && !is_of_batch => {
                    self.finish(dir, &name);
                }
                Ended::Empty => {}
            }
        }
        if batch.len() == 0 {
            return None;
        }
        batch.from = From::Disk(places, files);
        Some(batch)
    }

    /// Adds items of one segment to `batch`.
    fn load_segment(
        &mut self,
        dir: &SpoolDir,
        name: &SegmentName,
        file: File,
        bounds: Bounds,
        batch: &mut Batched,
        places: &mut Vec<(SegmentName, u64)>,
    ) -> Ended {
        let Some(&Progress {
            settled, counted, ..
        }) = self.segments.get(name)
        else {
            return Ended::Empty;
        };
        let Ok(mut scan) = SegmentScan::new(name.clone(), dir.path_of(name), file, settled) else {
            return Ended::Empty;
        };
        while let Some(record) = scan.next() {
            let Ok(record) = record else {
                self.cannot_read(name);
                break;
            };
            // What was written since it was counted is for the next batch.
            if scan.position() > counted {
                break;
            }
            if record.kind != RecordKind::Item
                || scan
                    .payload(&mut self.decompressor, &mut self.payload)
                    .is_err()
            {
                continue;
            }
            let Some((route, item)) = item::read(&self.payload) else {
                continue;
            };
            if !batch.add(route, item, bounds) {
                return Ended::Full;
            }
            places.push((name.clone(), scan.position()));
        }
        Ended::Empty
    }

    fn cannot_read(&mut self, name: &SegmentName) {
        if let Some(progress) = self.segments.get_mut(name)
            && !progress.unreadable
        {
            progress.unreadable = true;
            (self.outbox.tell)(&format!(
                "{name} waits in the outbox and cannot be read by this version of stillframe"
            ));
        }
    }

    /// Counts items that were written since the last time, by every process.
    fn count_new(&mut self, dir: &SpoolDir, found: &[(SegmentName, u64)]) {
        let counters = &self.outbox.counters;
        // Removed by somebody, to keep the bound.
        self.segments.retain(|name, progress| {
            let there = found.binary_search_by(|(known, _)| known.cmp(name)).is_ok();
            if !there {
                count_down(&counters.waiting, progress.waiting);
            }
            there
        });
        for (name, size) in found {
            let progress = self.segments.entry(name.clone()).or_insert_with(|| {
                let settled = cursor::read(dir, name);
                Progress {
                    settled,
                    counted: settled,
                    ..Progress::default()
                }
            });
            if *size <= progress.counted || progress.unreadable {
                continue;
            }
            let Ok(file) = dir.open_segment(name) else {
                continue;
            };
            let path = dir.path_of(name);
            let Ok(mut scan) = SegmentScan::new(name.clone(), path, file, progress.counted) else {
                continue;
            };
            let (mut items, mut others) = (0, 0);
            for record in scan.by_ref().take_while(Result::is_ok).flatten() {
                match record.kind {
                    RecordKind::Item => items += 1,
                    _ => others += 1,
                }
            }
            let stats = scan.stats();
            progress.counted = scan.position();
            progress.waiting += items;
            count(&counters.waiting, items);
            count(&counters.dropped, others + stats.damaged + stats.unknown);
        }
    }

    /// The first `done` items of `batch` need no more: they were taken, or never will be. The others wait again.
    pub(crate) fn settle(&mut self, batch: Batched, done: usize) {
        match batch.from {
            From::Memory(records) => {
                let mut memory = self.outbox.memory.lock();
                let mut records = records.into_iter();
                for record in records.by_ref().take(done) {
                    memory.forget(&record);
                }
                memory.put_back(records);
                drop(memory);
                count_down(&self.outbox.counters.waiting, done as u64);
            }
            From::Disk(places, files) => {
                let mut ends: Vec<(SegmentName, u64, u64)> = Vec::new();
                for (name, end) in places.into_iter().take(done) {
                    match ends.last_mut() {
                        Some((last, at, items)) if *last == name => {
                            *at = end;
                            *items += 1;
                        }
                        _ => ends.push((name, end, 1)),
                    }
                }
                // From here on a segment may be locked by those who remove it.
                drop(files);
                let path = self.outbox.path.clone().unwrap_or_default();
                // Without the folder it is only known here that they are settled; the next process sends them again.
                let dir = SpoolDir::open(&path).ok();
                for (name, end, items) in ends {
                    if let Some(progress) = self.segments.get_mut(&name) {
                        progress.settled = end;
                        let items = items.min(progress.waiting);
                        progress.waiting -= items;
                        count_down(&self.outbox.counters.waiting, items);
                    }
                    if let Some(dir) = &dir
                        && !self.finish(dir, &name)
                    {
                        // If it cannot be written, the items are sent again by the next process.
                        let _ = cursor::write(dir, &name, end);
                    }
                }
            }
        }
    }

    /// Removes a segment of which everything is settled and which nobody writes any more. `false` if it stays.
    fn finish(&mut self, dir: &SpoolDir, name: &SegmentName) -> bool {
        let settled = self.segments.get(name).map_or(0, |known| known.settled);
        let Ok(file) = dir.open_segment(name) else {
            return true;
        };
        let file = Hold::new(file);
        if file.try_lock().is_err() {
            return false;
        }
        let Ok(copy) = file.try_clone() else {
            return false;
        };
        // What came between the last look and the lock is still to be delivered.
        let Ok(mut scan) = SegmentScan::new(name.clone(), dir.path_of(name), copy, settled) else {
            return false;
        };
        while let Some(record) = scan.next() {
            let Ok(record) = record else { return false };
            if record.kind == RecordKind::Item
                && scan
                    .payload(&mut self.decompressor, &mut self.payload)
                    .is_ok()
                && item::read(&self.payload).is_some()
            {
                return false;
            }
        }
        let torn = u64::from(scan.stats().tail_bytes > 0);
        if dir.remove(name).is_err() {
            return false;
        }
        cursor::remove(dir, name);
        // What still counts as waiting has no route, or does not decompress.
        let odd = self.segments.remove(name).map_or(0, |known| known.waiting);
        count_down(&self.outbox.counters.waiting, odd);
        count(&self.outbox.counters.dropped, torn + odd);
        true
    }

    /// Lets another process deliver.
    pub(crate) fn release(&mut self) {
        self.outbox.lock.release();
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::{Origin, Writer, WriterConfig};
    use super::*;
    use crate::stats::DestinationCounters;

    const BOUNDS: Bounds = Bounds {
        items: 100,
        bytes: 1 << 20,
    };

    fn outbox(path: &Path) -> Arc<Outbox> {
        let counters = Arc::new(DestinationCounters::new("http://localhost"));
        Outbox::new(Some(path.into()), 1 << 20, counters, Arc::new(|_| {}))
    }

    /// As another process would: to a segment of its own.
    fn writer(outbox: &Arc<Outbox>) -> Writer {
        let config = WriterConfig { max_bytes: 8 << 20 };
        let mut writer = Writer::new(Arc::clone(outbox), config);
        write(&mut writer);
        writer
    }

    fn write(writer: &mut Writer) {
        let origin = Origin {
            id: [1; 16],
            fingerprint: [2; 16],
            timestamp_ns: 3,
        };
        writer.push("", b"item", &origin);
        assert!(writer.flush());
    }

    fn held(batch: &Batched) -> usize {
        match &batch.from {
            From::Disk(_, files) => files.len(),
            From::Memory(_) => 0,
        }
    }

    #[test]
    fn only_segments_of_the_batch_are_held() {
        let dir = tempfile::tempdir().expect("a folder");
        let outbox = outbox(dir.path());
        let mut writers: Vec<Writer> = (0..20).map(|_| writer(&outbox)).collect();
        let mut reader = Reader::new(Arc::clone(&outbox));
        let batch = reader.load(BOUNDS).expect("a batch");
        assert_eq!((batch.len(), held(&batch)), (20, 20));
        reader.settle(batch, 20);
        // They are still written, so they stay.
        write(&mut writers[7]);
        let batch = reader.load(BOUNDS).expect("a batch");
        assert_eq!((batch.len(), held(&batch)), (1, 1));
        reader.settle(batch, 1);
        assert!(reader.load(BOUNDS).is_none());
    }

    /// Copies descriptors of the segments in `dir`, until told to stop: as forks at any moment would. Tells when it has `begun`.
    fn copy_descriptors(dir: &Path, begun: &AtomicBool, stop: &AtomicBool) -> Vec<OwnedFd> {
        let is_segment = |fd: RawFd| {
            let target = std::fs::read_link(format!("/proc/self/fd/{fd}"));
            target
                .is_ok_and(|path| path.starts_with(dir) && path.extension() == Some("sfs".as_ref()))
        };
        let mut copies: Vec<OwnedFd> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let all = std::fs::read_dir("/proc/self/fd").expect("descriptors");
            let numbers = all
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            let of_copies: Vec<RawFd> = copies.iter().map(AsRawFd::as_raw_fd).collect();
            for fd in numbers.filter(|fd| !of_copies.contains(fd) && is_segment(*fd)) {
                // SAFETY: it is borrowed for the copy only. If it was closed just now there is none, or one of another file.
                let copy = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
                copies.extend(copy.ok().filter(|copy| is_segment(copy.as_raw_fd())));
            }
            begun.fetch_or(!copies.is_empty(), Ordering::Relaxed);
            if copies.len() > 100 {
                copies.drain(..50);
            }
        }
        copies
    }

    #[test]
    fn a_forked_child_keeps_no_segment_from_being_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let outbox = outbox(dir.path());
        let mut writer = writer(&outbox);
        for _ in 0..500 {
            write(&mut writer);
        }
        writer.close();
        let (begun, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let copies = std::thread::scope(|scope| {
            let copies = scope.spawn(|| copy_descriptors(dir.path(), &begun, &stop));
            let mut reader = Reader::new(Arc::clone(&outbox));
            let single = Bounds { items: 1, ..BOUNDS };
            for _ in 0..500 {
                let batch = reader.load(single).expect("a batch");
                while !begun.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                reader.settle(batch, 1);
            }
            stop.store(true, Ordering::Relaxed);
            let copies = copies.join().expect("no panic");
            // The last one: the child has all that it was given, and the segment goes.
            let batch = reader.load(single).expect("a batch");
            reader.settle(batch, 1);
            copies
        });
        assert!(!copies.is_empty());
        let dir = SpoolDir::open(dir.path()).expect("the folder");
        assert_eq!(dir.segments().expect("a list").len(), 0);
    }
}
