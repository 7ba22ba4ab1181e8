//! The path of one exception on the raising thread: gate, walk, tape, hand-off.
//!
//! [`capture`] is a raw `METH_FASTCALL` function: a closed gate has to cost a few nanoseconds, less than a generic argument parser. It
//! never raises: whatever goes wrong here is counted, and the program goes on as if nothing had been asked.

use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use stillframe_core::engine::{Engine, Submission, now_ns};
use stillframe_core::gate::{Admission, Permit, SiteHash};
use stillframe_core::snapshot::{AttributeValue, Meta, SessionLink, SnapshotId, Thread};
use stillframe_core::stats::Outcome;

use crate::guard::guarded;
use crate::memory;
use crate::snapshot::{Home, Snapshot};
use crate::state::{TOOLS, TapeBytes, Tools, engine};
use crate::walk::{Captured, Request};

/// Docstring and signature of the function below.
pub(crate) const DOC: &std::ffi::CStr = c"capture(exc, tb, limited, handled, mechanism, context, /)\n--\n\n\
    Captures one exception. Returns a Snapshot, or None when the gate refuses or something fails. Never raises.\n\n\
    exc: the exception. tb: its traceback, or None for exc.__traceback__. limited: whether the rate limits apply. handled: whether \
    the program goes on. mechanism: how it was met ('excepthook', 'logging', ...). context: None, or a dict with 'thread' (name), \
    'attributes', 'user' (dicts of str to str, int, float, bool), 'session_links' (list of (name, id)), 'trace_id', 'span_id' (int), \
    'fingerprint' (list of str).";

const ARGUMENTS: usize = 6;

/// `_native.capture`.
///
/// # Safety
///
/// Called by the interpreter with the GIL held and `count` borrowed references in `arguments`.
pub(crate) unsafe extern "C" fn capture(
    _module: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    let Some(engine) = engine() else {
        return none();
    };
    if count as usize != ARGUMENTS {
        engine.count_internal_error();
        return none();
    }
    // SAFETY: the interpreter passes `count` valid references, and there are as many as are read here.
    let arguments = unsafe { &*arguments.cast::<[*mut ffi::PyObject; ARGUMENTS]>() };
    let limited = truth(arguments[2]);
    if limited && engine.refuse_early().is_some() {
        return none();
    }
    // SAFETY: the interpreter holds the GIL for this thread while it calls us.
    let py = unsafe { Python::assume_attached() };
    let call = Call {
        exception: arguments[0],
        // SAFETY: `Py_None` is a valid object for ever.
        traceback: if arguments[1] == unsafe { ffi::Py_None() } {
            null_mut()
        } else {
            arguments[1]
        },
        limited,
        handled: truth(arguments[3]),
        mechanism: arguments[4],
        context: arguments[5],
    };
    // SAFETY: all six are borrowed references that the caller keeps alive for this call.
    let snapshot = unsafe { call.guarded(py, engine, Home::Process) };
    // An error of `Py::new` is out of memory, and goes with the error that says so.
    snapshot
        .and_then(|snapshot| Py::new(py, snapshot).ok())
        .map_or_else(none, Py::into_ptr)
}

/// Whether this is `True` itself.
pub(crate) fn truth(object: *mut ffi::PyObject) -> bool {
    // SAFETY: `Py_True` is a valid object for ever.
    object == unsafe { ffi::Py_True() }
}

/// A new reference to `None`.
fn none() -> *mut ffi::PyObject {
    // SAFETY: `Py_None` is a valid object for ever, and the GIL is held in every caller.
    unsafe {
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        none
    }
}

/// Arguments of one call: borrowed references.
pub(crate) struct Call {
    pub(crate) exception: *mut ffi::PyObject,
    pub(crate) traceback: *mut ffi::PyObject,
    pub(crate) limited: bool,
    pub(crate) handled: bool,
    pub(crate) mechanism: *mut ffi::PyObject,
    pub(crate) context: *mut ffi::PyObject,
}

impl Call {
    /// Captures with `engine`, which is at `home`. A panic stays in here.
    ///
    /// # Safety
    ///
    /// The GIL is held, and every pointer is a live object (`traceback` may be null).
    pub(crate) unsafe fn guarded(
        &self,
        py: Python<'_>,
        engine: &'static Engine,
        home: Home,
    ) -> Option<Snapshot> {
        // SAFETY: passed on to the caller.
        guarded(engine, || unsafe { self.run(py, engine, home) })
    }

