//! Keeping a store within its bounds: bytes, and number of files.
//!
//! Retention drops the oldest records first, but keeps the first and the last snapshot of each issue. It needs no index and
//! no view of the whole store: it reads sealed segments from the oldest on, and within what it has read keeps each issue's
//! first and last. An issue that goes on in segments it has not read keeps one record too many for now; the survivors are
//! the oldest segment of the next run, which sees that. So one run costs what it removes, not what the store holds.
//!
//! If even the firsts and lasts do not fit, the issues that were quiet for longest go as a whole.
//!
//! Several processes share a store. One at a time removes (a lock file; whoever finds it locked leaves it), and only what no
//! process appends to (a writer holds a lock on its segment). Survivors are written to a new segment, which appears under
//! its own name only when it is complete; then the old ones go. A crash between the two leaves some records twice, under the same id.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use super::counters::SpoolCounters;
use super::dir::{SegmentName, SpoolDir};
use super::record::Header;
use super::scan::SegmentScan;
use super::{SpoolConfig, SpoolError};
use crate::sink::RecordKind;

/// Segments of a store that are left alone. Above this number, small ones are merged: programs that fail at once and
/// often make many.
const MANY_SEGMENTS: usize = 64;
/// Part of the bound that is free after a run, so that the next is far away.
const HEADROOM: u64 = 4;
/// Segments locked and read by one run.
const MOST_INPUTS: usize = 256;

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    /// Snapshots removed.
    pub(super) removed: u64,
    /// Bytes freed.
    pub(super) freed: u64,
    /// Whether segments were removed or replaced.
    pub(super) changed: bool,
    /// Whether the store is still above its bound: the rest is live, or is another process's turn, or there was no time.
    pub(super) over_bound: bool,
}

impl Outcome {
    pub(super) fn count(&self, counters: &SpoolCounters) {
        SpoolCounters::count(&counters.removed, self.removed);
        SpoolCounters::count(&counters.removed_bytes, self.freed);
        SpoolCounters::count(&counters.compactions, u64::from(self.changed));
    }
}

/// Brings the store within its bounds as far as is possible now and until `deadline`.
pub(super) fn run(dir: &SpoolDir, config: &SpoolConfig, deadline: Instant) -> io::Result<Outcome> {
    let size =
        |segments: &[(SegmentName, u64)]| segments.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let segments = dir.segments()?;
    let too_big = size(&segments) > config.max_bytes;
    if !too_big && segments.len() <= MANY_SEGMENTS {
        return Ok(Outcome::default());
    }
    let Some(lock) = dir.lock_retention()? else {
        return Ok(Outcome {
            over_bound: too_big,
            ..Outcome::default()
        });
    };
    dir.remove_left_over(&lock)?;

    // Another process may have been faster.
    let segments = dir.segments()?;
    let before = size(&segments);
    let mut outcome = Outcome::default();
    if before > config.max_bytes {
        let target = config.max_bytes - config.max_bytes / HEADROOM;
        shrink(
            dir,
            config,
            &segments,
            before - target,
            deadline,
            &mut outcome,
        )?;
    } else if segments.len() > MANY_SEGMENTS {
        merge(dir, config, &segments, deadline, &mut outcome)?;
    }
    let after = size(&dir.segments()?);
    outcome.freed = before.saturating_sub(after);
    outcome.over_bound = after > config.max_bytes;
    Ok(outcome)
}

/// A sealed segment, locked so that nobody mistakes it for anything else.
struct Input {
    name: SegmentName,
    bytes: u64,
    file: File,
    snapshots: u64,
    /// Records that the plan keeps, and their bytes.
    kept: u64,
    kept_bytes: u64,
}

impl Input {
    /// Locks `name` if nobody appends to it.
    fn sealed(dir: &SpoolDir, name: &SegmentName, bytes: u64) -> Option<Self> {
        let file = dir.open_segment(name).ok()?;
        file.try_lock().ok()?;
        Some(Self {
            name: name.clone(),
            bytes,
            file,
            snapshots: 0,
            kept: 0,
            kept_bytes: 0,
        })
    }

    fn scan(&self, dir: &SpoolDir) -> Result<SegmentScan, SpoolError> {
        let path = dir.path_of(&self.name);
        let file = self
            .file
            .try_clone()
            .map_err(|error| SpoolError::io(&path, "read", error))?;
        SegmentScan::new(self.name.clone(), path, file, 0)
    }
}

