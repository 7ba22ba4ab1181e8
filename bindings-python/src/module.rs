//! The functions of `stillframe._native`, as `_native.pyi` describes them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use stillframe_core::config::{Config, Sources};
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::engine::{Engine, Host, now_ns};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::sink::callback::Callback;
use stillframe_core::snapshot::{Extras, Meta, Snapshot, SnapshotId};
use stillframe_core::stats::StatsSnapshot;
use stillframe_core::tape::{Tape, TapeWriter};
use stillframe_explorer::render::{self, SummaryInput, Terminal};

use crate::callbacks;
use crate::capture;
use crate::guard::guarded;
use crate::memory;
use crate::recorder::Recorder;
use crate::replay::Replay;
use crate::snapshot::Snapshot as PySnapshot;
use crate::state::{TOOLS, Tools, engine, set_engine};
use crate::walk::caches::CACHES;
use crate::walk::{Request, Walker};

/// A method table entry that lives as long as the process.
struct Method(ffi::PyMethodDef);

// SAFETY: the entry is never changed, and what its pointers point to is static.
unsafe impl Sync for Method {}

static CAPTURE: Method = Method(ffi::PyMethodDef {
    ml_name: c"capture".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer {
        PyCFunctionFast: capture::capture,
    },
    ml_flags: ffi::METH_FASTCALL,
    ml_doc: capture::DOC.as_ptr(),
});

pub(crate) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    // SAFETY: the table entry is static, and CPython only reads it.
    let capture = unsafe {
        let entry = (&raw const CAPTURE.0).cast_mut();
        Bound::from_owned_ptr_or_err(
            py,
            ffi::PyCFunction_NewEx(entry, module.as_ptr(), std::ptr::null_mut()),
        )?
    };
    module.add("capture", capture)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("_inline_caches", PyBytes::new(py, &CACHES))?;
    module.add_class::<PySnapshot>()?;
    callbacks::fill(module)?;
    module.add_class::<Recorder>()?;
    module.add_class::<Replay>()?;
    module.add_function(wrap_pyfunction!(crate::replay::replay, module)?)?;
    module.add_function(wrap_pyfunction!(notice, module)?)?;
    module.add_function(wrap_pyfunction!(in_main_interpreter, module)?)?;
    module.add_function(wrap_pyfunction!(start, module)?)?;
    module.add_function(wrap_pyfunction!(stop, module)?)?;
    module.add_function(wrap_pyfunction!(is_enabled, module)?)?;
    module.add_function(wrap_pyfunction!(settings, module)?)?;
    module.add_function(wrap_pyfunction!(switches, module)?)?;
    module.add_function(wrap_pyfunction!(session_headers, module)?)?;
    module.add_function(wrap_pyfunction!(stats, module)?)?;
    module.add_function(wrap_pyfunction!(notices, module)?)?;
    module.add_function(wrap_pyfunction!(has_captured, module)?)?;
    module.add_function(wrap_pyfunction!(flush, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(walker, module)?)?;
    module.add_function(wrap_pyfunction!(summary, module)?)?;
    module.add_function(wrap_pyfunction!(note_source, module)?)?;
    module.add_function(wrap_pyfunction!(count_internal_error, module)?)?;
    module.add_function(wrap_pyfunction!(mark_uncaught, module)?)?;
    module.add_function(wrap_pyfunction!(panic_inside, module)?)?;
    module.add_function(wrap_pyfunction!(capture_tape, module)?)?;
    module.add_function(wrap_pyfunction!(decode_tape, module)?)?;
    module.add_function(wrap_pyfunction!(repeat_walk, module)?)?;
    Ok(())
}

/// Whether it is the main interpreter that asks: what this module knows of objects holds there only.
#[pyfunction]
fn in_main_interpreter() -> bool {
    // SAFETY: the GIL is held, so there is a current interpreter.
    unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() }
}

/// Reads the configuration (defaults, stillframe.toml, environment, then `settings`) and starts capturing.
///
/// Returns what is wrong with the configuration, one line each; the defaults stay in force for it. Calling it again starts anew.
/// `program` names the service if the configuration does not.
#[pyfunction]
#[pyo3(signature = (settings, enabled_by, program=""))]
fn start(
    py: Python<'_>,
    settings: &Bound<'_, PyDict>,
    enabled_by: Option<String>,
    program: &str,
) -> PyResult<Vec<String>> {
    let callbacks = vec![callbacks::callback()];
    let (made, problems) = make_engine(py, settings, enabled_by, program, callbacks, |_| ())?;
    callbacks::reopen();
    let old = engine();
    // First, so that other threads go on capturing while the old one ends.
    set_engine(made);
    if let Some(old) = old {
        py.detach(|| old.shutdown(Duration::from_secs(2)));
    }
    Ok(problems)
}

