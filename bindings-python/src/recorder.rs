//! `_native.Recorder`: an engine beside the one of the process.
//!
//! A test run captures its failures here, so that the program under test can start, use and stop `stillframe` itself, as its tests
//! may want to, and neither meets the other.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use stillframe_core::config::Config;
use stillframe_core::engine::Engine;

use crate::capture::{Call, truth};
use crate::module;
use crate::snapshot::{Home, Snapshot};

/// Limits of time where the configuration sets none.
const SOFT_TIME: Duration = Duration::from_millis(20);
const HARD_TIME: Duration = Duration::from_millis(50);

/// An engine of its own, which lives as long as the process.
#[pyclass(frozen, module = "stillframe._native")]
pub(crate) struct Recorder {
    home: &'static AtomicPtr<Engine>,
    problems: Vec<String>,
}

impl Recorder {
    fn engine(&self) -> Option<&'static Engine> {
        Home::Recorder(self.home).engine()
    }
}

#[pymethods]
impl Recorder {
    /// Reads the configuration as `start` does, and makes an engine that nothing else uses. Modules of `own` are the program's own
    /// wherever they are installed.
    #[new]
    #[pyo3(signature = (settings, enabled_by, program="", own=Vec::new()))]
    fn new(
        py: Python<'_>,
        settings: &Bound<'_, PyDict>,
        enabled_by: Option<String>,
        program: &str,
        own: Vec<String>,
    ) -> PyResult<Self> {
        let adjust = |config: &mut Config| {
            config.fingerprint.in_app_include.extend(own);
            // Nobody waits for a test that has failed, and machines that run tests are busy.
            for (key, time, least) in [
                ("limits.soft_time", &mut config.limits.soft_time, SOFT_TIME),
                ("limits.hard_time", &mut config.limits.hard_time, HARD_TIME),
            ] {
                if !config.origins.contains_key(key) {
                    *time = (*time).max(least);
                }
            }
        };
        let (engine, problems) =
            module::make_engine(py, settings, enabled_by, program, Vec::new(), adjust)?;
        let engine = Box::into_raw(Box::new(engine));
        Ok(Self {
            home: Box::leak(Box::new(AtomicPtr::new(engine))),
            problems,
        })
    }

    /// What is wrong with the configuration, one line each.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }

    /// The configuration in force, as JSON text.
    fn settings(&self) -> String {
        self.engine()
            .map(|engine| module::to_json(engine.config()))
            .unwrap_or_default()
    }

    /// The directory of the store; `None` where there is no place for one.
    fn directory(&self) -> Option<String> {
        let directory = self.engine()?.config().store_dir().ok()?;
        Some(directory.to_string_lossy().into_owned())
    }

    /// Captures one exception, as the function `capture` does without limits. Never raises.
    #[pyo3(signature = (exc, tb, handled, mechanism, context, /))]
    fn capture(
        &self,
        py: Python<'_>,
        exc: &Bound<'_, PyAny>,
        tb: &Bound<'_, PyAny>,
        handled: &Bound<'_, PyAny>,
        mechanism: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> Option<Py<Snapshot>> {
        let snapshot = self.engine().and_then(|engine| {
            let call = Call {
                exception: exc.as_ptr(),
                traceback: if tb.is_none() {
                    std::ptr::null_mut()
                } else {
                    tb.as_ptr()
                },
                limited: false,
                handled: truth(handled.as_ptr()),
                mechanism: mechanism.as_ptr(),
                context: context.as_ptr(),
            };
            // SAFETY: all are borrowed references that live for this call, and the GIL is held.
            unsafe { call.guarded(py, engine, Home::Recorder(self.home)) }
        });
        // An error of `Py::new` is out of memory, and goes with the error that says so.
        snapshot.and_then(|snapshot| Py::new(py, snapshot).ok())
    }

    /// Waits until everything captured so far is stored, at most `timeout` seconds.
    #[pyo3(signature = (timeout=2.0))]
    fn flush(&self, py: Python<'_>, timeout: f64) -> bool {
        self.engine()
            .is_none_or(|engine| py.detach(|| engine.flush(module::seconds(timeout))))
    }

    /// Stops capturing and stores what waits. `False` if something was lost.
    #[pyo3(signature = (timeout=2.0))]
    fn stop(&self, py: Python<'_>, timeout: f64) -> bool {
        self.engine()
            .is_none_or(|engine| py.detach(|| engine.shutdown(module::seconds(timeout))))
    }

    /// To be called in a forked child before anything else.
    fn after_fork(&self) {
        if let Some(engine) = self.engine() {
            let engine = Box::into_raw(Box::new(engine.after_fork()));
            self.home.store(engine, Ordering::Release);
        }
    }

    /// Counters and times, as JSON text.
    fn stats(&self) -> String {
        let stats = self.engine().map(Engine::stats).unwrap_or_default();
        serde_json::to_string(&stats).unwrap_or_default()
    }

    /// Lines for people: what stopped working, each once.
    fn notices(&self) -> Vec<String> {
        self.engine().map(Engine::notices).unwrap_or_default()
    }

    /// Keeps the source text of code that is in no file.
    fn note_source(&self, filename: &str, text: &str) {
        if let Some(engine) = self.engine() {
            engine.note_source(filename, text);
        }
    }
}