/// A snapshot that may be kept: enough to order it and to find it again.
#[derive(Debug, Clone, Copy)]
struct Mark {
    timestamp_ns: u64,
    id: [u8; 16],
    bytes: u64,
    input: usize,
}

/// First and last snapshot of one issue, within what was read.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Mark,
    last: Mark,
}

impl Span {
    fn add(&mut self, mark: Mark) {
        let order = |mark: &Mark| (mark.timestamp_ns, mark.id);
        if order(&mark) < order(&self.first) {
            self.first = mark;
        }
        if order(&mark) > order(&self.last) {
            self.last = mark;
        }
    }

    /// The first, and the last if that is another.
    fn marks(&self) -> impl Iterator<Item = Mark> + use<> {
        let last = (self.last.id != self.first.id).then_some(self.last);
        [Some(self.first), last].into_iter().flatten()
    }

    fn bytes(&self) -> u64 {
        self.marks().map(|mark| mark.bytes).sum()
    }
}

/// Each issue's first and last within the segments read so far.
#[derive(Default)]
struct Plan {
    inputs: Vec<Input>,
    issues: HashMap<[u8; 16], Span>,
    read_bytes: u64,
    kept_bytes: u64,
}

impl Plan {
    fn frees(&self) -> u64 {
        self.read_bytes.saturating_sub(self.kept_bytes)
    }

    /// Reads one more segment. One that this version cannot read as a whole is not ours to judge, and stays.
    fn read(&mut self, dir: &SpoolDir, mut input: Input) {
        let index = self.inputs.len();
        let Ok(mut scan) = input.scan(dir) else {
            return;
        };
        let mut marks = Vec::new();
        while let Some(found) = scan.next_any() {
            let Ok((_, header)) = found else { return };
            if header.known_kind() == Some(RecordKind::Uncaught) {
                // It goes and stays with its snapshot, which stands before it.
                let about = marks
                    .iter_mut()
                    .rev()
                    .find(|(_, mark): &&mut ([u8; 16], Mark)| mark.id == header.id);
                if let Some((_, mark)) = about {
                    mark.bytes += header.total_len() as u64;
                }
            }
            if header.known_kind() == Some(RecordKind::Snapshot) {
                let bytes = header.total_len() as u64;
                let (timestamp_ns, id) = (header.timestamp_ns, header.id);
                marks.push((
                    header.fingerprint,
                    Mark {
                        timestamp_ns,
                        id,
                        bytes,
                        input: index,
                    },
                ));
            }
        }
        input.snapshots = marks.len() as u64;
        self.read_bytes += input.bytes;
        self.inputs.push(input);
        for (fingerprint, mark) in marks {
            let span = self.issues.entry(fingerprint);
            let before = match &span {
                std::collections::hash_map::Entry::Occupied(span) => span.get().bytes(),
                std::collections::hash_map::Entry::Vacant(_) => 0,
            };
            let span = span.or_insert(Span {
                first: mark,
                last: mark,
            });
            span.add(mark);
            self.kept_bytes = self.kept_bytes + span.bytes() - before;
        }
    }

    /// Gives up the issues that were quiet for longest until what is kept fits into `room`.
    fn forget_quiet_issues(&mut self, room: u64) {
        if self.kept_bytes <= room {
            return;
        }
        let mut quiet: Vec<_> = self
            .issues
            .iter()
            .map(|(key, span)| (span.last.timestamp_ns, *key))
            .collect();
        quiet.sort_unstable();
        for (_, fingerprint) in quiet {
            if self.kept_bytes <= room {
                break;
            }
            if let Some(span) = self.issues.remove(&fingerprint) {
                self.kept_bytes -= span.bytes();
            }
        }
    }

    /// The ids to keep, and the inputs that have something else.
    fn finish(mut self) -> (HashSet<[u8; 16]>, Vec<Input>) {
        let mut keep = HashSet::new();
        for mark in self.issues.values().flat_map(Span::marks) {
            keep.insert(mark.id);
            if let Some(input) = self.inputs.get_mut(mark.input) {
                input.kept += 1;
                input.kept_bytes += mark.bytes;
            }
        }
        self.inputs.retain(|input| input.kept_bytes < input.bytes);
        (keep, self.inputs)
    }
}

