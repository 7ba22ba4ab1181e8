//! `stillframe._native`: the core engine and the CPython walker as one extension module.
//!
//! ```text
//! stillframe (Python: hooks, API) -> capture.rs: gate -> walk/: values -> tape -> engine (background, no GIL)
//! ```
//!
//! [`module`] is the table of functions that Python sees, [`capture`] the path of one exception, [`replay`] that of frames which a tracer chose, [`guard`] what keeps our panics from it, [`memory`] what keeps
//! allocations of ours that fail from ending it,
//! [`callbacks`] hands snapshots to functions of the program, [`recorder`] an engine beside that of the process, [`settings`] reads what configures them, [`state`] the engine and the walker
//! of this process, and [`walk`] reads values out of the interpreter's memory. PyO3 is used for module glue only.

mod callbacks;
mod capture;
mod guard;
mod memory;
mod module;
mod recorder;
mod replay;
mod settings;
mod snapshot;
mod state;
mod walk;

use pyo3::prelude::*;

/// Exception replay for CPython: native part of the package `stillframe`.
#[pymodule]
#[pyo3(name = "_native")]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    stillframe_core::panics::silence();
    module::fill(module)
}
