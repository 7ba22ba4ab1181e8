//! `_native.Snapshot`: one captured exception in the hands of the program.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use stillframe_core::encode::Encoder;
use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::vars;
use stillframe_core::engine::{Finished, PipelineError, Submission};

use crate::state::engine;

/// One captured exception. Its values were copied and are independent of the program's objects.
#[pyclass(frozen, module = "stillframe._native")]
pub(crate) struct Snapshot {
    submission: Submission,
}

impl Snapshot {
    pub(crate) fn new(submission: Submission) -> Self {
        Self { submission }
    }

    /// Redacts and groups, without the GIL.
    fn finish<T: Send>(
        &self,
        py: Python<'_>,
        then: impl FnOnce(&Finished) -> T + Send,
    ) -> PyResult<T> {
        let Some(engine) = engine() else {
            return Err(PyRuntimeError::new_err(
                "stillframe is not installed (call stillframe.install())",
            ));
        };
        let submission = &self.submission;
        py.detach(|| engine.finish(submission).map(|finished| then(&finished)))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))
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
        self.finish(py, |finished| {
            finished
                .key()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
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
        let bytes = self.finish(py, |finished| {
            let mut out = Vec::new();
            finished
                .msgpack(&mut Encoder::new(), &mut out)
                .map(|()| out)
        })?;
        let bytes = bytes.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
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
