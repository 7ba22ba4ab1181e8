//! From the records that earlier runs left to snapshots. Runs on a thread of its own, and only if there are records.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stillframe_core::engine::{Engine, Submission};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::native::{Images, Natives};
use stillframe_core::snapshot::{Meta, Process, SnapshotId, Thread};
use stillframe_core::tape::{Link, Tape, TapeWriter};

use super::super::start;
use super::record::{MAX_BYTES, Parts, parts};

/// The folder for records, in the store.
pub(crate) const FOLDER: &str = "fatal";
/// The ending of a record's name.
pub(crate) const ENDING: &str = ".fatal";
/// A record without an end is left alone for so long: its process may be writing.
const WRITING: Duration = Duration::from_secs(10);
/// How long a record is kept that could not be stored.
const FLUSH: Duration = Duration::from_secs(5);
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
    let Ok(store) = engine.config().store_dir() else {
        return;
    };
    let records = records(&store.join(FOLDER));
    if records.is_empty() {
        return;
    }
    let work = move || {
        if let Some(using) = start::using()
            && let Some(engine) = using.engine()
        {
            // A mistake here ends here: it is no worse than a record that stays.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _inside = stillframe_core::panics::inside();
                submit(engine, &records);
            }));
        }
    };
    let _ = with_signals_blocked(|| {
        std::thread::Builder::new()
            .name("stillframe".to_owned())
            .spawn(work)
    });
}

/// A thread made by `spawn` never takes a signal from the program.
fn with_signals_blocked<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are plain data of the right type on this stack.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = spawn();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        result
    }
}

/// Records that can be taken, the oldest first.
fn records(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut records: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ENDING)))
        .collect();
    records.sort();
    records.truncate(MOST);
    records
}

fn submit(engine: &Engine, records: &[PathBuf]) {
    let mut natives = Natives::default();
    for path in records {
        let Some(bytes) = read(path) else {
            continue;
        };
        let Some(parts) = parts(&bytes) else {
            continue;
        };
        if !parts.is_whole && !is_old(path) {
            continue;
        }
        // Who renames it has it: several processes may start at once.
        let mine = path.with_extension(format!("taken-{}", std::process::id()));
        if std::fs::rename(path, &mine).is_err() {
            continue;
        }
        let submitted = submission(engine, &parts, &mut natives)
            .is_some_and(|submission| engine.submit(submission).is_ok());
        let stored = submitted && engine.flush(FLUSH);
        if !submitted || stored {
            let _ = std::fs::remove_file(&mine);
        } else {
            let _ = std::fs::rename(&mine, path);
        }
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let meta = path.symlink_metadata().ok()?;
    (meta.is_file() && meta.len() <= MAX_BYTES)
        .then(|| std::fs::read(path).ok())
        .flatten()
}

fn is_old(path: &Path) -> bool {
    let modified = path.metadata().and_then(|meta| meta.modified()).ok();
    let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age >= WRITING)
}

fn submission(engine: &Engine, parts: &Parts<'_>, natives: &mut Natives) -> Option<Submission> {
    let when = parts.when.first_chunk::<40>()?;
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
    let who: Value = serde_json::from_slice(parts.who).unwrap_or_default();
    let text = |key: &str| who.get(key).and_then(Value::as_str).map(str::to_owned);
    let process = Process {
        service: text("service").unwrap_or_else(|| engine.process().service.clone()),
        env: text("env"),
        version: text("version"),
        host: text("host"),
        pid: who.get("pid").and_then(Value::as_u64).unwrap_or(0) as u32,
        language: Language::Native,
        runtime_version: text("runtimeVersion"),
    };
    let images = Images::from_maps(&String::from_utf8_lossy(parts.images));
    let tape = match Tape::parse(parts.tape) {
        Ok(tape) => natives
            .finish_with(&tape, &images)
            .unwrap_or_else(|| parts.tape.to_vec()),
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
