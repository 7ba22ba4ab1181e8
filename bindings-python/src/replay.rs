//! `_native.replay`: frames that a tracer chose, captured in one walk and written one by one in Datadog's form.
//!
//! The tracer decides whether and which; here is only what is expensive: reading the values, on the raising thread, and writing them,
//! wherever the tracer sends from. No gate is asked and nothing is stored.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use stillframe_core::encode::Encoder;
use stillframe_core::encode::datadog::{Caller, Dialect, Options};
use stillframe_core::engine::{Engine, Finished, PipelineError, Submission, now_ns};
use stillframe_core::limits::{LimitKnob, Limits};
use stillframe_core::snapshot::{Meta, SnapshotId, Thread};
use stillframe_core::stats::Outcome;

use crate::capture::{fill, thread_id};
use crate::guard::guarded;
use crate::memory;
use crate::state::{TOOLS, TapeBytes, engine};
use crate::walk::{FrameRow, Request};

/// Frames of one call.
const MAX_FRAMES: usize = 256;
/// Callers of the outermost frame that are told.
const MAX_CALLERS: usize = 4096;

/// Frames of one exception with their values, copied: nothing of the program is held.
#[pyclass(frozen, module = "stillframe._native")]
pub(crate) struct Replay {
    submission: Submission,
    /// What called the outermost frame of the exception, and of each that led to it.
    callers: Vec<Vec<Caller>>,
    /// What became of each frame that was asked for.
    rows: Vec<Option<FrameRow>>,
    /// Indexes of further entries of a frame.
    again: Vec<u32>,
    finished: OnceLock<Result<Finished, PipelineError>>,
}

/// Reads the variables of exactly these frames of an exception. `None` when capturing is off or something failed, which is counted;
/// never raises for what is in the objects.
///
/// exc: the exception. tb: its traceback. frames: frames of its traceback or those of its causes. callers: for the exception and each that
/// led to it, what called its outermost frame: pairs of a code object and the offset of an instruction. exception_id: the UUID that the frames share. limits: a dict with some of `depth`,
/// `fields`, `items`, `string`, `time_ms`. context: as for `capture`.
#[pyfunction]
#[pyo3(signature = (exc, tb, frames, callers, exception_id, limits, context, /))]
#[expect(clippy::too_many_arguments, reason = "one call from one place")]
pub(crate) fn replay(
    py: Python<'_>,
    exc: &Bound<'_, PyAny>,
    tb: &Bound<'_, PyAny>,
    frames: &Bound<'_, PyList>,
    callers: &Bound<'_, PyList>,
    exception_id: &str,
    limits: &Bound<'_, PyDict>,
    context: &Bound<'_, PyAny>,
) -> PyResult<Option<Replay>> {
    let Some(engine) = engine().filter(|engine| engine.gate().is_enabled()) else {
        return Ok(None);
    };
    let id: SnapshotId = exception_id
        .parse()
        .map_err(|_| PyValueError::new_err("the id is no UUID"))?;
    let limits = read_limits(limits, frames.len())?;
    let call = Call {
        engine,
        exc,
        tb,
        frames,
        callers,
        limits,
    };
    Ok(guarded(engine, || call.run(py, id, context)))
}

fn read_limits(given: &Bound<'_, PyDict>, frames: usize) -> PyResult<Limits> {
    let mut limits = Limits {
        values: u32::try_from(*LimitKnob::Values.range().end()).unwrap_or(u32::MAX),
        tape_bytes: u32::try_from(*LimitKnob::TapeBytes.range().end()).unwrap_or(u32::MAX),
        frames: u32::try_from(frames.clamp(1, MAX_FRAMES)).unwrap_or(1),
        ..Limits::datadog()
    };
    for (name, value) in given {
        let value: u64 = value.extract::<i64>()?.max(0).cast_unsigned();
        let mut set = |knob: LimitKnob| {
            let range = knob.range();
            knob.set(&mut limits, value.clamp(*range.start(), *range.end()));
        };
        match name.extract::<String>()?.as_str() {
            "depth" => set(LimitKnob::Depth),
            "fields" => set(LimitKnob::Fields),
            "items" => set(LimitKnob::Items),
            "string" => set(LimitKnob::String),
            "time_ms" => {
                limits.hard_time = Duration::from_millis(value.clamp(1, 2_000));
                limits.soft_time = limits.hard_time;
            }
            name => return Err(PyValueError::new_err(format!("no limit is called {name}"))),
        }
    }
    Ok(limits)
}

/// Arguments of one call.
struct Call<'a, 'py> {
    engine: &'static Engine,
    exc: &'a Bound<'py, PyAny>,
    tb: &'a Bound<'py, PyAny>,
    frames: &'a Bound<'py, PyList>,
    callers: &'a Bound<'py, PyList>,
    limits: Limits,
}