/// An engine as `settings` and the rest of the configuration want it, after `adjust`, and what is wrong with the configuration.
pub(crate) fn make_engine(
    py: Python<'_>,
    settings: &Bound<'_, PyDict>,
    enabled_by: Option<String>,
    program: &str,
    callbacks: Vec<Callback>,
    adjust: impl FnOnce(&mut Config),
) -> PyResult<(Engine, Vec<String>)> {
    let (mut config, problems) = load(settings)?;
    config.set_default_service(program);
    adjust(&mut config);
    memory::keep();
    if TOOLS.with(py, |_| ()).is_none() {
        // SAFETY: the GIL is held.
        let walker = unsafe { Walker::new(py, std::env::var_os("STILLFRAME_FALLBACK").is_some()) };
        TOOLS.set(
            py,
            Tools {
                walker,
                writer: TapeWriter::new(),
            },
        );
    }
    let report = TOOLS
        .with(py, |tools| tools.walker.report().to_string())
        .unwrap_or_default();
    let host = Host {
        language: Language::Python,
        runtime_version: version(py),
        runtime: format!("CPython {}", version(py)),
        walker: report,
        enabled_by,
        directory: std::env::current_dir().ok(),
        problems: problems.clone(),
        callbacks,
        ..Host::default()
    };
    Ok((Engine::new(Arc::new(config), host), problems))
}

/// Stops capturing and stores what waits, within two seconds. `False` if something was lost.
#[pyfunction]
#[pyo3(signature = (timeout=2.0))]
fn stop(py: Python<'_>, timeout: f64) -> bool {
    match engine() {
        Some(engine) => py.detach(|| engine.shutdown(seconds(timeout))),
        None => true,
    }
}

/// Whether the configuration (environment, stillframe.toml) switches capturing on by itself; `None` if it says nothing.
#[pyfunction]
fn is_enabled(py: Python<'_>) -> PyResult<Option<bool>> {
    Ok(load(&PyDict::new(py))?.0.enabled)
}

/// The configuration in force, as JSON text.
#[pyfunction]
fn settings(py: Python<'_>) -> PyResult<String> {
    match engine() {
        Some(engine) => Ok(to_json(engine.config())),
        None => Ok(to_json(&load(&PyDict::new(py))?.0)),
    }
}

pub(crate) fn to_json(config: &Config) -> String {
    let entries = config.settings().into_iter().map(|(key, value)| {
        (
            key.name().to_owned(),
            value.map_or(serde_json::Value::Null, Into::into),
        )
    });
    serde_json::Value::Object(entries.collect()).to_string()
}

