//! A failing test from a snapshot: `stillframe repro`.
//!
//! ```text
//! frame (which function can be called) -> values (its arguments as expressions, with stubs for what is missing)
//!                                      -> layout (broken into lines) -> file (with the few helpers that it needs)
//! ```
//!
//! Everything in a snapshot is outside data. Names stand in the file only where they are names of Python, text only in quotes or in
//! comments, with all that could end them escaped; so nothing captured can become code.

mod file;
mod frame;
mod layout;
mod names;
mod python;
mod values;

pub use file::{Missing, Repro, Unable, repro};
