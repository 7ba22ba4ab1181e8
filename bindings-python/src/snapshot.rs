//! `_native.Snapshot`: one captured exception in the hands of the program.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use stillframe_core::encode::Encoder;
use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::vars;
use stillframe_core::engine::{Engine, Finished, PipelineError, Submission, now_ns};
use stillframe_core::snapshot::Snapshot as Document;
use stillframe_explorer::render::{self, Brief, Clock, Terminal, View};

use crate::state::engine;

/// Whose engine a snapshot is from. An engine may be replaced (a new configuration, a forked child), its home stays.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    /// That of the process.
    Process,
    /// That of a recorder: null or leaked.
    Recorder(&'static AtomicPtr<Engine>),
}

impl Home {
    /// The engine that is there now.
    pub(crate) fn engine(self) -> Option<&'static Engine> {
        match self {
            Self::Process => engine(),
            // SAFETY: the pointer is null or comes from a box that is never dropped, so it is valid for ever.
            Self::Recorder(home) => unsafe { home.load(Ordering::Acquire).as_ref() },
        }
    }
}

/// What the background thread made of a snapshot.
pub(crate) struct Done {
    /// Key of its issue.
    pub(crate) key: [u8; 16],
    /// MessagePack, format 1.
    pub(crate) payload: Arc<[u8]>,
}

/// One captured exception. Its values were copied and are independent of the program's objects.
#[pyclass(frozen, module = "stillframe._native")]
pub(crate) struct Snapshot {
    submission: Submission,
    home: Home,
    /// `None` for one that was just captured.
    done: Option<Done>,
}

impl Snapshot {
    pub(crate) fn new(submission: Submission, home: Home) -> Self {
        Self {
            submission,
            home,
            done: None,
        }
    }

    /// One that has been through the background.
    pub(crate) fn finished(submission: Submission, home: Home, done: Done) -> Self {
        Self {
            submission,
            home,
            done: Some(done),
        }
    }