    /// # Safety
    ///
    /// As [`Call::guarded`].
    unsafe fn run(&self, py: Python<'_>, engine: &'static Engine, home: Home) -> Option<Snapshot> {
        let taken = TOOLS.with(py, |tools| {
            // SAFETY: passed on to the caller.
            let site = unsafe { tools.walker.site(self.exception, self.traceback) };
            // SAFETY: as above.
            let permit = unsafe { self.admit(engine, tools, site) }?;
            // SAFETY: as above.
            if !unsafe { memory::is_ready(engine, self.exception) } {
                return None;
            }
            let deeper = permit.deeper().is_some();
            // SAFETY: as above.
            unsafe { self.walk(engine, tools, &permit) }.map(|tape| (tape, site, deeper))
        });
        let (tape, site, deeper) = taken.flatten()?;
        let timestamp_ns = now_ns();
        let mut meta = Meta {
            id: SnapshotId::generate(timestamp_ns),
            timestamp_ns,
            process: engine.process().clone(),
            handled: self.handled,
            // SAFETY: the mechanism is a live object.
            mechanism: unsafe { Bound::from_borrowed_ptr(py, self.mechanism) }
                .extract()
                .ok(),
            thread: Some(Thread {
                id: thread_id(),
                name: None,
            }),
            ..Meta::default()
        };
        // SAFETY: the context is a live object.
        fill(&mut meta, &unsafe {
            Bound::from_borrowed_ptr(py, self.context)
        });
        let submission = Submission {
            tape,
            meta,
            site: Some(site),
            deeper,
        };
        let snapshot = Snapshot::new(submission.clone(), home);
        engine.submit(submission).ok()?;
        Some(snapshot)
    }

    /// # Safety
    ///
    /// As [`Call::run`].
    unsafe fn admit(&self, engine: &Engine, tools: &mut Tools, site: SiteHash) -> Option<Permit> {
        let Tools { walker, .. } = tools;
        // SAFETY: passed on to the caller.
        let facts = || unsafe { walker.facts(self.exception, self.traceback) };
        let admission = if self.limited {
            engine.admit(site, facts)
        } else {
            engine.admit_explicit(site, &facts())
        };
        match admission {
            Admission::Admitted(permit) => Some(permit),
            Admission::Refused(_) => None,
        }
    }

    /// # Safety
    ///
    /// As [`Call::run`].
    unsafe fn walk(
        &self,
        engine: &Engine,
        tools: &mut Tools,
        permit: &Permit,
    ) -> Option<TapeBytes> {
        let limits = match permit.deeper() {
            Some(depth) => depth.raise(&engine.config().limits),
            None => engine.config().limits,
        };
        let request = Request {
            limits: &limits,
            redactor: engine.redactor(),
            alias_key: engine.alias_key(),
            grouping: &engine.config().fingerprint,
        };
        // SAFETY: passed on to the caller.
        let captured: Captured = unsafe {
            tools
                .walker
                .capture(&mut tools.writer, self.exception, self.traceback, &request)
        };
        let values = tools.writer.values();
        let Some(bytes) = tools.writer.finish(captured.stop, captured.duration) else {
            engine.count_dropped(Outcome::DroppedTape);
            return None;
        };
        engine.count_walk(captured.duration, values, bytes.len(), captured.fallback);
        Some(TapeBytes::from(bytes))
    }
}

pub(crate) fn thread_id() -> u64 {
    // SAFETY: needs no more than a thread that the interpreter knows, which this one is.
    unsafe { ffi::PyThread_get_thread_ident() as u64 }
}

/// Reads what the package's own Python code hands over. Only exact built-in types are looked at, so no code of the program runs.
pub(crate) fn fill(meta: &mut Meta, context: &Bound<'_, PyAny>) {
    use pyo3::types::{PyDict, PyList, PyString};
    let Ok(context) = context.cast_exact::<PyDict>() else {
        return;
    };
    for (key, value) in context {
        let Ok(key) = key.cast_exact::<PyString>() else {
            continue;
        };
        match key.to_str().unwrap_or_default() {
            "thread" => {
                if let (Some(thread), Ok(name)) = (&mut meta.thread, value.cast_exact::<PyString>())
                {
                    thread.name = Some(name.to_string_lossy().into_owned());
                }
            }
            "attributes" => meta.attributes = attributes(&value),
            "user" => meta.user = attributes(&value),
            "trace_id" => meta.trace_id = value.extract().ok(),
            "span_id" => meta.span_id = value.extract().ok(),
            "fingerprint" => meta.fingerprint = value.extract().ok(),
            "session_links" => {
                let Ok(links) = value.cast_exact::<PyList>() else {
                    continue;
                };
                let links = links
                    .iter()
                    .filter_map(|link| link.extract::<(String, String)>().ok());
                meta.session_links = links
                    .map(|(name, id)| SessionLink {
                        name,
                        id,
                        url: None,
                    })
                    .collect();
            }
            _ => {}
        }
    }
}

fn attributes(mapping: &Bound<'_, PyAny>) -> Vec<(String, AttributeValue)> {
    use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
    let Ok(mapping) = mapping.cast_exact::<PyDict>() else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, value) in mapping {
        let Ok(name) = name.cast_exact::<PyString>() else {
            continue;
        };
        let value = if let Ok(value) = value.cast_exact::<PyBool>() {
            AttributeValue::Bool(value.is_true())
        } else if let Ok(value) = value.cast_exact::<PyInt>() {
            match value.extract() {
                Ok(value) => AttributeValue::Int(value),
                Err(_) => continue,
            }
        } else if let Ok(value) = value.cast_exact::<PyFloat>() {
            AttributeValue::Float(value.value())
        } else if let Ok(value) = value.cast_exact::<PyString>() {
            AttributeValue::Text(value.to_string_lossy().into_owned())
        } else {
            continue;
        };
        out.push((name.to_string_lossy().into_owned(), value));
    }
    out
}
