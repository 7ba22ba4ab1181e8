//! From the records that earlier runs left to snapshots. Runs on a thread of its own, and only if there are records.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stillframe_core::background::{self, STACK};
use stillframe_core::engine::{Engine, Submission};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::native::{Images, Natives};
use stillframe_core::sink::fatal;
use stillframe_core::snapshot::{Meta, Process, SnapshotId, Thread};
use stillframe_core::tape::{Link, Tape, TapeWriter};

use super::super::start;
use super::record::{MAX_BYTES, Parts, WHEN_BYTES, parts};

/// A record without an end is left alone for so long: its process may be writing.
const WRITING: Duration = Duration::from_secs(10);
/// How long storing what was made of a record may take; after that the next start tries again.
const FLUSH: Duration = Duration::from_secs(5);
/// The same while the program waits for its start.
const FLUSH_AT_ONCE: Duration = Duration::from_secs(1);
/// Records taken over at one start.
const MOST: usize = 16;

/// Who this process is, for its record.
pub(crate) fn who(engine: &Engine) -> Vec<u8> {
    let process = engine.process();
    let who = json!({
        "service": process.service,
        "env": process.env,
        "version": process.version,
        "host": process.host,
        "pid": process.pid,
        "runtimeVersion": process.runtime_version,
    });
    who.to_string().into_bytes()
}

/// Takes over what earlier runs left.
pub(crate) fn take_over(engine: &Engine) {
    // What is made of a record would be stored nowhere: it waits for a start that stores.
    if !engine.config().spool.enabled {
        return;
    }
    let Ok(store) = engine.config().store_dir() else {
        return;
    };
    let records = fatal::waiting(&store);
    if records.is_empty() {
        return;
    }
    let Some(busy) = Busy::begin() else {
        return;
    };
    // Either they are why processes ended, or these end, or become daemons, before the background comes to it.
    let is_last = |record: &PathBuf| fatal::tried(record).is_some_and(|(n, _)| n == fatal::TRIES);
    let (last, others): (Vec<_>, Vec<_>) = records.into_iter().partition(is_last);
    guarded(|| submit_plain(engine, &last));
    if others.is_empty() {
        return;
    }
    let work = move || {
        if let Some(using) = start::using() {
            // Given up before that: a start that follows a stop at once takes records again.
            let _busy = busy;
            if let Some(engine) = using.engine() {
                guarded(|| submit(engine, &others));
            }
        }
    };
    let _ = background::spawn("stillframe", STACK, work);
}

/// A mistake here ends here: it is no worse than a record that stays.
fn guarded(work: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
}

/// The right to take records: one thread of a process, as locks of files are the process's. A forked child does not have its parent's.
struct Busy;

/// The process that has such a thread.
static BUSY: AtomicU32 = AtomicU32::new(0);

impl Busy {
    fn begin() -> Option<Self> {
        let pid = std::process::id();
        let other = |by: u32| (by != pid).then_some(pid);
        BUSY.fetch_update(Ordering::AcqRel, Ordering::Relaxed, other)
            .ok()
            .map(|_| Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.store(0, Ordering::Release);
    }
}

fn submit(engine: &Engine, records: &[PathBuf]) {
    let mut natives = Natives::default();
    for taken in records
        .iter()
        .filter_map(|path| Taken::take(path))
        .take(MOST)
    {
        // The names of functions take long. What is stopped stores nothing more; the next start takes the rest.
        if !start::is_started() {
            taken.end(false);
            break;
        }
        let finish = |tape: &Tape<'_>, images: &Images| natives.finish_with(tape, images);
        let stored = match parts(&taken.bytes).and_then(|p| submission(engine, &p, finish)) {
            Some(submission) => engine.submit(submission).is_ok() && engine.flush(FLUSH),
            // It is no record, and never will be.
            None => true,
        };
        taken.end(stored);
    }
}

/// The same without what takes time and reads other files: names of functions.
fn submit_plain(engine: &Engine, records: &[PathBuf]) {
    let mut natives = Natives::default();
    let none = Images::from_maps("");
    let mut submitted = Vec::new();
    for taken in records
        .iter()
        .filter_map(|path| Taken::take(path))
        .take(MOST)
    {
        let finish = |tape: &Tape<'_>, _: &Images| natives.finish_with(tape, &none);
        match parts(&taken.bytes).and_then(|p| submission(engine, &p, finish)) {
            Some(submission) => match engine.submit(submission) {
                Ok(_) => submitted.push(taken),
                Err(_) => taken.end(false),
            },
            None => taken.end(true),
        }
    }
    let stored = !submitted.is_empty() && engine.flush(FLUSH_AT_ONCE);
    for taken in submitted {
        taken.end(stored);
    }
}

/// A record that this process has and no other, for as long as it lives.
struct Taken<'p> {
    bytes: Vec<u8>,
    /// What the record was called before.
    before: &'p Path,
    now: PathBuf,
    _locked: File,
}