    /// The snapshot as it is stored.
    fn payload(&self, py: Python<'_>) -> PyResult<Arc<[u8]>> {
        if let Some(done) = &self.done {
            return Ok(Arc::clone(&done.payload));
        }
        let bytes = self.finish(py, |finished| {
            let mut out = Vec::new();
            finished
                .msgpack(&mut Encoder::new(), &mut out)
                .map(|()| out)
        })?;
        bytes
            .map(Arc::from)
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// Redacts and groups, without the GIL.
    fn finish<T: Send>(
        &self,
        py: Python<'_>,
        then: impl FnOnce(&Finished) -> T + Send,
    ) -> PyResult<T> {
        let Some(engine) = self.home.engine() else {
            return Err(PyRuntimeError::new_err(
                "stillframe is not installed (call stillframe.install())",
            ));
        };
        let submission = &self.submission;
        py.detach(|| engine.finish(submission).map(|finished| then(&finished)))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// The snapshot as it is shown, with other names for some files.
    fn document(&self, py: Python<'_>, names: &HashMap<String, String>) -> PyResult<Document> {
        let payload = self.payload(py)?;
        let mut document = py
            .detach(|| Document::from_msgpack(&payload))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        for frame in &mut document.frames {
            let name = frame.file.as_ref().and_then(|file| names.get(file));
            if let Some(name) = name {
                (frame.file, frame.module) = (Some(name.clone()), None);
            }
        }
        Ok(document)
    }
}

#[pymethods]
impl Snapshot {
    /// The snapshot's id, a UUID.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.submission.meta.id.to_string())
    }

    /// Key of the issue that it belongs to, 32 hex digits.
    #[getter]
    fn issue(&self, py: Python<'_>) -> PyResult<String> {
        let key = match &self.done {
            Some(done) => done.key,
            None => self.finish(py, Finished::key)?,
        };
        Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Qualified type and message of the exception, redacted; `None` for a message that only code of the program could have made.
    #[getter]
    fn error(&self, py: Python<'_>) -> PyResult<(String, Option<String>)> {
        let document = self.document(py, &HashMap::new())?;
        let Some(exception) = document.captured() else {
            return Ok(Default::default());
        };
        let message = exception.message.as_ref().and_then(|it| it.value.as_ref());
        let message = message.filter(|_| !exception.message_unknown);
        Ok((
            exception.type_name.clone(),
            message.map(ToString::to_string),
        ))
    }

    /// The snapshot as JSON text (format 1), redacted.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let bytes = self.finish(py, |finished| {
            let mut out = Vec::new();
            finished.json(&mut Encoder::new(), &mut out).map(|()| out)
        })?;
        let bytes = bytes.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// The snapshot as MessagePack (format 1), redacted.
    fn to_msgpack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.payload(py)?))
    }

    /// The snapshot as Datadog's debugger intake takes it, redacted: request bodies, each a JSON array with one object per frame. The
    /// ids of frames are made from the snapshot's, so they are the same each time.
    fn to_datadog<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let bodies = self.finish(py, |finished| {
            let own = finished.meta().id;
            let frame_id = |frame| own.of_frame(frame);
            let options = Options::new(Dialect::Python, &frame_id);
            let (mut encoder, mut bodies, mut next) = (Encoder::new(), Vec::new(), Some(0));
            while let Some(first) = next {
                let mut body = Vec::new();
                next = finished.datadog(&mut encoder, &options, first, &mut body)?;
                bodies.push(body);
            }
            Ok::<_, PipelineError>(bodies)
        })?;
        let bodies = bodies.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(bodies.iter().map(|body| PyBytes::new(py, body)).collect())
    }

    /// The snapshot as text for people: in full, or in about `lines` lines, with or without the error itself. `names` are those that
    /// people have for files.
    #[pyo3(signature = (width, colour, unicode, lines=None, title=true, names=HashMap::new()))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are what the package's own code names"
    )]
    fn to_text(
        &self,
        py: Python<'_>,
        width: usize,
        colour: bool,
        unicode: bool,
        lines: Option<usize>,
        title: bool,
        names: HashMap<String, String>,
    ) -> PyResult<String> {
        let document = self.document(py, &names)?;
        let terminal = Terminal {
            width,
            color: colour,
            unicode,
        }
        .within_reason();
        py.detach(|| match lines {
            Some(lines) => Ok(render::brief(&document, Brief { lines, title }, &terminal)),
            None => {
                let clock = Clock::utc(now_ns());
                render::show(&document, None, &View::default(), &terminal, &clock)
                    .map_err(|_| PyRuntimeError::new_err("no frame was asked for"))
            }
        })
    }

    /// The snapshot as a part of an HTML page; `names` as in `to_text`.
    #[pyo3(signature = (names=HashMap::new()))]
    fn to_html(&self, py: Python<'_>, names: HashMap<String, String>) -> PyResult<String> {
        let document = self.document(py, &names)?;
        Ok(py.detach(|| render::html_fragment(&document)))
    }

    /// The end of its id, by which people call it: 8 hex digits.
    #[getter]
    fn short_id(&self) -> String {
        self.submission.meta.id.short()
    }

    /// The exceptions and frames with variables that fit into another tool's event, as JSON text, redacted.
    fn frame_variables(
        &self,
        py: Python<'_>,
        frame_bytes: usize,
        event_bytes: usize,
    ) -> PyResult<String> {
        let options = vars::Options {
            frame_bytes,
            event_bytes,
        };
        let bytes = self.finish(py, |finished| {
            let mut out = Vec::new();
            let written = finished.variables(&mut Encoder::new(), &options, &mut out);
            written.map(|()| out)
        })?;
        let bytes = bytes.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    fn __repr__(&self) -> String {
        format!("<stillframe.Snapshot {}>", self.submission.meta.id)
    }
}