impl<'py> Call<'_, 'py> {
    fn run(&self, py: Python<'py>, id: SnapshotId, context: &Bound<'py, PyAny>) -> Option<Replay> {
        // SAFETY: the GIL is held, and the exception is a live object.
        if !unsafe { memory::is_ready(self.engine, self.exc.as_ptr()) } {
            return None;
        }
        let (tape, callers, rows, again) = self.walk(py)?;
        let engine = self.engine;
        let timestamp_ns = now_ns();
        let mut meta = Meta {
            id,
            timestamp_ns,
            process: Arc::clone(engine.process()),
            handled: true,
            mechanism: Some("ddtrace".to_owned()),
            thread: Some(Thread {
                id: thread_id(),
                name: None,
            }),
            ..Meta::default()
        };
        fill(&mut meta, context);
        let submission = Submission {
            tape,
            meta,
            site: None,
            deeper: false,
        };
        Some(Replay {
            submission,
            callers,
            rows,
            again,
            finished: OnceLock::new(),
        })
    }

    #[expect(clippy::type_complexity, reason = "four parts of one struct")]
    fn walk(
        &self,
        py: Python<'py>,
    ) -> Option<(TapeBytes, Vec<Vec<Caller>>, Vec<Option<FrameRow>>, Vec<u32>)> {
        let engine = self.engine;
        let request = Request {
            limits: &self.limits,
            redactor: engine.redactor(),
            alias_key: engine.alias_key(),
            grouping: &engine.config().fingerprint,
        };
        let frames: Vec<_> = self.frames.iter().take(MAX_FRAMES).collect();
        let pointers: Vec<_> = frames.iter().map(Bound::as_ptr).collect();
        let (mut rows, mut again) = (vec![None; pointers.len()], Vec::new());
        let callers: Vec<Vec<_>> = self.callers.iter().map(|stack| places(&stack)).collect();
        let taken = TOOLS.with(py, |tools| {
            // SAFETY: the GIL is held, and all objects are borrowed for this call.
            let captured = unsafe {
                tools.walker.capture_frames(
                    &mut tools.writer,
                    self.exc.as_ptr(),
                    self.tb.as_ptr(),
                    &request,
                    &pointers,
                    &mut rows,
                    &mut again,
                )
            };
            let values = tools.writer.values();
            let Some(bytes) = tools.writer.finish(captured.stop, captured.duration) else {
                engine.count_dropped(Outcome::DroppedTape);
                return None;
            };
            engine.count_walk(captured.duration, values, bytes.len(), captured.fallback);
            let tape = TapeBytes::from(bytes);
            let callers = callers.iter().map(|stack| {
                let codes = stack.iter().map(|(code, offset)| (code.as_ptr(), *offset));
                // SAFETY: as above.
                unsafe { tools.walker.places(&request, codes) }
            });
            Some((tape, callers.collect()))
        });
        let (tape, callers) = taken.flatten()?;
        Some((tape, callers, rows, again))
    }
}

/// Pairs of a code object and an offset.
fn places<'py>(stack: &Bound<'py, PyAny>) -> Vec<(Bound<'py, PyAny>, i32)> {
    let Ok(stack) = stack.cast_exact::<PyList>() else {
        return Vec::new();
    };
    let place = |pair: Bound<'py, PyAny>| {
        let pair = pair.cast_into_exact::<PyTuple>().ok()?;
        Some((
            pair.get_item(0).ok()?,
            pair.get_item(1).ok()?.extract().ok()?,
        ))
    };
    stack.iter().take(MAX_CALLERS).filter_map(place).collect()
}

#[pymethods]
impl Replay {
    /// Bytes that it holds.
    #[getter]
    fn size(&self) -> usize {
        self.submission.tape.len()
    }

    /// For each frame that was asked for, whether it was reached before time or memory ran out.
    #[getter]
    fn frames(&self) -> Vec<bool> {
        self.rows.iter().map(Option::is_some).collect()
    }

    /// One frame as a JSON object, redacted.
    ///
    /// frame: which of those that were asked for. snapshot_id: UUID of its snapshot. service: name of the service. file: where the frame's file
    /// lies, if that is known better than by its code. process_tags: the tracer's tags of the process.
    #[pyo3(signature = (frame, snapshot_id, service, file=None, process_tags=None))]
    fn to_datadog<'py>(
        &self,
        py: Python<'py>,
        frame: usize,
        snapshot_id: &str,
        service: &str,
        file: Option<&str>,
        process_tags: Option<&str>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let Some(Some(row)) = self.rows.get(frame).copied() else {
            return Err(PyIndexError::new_err("no such frame was captured"));
        };
        let id: SnapshotId = snapshot_id
            .parse()
            .map_err(|_| PyValueError::new_err("the id is no UUID"))?;
        let failed = |error: &dyn std::fmt::Display| PyRuntimeError::new_err(error.to_string());
        let Some(engine) = engine() else {
            return Err(failed(&"stillframe is not installed"));
        };
        let written = py.detach(|| {
            let redact = || engine.redact(&self.submission);
            let finished = self.finished.get_or_init(redact).as_ref().map_err(|e| *e)?;
            let frame_id = |_| id;
            let options = Options {
                service: Some(service),
                source_file: file,
                process_tags,
                again: &self.again,
                callers: self
                    .callers
                    .get(row.cause as usize)
                    .map_or(&[], |stack| stack),
                ..Options::new(Dialect::Python, &frame_id)
            };
            let mut out = Vec::new();
            finished
                .datadog_frame(&mut Encoder::new(), &options, row.index, &mut out)
                .map(|there| there.then_some(out))
        });
        match written {
            Ok(Some(text)) => Ok(PyBytes::new(py, &text)),
            Ok(None) => Err(failed(&"the frame is not on the tape")),
            Err(error) => Err(failed(&error)),
        }
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(
            py,
            &format!("<stillframe._native.Replay {}>", self.submission.meta.id),
        )
    }
}