impl<'p> Taken<'p> {
    /// Takes a record that is whole. Its name counts how often it was taken by processes that ended with it: reading it may be why.
    fn take(path: &'p Path) -> Option<Self> {
        let is_record = |meta: &Metadata| meta.is_file() && meta.len() <= MAX_BYTES;
        let there = path.symlink_metadata().ok().filter(is_record)?;
        // Only who may write gets an exclusive lock.
        let mut file = File::options().read(true).write(true).open(path).ok()?;
        lock(&file).then_some(())?;
        // Another one may have taken it before it was locked here.
        let (here, now) = (file.metadata().ok()?, path.symlink_metadata().ok()?);
        if (here.ino(), there.ino()) != (now.ino(), now.ino()) {
            return None;
        }
        // It says which files are read for the names of functions: only this user may have written that.
        // SAFETY: a system call without arguments that cannot fail.
        if here.uid() != unsafe { libc::geteuid() } {
            return None;
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let is_whole = parts(&bytes).is_some_and(|parts| parts.is_whole);
        if !is_whole && !is_old(&here) {
            return None;
        }
        let Some((_, now)) = fatal::tried(path) else {
            let _ = std::fs::remove_file(path);
            return None;
        };
        std::fs::rename(path, &now).ok()?;
        Some(Self {
            bytes,
            before: path,
            now,
            _locked: file,
        })
    }

    /// What could not be stored is tried again at the next start.
    fn end(self, stored: bool) {
        let _ = match stored {
            true => std::fs::remove_file(&self.now),
            false => std::fs::rename(&self.now, self.before),
        };
    }
}

/// Locks a file for this process alone, for as long as it has that open. Not by `flock`, which a forked child would keep.
fn lock(file: &File) -> bool {
    // SAFETY: plain data; zeroed, it names the whole file.
    let mut all: libc::flock = unsafe { std::mem::zeroed() };
    all.l_type = libc::F_WRLCK as libc::c_short;
    all.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: an open file, and a struct of the type that the command takes.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const all) == 0 }
}

fn is_old(meta: &Metadata) -> bool {
    let modified = meta.modified().ok();
    let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age >= WRITING)
}

/// What is made of a record. `finish` gives the frames of a tape their names.
fn submission(
    engine: &Engine,
    parts: &Parts<'_>,
    finish: impl FnOnce(&Tape<'_>, &Images) -> Option<Vec<u8>>,
) -> Option<Submission> {
    let when = parts.when.first_chunk::<40>()?;
    let who: Value = serde_json::from_slice(parts.who).unwrap_or_default();
    // Who it was may be a parent that installed the handlers.
    let pid = match parts.when.first_chunk::<WHEN_BYTES>() {
        Some(&[.., p0, p1, p2, p3]) => Some(u32::from_le_bytes([p0, p1, p2, p3])),
        // A record of before.
        None => who.get("pid").and_then(Value::as_u64).map(|pid| pid as u32),
    };
    let number = |from: usize| {
        u32::from_le_bytes([when[from], when[from + 1], when[from + 2], when[from + 3]])
    };
    let timestamp_ns = u64::from(number(4)) << 32 | u64::from(number(0));
    let (tid, signal) = (number(8), number(12));
    let name = when[24..]
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    let text = |key: &str| who.get(key).and_then(Value::as_str).map(str::to_owned);
    let process = Process {
        service: text("service").unwrap_or_else(|| engine.process().service.clone()),
        env: text("env"),
        version: text("version"),
        host: text("host"),
        pid: pid.unwrap_or(0),
        language: Language::Native,
        runtime_version: text("runtimeVersion"),
    };
    let images = Images::from_maps(&String::from_utf8_lossy(parts.images));
    let tape = match Tape::parse(parts.tape) {
        Ok(tape) => finish(&tape, &images).unwrap_or_else(|| parts.tape.to_vec()),
        // It died before that was written.
        Err(_) => bare(signal)?,
    };
    Some(Submission {
        tape: tape.into(),
        meta: Meta {
            id: SnapshotId::generate(timestamp_ns),
            timestamp_ns,
            process: Arc::new(process),
            thread: Some(Thread {
                id: tid.into(),
                name: (!name.is_empty()).then_some(name),
            }),
            handled: false,
            mechanism: Some("signal".to_owned()),
            ..Meta::default()
        },
        site: None,
        deeper: false,
    })
}

/// A tape that says which signal it was.
fn bare(signal: u32) -> Option<Vec<u8>> {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Native, &Limits::default());
    let id = writer.define_type(format!("signal {signal}").as_bytes());
    writer.exception(id, Link::Root, 0, true)?;
    writer.end_group();
    writer.end_group();
    writer.finish(None, Duration::ZERO).map(<[u8]>::to_vec)
}