/// Removes `excess` bytes, from the oldest on.
fn shrink(
    dir: &SpoolDir,
    config: &SpoolConfig,
    segments: &[(SegmentName, u64)],
    excess: u64,
    deadline: Instant,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let mut plan = Plan::default();
    let mut all_read = true;
    for (name, bytes) in segments {
        if plan.frees() >= excess {
            break;
        }
        if plan.inputs.len() == MOST_INPUTS || Instant::now() > deadline {
            all_read = false;
            break;
        }
        if let Some(input) = Input::sealed(dir, name, *bytes) {
            plan.read(dir, input);
        }
    }
    if all_read && plan.frees() < excess {
        // What processes append to now must not cost the whole past: a quarter of the bound is always for it.
        let room = plan
            .read_bytes
            .saturating_sub(excess)
            .max(config.max_bytes / HEADROOM);
        plan.forget_quiet_issues(room);
    }
    let (keep, inputs) = plan.finish();
    let (empty, rest): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|input| input.kept == 0);
    // First what needs no room: the disk may be full.
    for input in empty {
        dir.remove(&input.name)?;
        outcome.changed = true;
        outcome.removed += input.snapshots;
    }
    rewrite(
        dir,
        config,
        rest,
        |header| keep.contains(&header.id),
        None,
        outcome,
    )
}

/// Merges small segments into few, oldest first, and keeps every record.
fn merge(
    dir: &SpoolDir,
    config: &SpoolConfig,
    segments: &[(SegmentName, u64)],
    deadline: Instant,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let small = segments
        .iter()
        .filter(|(_, bytes)| *bytes < config.rotate_at() / 2);
    let mut inputs = Vec::new();
    for (name, bytes) in small {
        if inputs.len() == MOST_INPUTS {
            break;
        }
        let Some(input) = Input::sealed(dir, name, *bytes) else {
            continue;
        };
        // A first record of another major version tells that the segment is; damage is left to the reader.
        if input
            .scan(dir)
            .is_ok_and(|mut scan| !matches!(scan.next_any(), Some(Err(_))))
        {
            inputs.push(input);
        }
    }
    if inputs.len() < 2 {
        return Ok(());
    }
    rewrite(dir, config, inputs, |_| true, Some(deadline), outcome)
}

/// Writes the records of `inputs` that `keep` wants to new segments, then removes the inputs.
fn rewrite(
    dir: &SpoolDir,
    config: &SpoolConfig,
    inputs: Vec<Input>,
    keep: impl Fn(&Header) -> bool,
    deadline: Option<Instant>,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let mut output = Output {
        dir,
        limit: config.rotate_at(),
        current: None,
    };
    let mut seen = HashSet::new();
    let mut done = Vec::new();
    for input in inputs {
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            break;
        }
        let mut scan = input.scan(dir).map_err(io::Error::other)?;
        let mut kept = 0;
        while let Some(found) = scan.next_any() {
            let (_, header) = found.map_err(io::Error::other)?;
            if keep(&header) && seen.insert((header.kind, header.id)) {
                output.push(&input.name, scan.last_bytes())?;
                kept += u64::from(header.known_kind() == Some(RecordKind::Snapshot));
            }
        }
        done.push((input, kept));
    }
    output.finish()?;
    for (input, kept) in done {
        dir.remove(&input.name)?;
        outcome.changed = true;
        outcome.removed += input.snapshots.saturating_sub(kept);
    }
    Ok(())
}

/// Segments in the making.
struct Output<'a> {
    dir: &'a SpoolDir,
    limit: u64,
    current: Option<(SegmentName, BufWriter<File>, u64)>,
}

impl Output<'_> {
    /// Appends a record from `from`, whose place in time a new segment takes.
    fn push(&mut self, from: &SegmentName, record: &[u8]) -> io::Result<()> {
        let added = record.len() as u64;
        if self
            .current
            .as_ref()
            .is_some_and(|(_, _, len)| len + added > self.limit)
        {
            self.finish()?;
        }
        if self.current.is_none() {
            let name = SegmentName::new(from.created_ms());
            let file = self.dir.create_temporary(&name)?;
            self.current = Some((name, BufWriter::with_capacity(256 << 10, file), 0));
        }
        if let Some((_, file, len)) = &mut self.current {
            file.write_all(record)?;
            *len += added;
        }
        Ok(())
    }

    /// Makes the segment appear, complete and on the disk.
    fn finish(&mut self) -> io::Result<()> {
        let Some((name, file, _)) = self.current.take() else {
            return Ok(());
        };
        let result = file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_data())
            .and_then(|()| self.dir.publish(&name));
        if result.is_err() {
            let _ = self.dir.remove_temporary(&name);
        }
        result
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if let Some((name, file, _)) = self.current.take() {
            // What is buffered would only fail again.
            drop(file.into_parts());
            let _ = self.dir.remove_temporary(&name);
        }
    }
}