/// What of the configuration in force is for the package: each key of `hooks`, `summary` and `debug`.
#[pyfunction]
fn switches(py: Python<'_>) -> PyResult<BTreeMap<&'static str, bool>> {
    let own;
    let config = match engine() {
        Some(engine) => engine.config().as_ref(),
        None => {
            own = load(&PyDict::new(py))?.0;
            &own
        }
    };
    let hooks = &config.hooks;
    Ok(BTreeMap::from([
        ("excepthook", hooks.excepthook),
        ("threading", hooks.threading),
        ("unraisable", hooks.unraisable),
        ("asyncio", hooks.asyncio),
        ("logging", hooks.logging),
        ("workers", hooks.workers),
        ("frameworks", hooks.frameworks),
        ("ddtrace", hooks.ddtrace),
        ("opentelemetry", hooks.opentelemetry),
        ("sentry", hooks.sentry),
        ("summary", config.summary),
        ("debug", config.debug),
    ]))
}

/// Names of session links by the header of a request that has the session's id, as configured.
#[pyfunction]
fn session_headers(py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
    match engine() {
        Some(engine) => Ok(engine.config().request_headers.clone()),
        None => Ok(load(&PyDict::new(py))?.0.request_headers),
    }
}

/// Counters and times, as JSON text.
#[pyfunction]
fn stats() -> String {
    let stats = engine().map_or_else(StatsSnapshot::default, Engine::stats);
    serde_json::to_string(&stats).unwrap_or_default()
}

/// Lines for people: what stopped working, each once.
#[pyfunction]
fn notices() -> Vec<String> {
    engine().map(Engine::notices).unwrap_or_default()
}

/// Tells people a line: something of the package does not work as it should, and why.
#[pyfunction]
fn notice(line: &str) {
    if let Some(engine) = engine() {
        engine.notice(line);
    }
}

/// Whether anything was captured in this process yet.
#[pyfunction]
fn has_captured() -> bool {
    engine().is_some_and(Engine::has_captured)
}

/// Waits until everything captured so far is stored, at most `timeout` seconds.
#[pyfunction]
#[pyo3(signature = (timeout=2.0))]
fn flush(py: Python<'_>, timeout: f64) -> bool {
    match engine() {
        Some(engine) => py.detach(|| engine.flush(seconds(timeout))),
        None => true,
    }
}

/// To be called in a forked child before anything else.
#[pyfunction]
fn after_fork() {
    callbacks::after_fork();
    if let Some(engine) = engine() {
        set_engine(engine.after_fork());
    }
}

/// How values are read from this interpreter: version, 'fast' or 'fallback', and why.
#[pyfunction]
fn walker(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    if TOOLS.with(py, |_| ()).is_none() {
        // SAFETY: the GIL is held.
        let walker = unsafe { Walker::new(py, false) };
        TOOLS.set(
            py,
            Tools {
                walker,
                writer: TapeWriter::new(),
            },
        );
    }
    let fields = TOOLS.with(py, |tools| {
        let report = tools.walker.report();
        (report.mode().to_owned(), report.to_string())
    });
    if let Some((mode, detail)) = fields {
        out.set_item("version", version(py))?;
        out.set_item("mode", mode)?;
        out.set_item("detail", detail)?;
    }
    Ok(out)
}

/// The text that `stillframe run` prints when the program has ended; empty if nothing happened.
#[pyfunction]
fn summary(py: Python<'_>, width: usize, colour: bool, unicode: bool) -> String {
    let Some(engine) = engine() else {
        return String::new();
    };
    py.detach(|| {
        let (recent, total) = engine.recent();
        let decoded = recent.iter().filter_map(|recent| {
            let mut snapshot = Snapshot::from_msgpack(&recent.payload).ok()?;
            if let Some(mechanism) = &recent.uncaught {
                snapshot.set_uncaught(mechanism);
            }
            Some(snapshot)
        });
        let snapshots: Vec<_> = decoded.collect();
        let input = SummaryInput {
            earlier: total - snapshots.len() as u64,
            not_captured: if total == 0 {
                why_nothing(engine)
            } else {
                None
            },
            not_stored: engine.notices().into_iter().next(),
            snapshots,
        };
        let terminal = Terminal {
            width,
            color: colour,
            unicode,
        };
        render::summary(&input, &terminal)
    })
}

/// Why exceptions met by this process have no values, if there were any.
fn why_nothing(engine: &Engine) -> Option<String> {
    let outcomes = engine.stats().outcomes;
    let why = if outcomes.refused_rule > 0 {
        "a rule of gate.exclude matches it"
    } else if outcomes.dropped_queue + outcomes.dropped_memory > 0 {
        "too many waited to be stored, or no memory was left"
    } else if outcomes.dropped_tape + outcomes.dropped_redaction + outcomes.dropped_error > 0 {
        "an internal error; `stillframe doctor` says more"
    } else if outcomes.refused_site + outcomes.refused_rate + outcomes.refused_closed > 0 {
        "the rate limit was reached (gate.rate_per_second)"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Keeps the source text of code that is in no file.
#[pyfunction]
fn note_source(filename: &str, text: &str) {
    if let Some(engine) = engine() {
        engine.note_source(filename, text);
    }
}

/// Says that the exception of a snapshot (its id), captured as handled, was handled by nobody; `mechanism` is how it was met at last.
#[pyfunction]
fn mark_uncaught(snapshot: &str, mechanism: &str) {
    if let (Some(engine), Ok(id)) = (engine(), snapshot.parse()) {
        engine.mark_uncaught(id, mechanism);
    }
}

/// Counts an error inside the package's own Python code.
#[pyfunction]
fn count_internal_error() {
    if let Some(engine) = engine() {
        engine.count_internal_error();
    }
}

/// Panics as a bug in a capture would: for tests of what the program sees of that.
#[pyfunction(name = "_panic")]
fn panic_inside() {
    if let Some(engine) = engine() {
        #[expect(clippy::panic, reason = "it is what this function is for")]
        let _: Option<()> = guarded(engine, || panic!("a secret of the program"));
    }
}

/// The raw tape of an exception, past the gate and before redaction of values: for tests and benches. Keyword arguments are limits
/// (`depth=2`), `fallback=True` forces the walker of the public API.
#[pyfunction(name = "_capture_tape")]
#[pyo3(signature = (exc, tb=None, *, fallback=false, **limits))]
fn capture_tape<'py>(
    py: Python<'py>,
    exc: &Bound<'py, PyAny>,
    tb: Option<&Bound<'py, PyAny>>,
    fallback: bool,
    limits: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut in_force = Limits::default();
    for (name, value) in limits.into_iter().flatten() {
        let (name, value) = (name.extract::<String>()?, value.extract::<u32>()?);
        let field = match name.as_str() {
            "exceptions" => &mut in_force.exceptions,
            "frames" => &mut in_force.frames,
            "depth" => &mut in_force.depth,
            "fields" => &mut in_force.fields,
            "items" => &mut in_force.items,
            "string" => &mut in_force.string,
            "values" => &mut in_force.values,
            "tape_bytes" => &mut in_force.tape_bytes,
            "hard_time_ms" => {
                in_force.hard_time = Duration::from_millis(value.into());
                in_force.soft_time = in_force.soft_time.max(in_force.hard_time);
                continue;
            }
            _ => return Err(PyValueError::new_err(format!("no limit is called {name}"))),
        };
        *field = value;
    }
    let (config, _) = load(&PyDict::new(py))?;
    let (redactor, _) = stillframe_core::redact::Redactor::new(&config.redact);
    // SAFETY: the GIL is held.
    let mut walker = unsafe { Walker::new(py, fallback) };
    let mut writer = TapeWriter::new();
    let request = Request {
        limits: &in_force,
        redactor: &redactor,
        alias_key: None,
        grouping: &config.fingerprint,
    };
    let tb = tb.map_or(std::ptr::null_mut(), |tb| tb.as_ptr());
    // SAFETY: the GIL is held, and both objects are borrowed for this call.
    let captured = unsafe { walker.capture(&mut writer, exc.as_ptr(), tb, &request) };
    match writer.finish(captured.stop, captured.duration) {
        Some(tape) => Ok(PyBytes::new(py, tape)),
        None => Err(PyValueError::new_err(
            "the walker wrote more than the tape's reserve",
        )),
    }
}

/// Walks an exception `times` times as a capture does, but past the gate, and hands nothing over: for benches. Returns the values and
/// the bytes of one tape.
#[pyfunction(name = "_repeat_walk")]
fn repeat_walk(
    py: Python<'_>,
    exc: &Bound<'_, PyAny>,
    tb: Option<&Bound<'_, PyAny>>,
    times: u32,
) -> PyResult<(u32, usize)> {
    let Some(engine) = engine() else {
        return Err(PyValueError::new_err("stillframe is not installed"));
    };
    let request = Request {
        limits: &engine.config().limits,
        redactor: engine.redactor(),
        alias_key: engine.alias_key(),
        grouping: &engine.config().fingerprint,
    };
    let tb = tb.map_or(std::ptr::null_mut(), |tb| tb.as_ptr());
    let walked = TOOLS.with(py, |tools| {
        let mut size = (0, Some(0));
        for _ in 0..times {
            // SAFETY: the GIL is held, and both objects are borrowed for this call.
            let captured = unsafe {
                tools
                    .walker
                    .capture(&mut tools.writer, exc.as_ptr(), tb, &request)
            };
            let values = tools.writer.values();
            let tape = tools.writer.finish(captured.stop, captured.duration);
            size = (values, tape.map(<[u8]>::len));
        }
        size
    });
    match walked {
        Some((values, Some(bytes))) => Ok((values, bytes)),
        _ => Err(PyValueError::new_err("the walker wrote no tape")),
    }
}

/// Format 1 as JSON text of a raw tape, not redacted: for tests.
#[pyfunction(name = "_decode_tape")]
fn decode_tape(tape: &[u8]) -> PyResult<String> {
    let tape = Tape::parse(tape).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let timestamp_ns = now_ns();
    let meta = Meta {
        id: SnapshotId::generate(timestamp_ns),
        timestamp_ns,
        ..Meta::default()
    };
    let mut out = Vec::new();
    let input = Input {
        tape: &tape,
        meta: &meta,
        extras: &Extras::default(),
    };
    Encoder::new().json_into(&input, &mut out);
    String::from_utf8(out).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The configuration with `settings`, and what is wrong with it, one line each.
fn load(settings: &Bound<'_, PyDict>) -> PyResult<(Config, Vec<String>)> {
    let (values, mut problems) = crate::settings::read(settings)?;
    let (config, more) = stillframe_core::config::load(&Sources::of_process(values));
    problems.extend(more.iter().map(ToString::to_string));
    Ok((config, problems))
}

fn version(py: Python<'_>) -> String {
    let info = py.version_info();
    format!(
        "{}.{}.{}{}",
        info.major,
        info.minor,
        info.patch,
        info.suffix.unwrap_or_default()
    )
}

pub(crate) fn seconds(timeout: f64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(3600);
    Duration::try_from_secs_f64(timeout.max(0.0)).map_or(LONGEST, |timeout| timeout.min(LONGEST))
}
