//! A failing test from a snapshot: `stillframe repro`.
//!
//! ```text
//! frame (which function can be called) -> values (its arguments as expressions, with stubs for what is missing)
//!                                      -> layout (broken into lines) -> file (with the few helpers that it needs)
//! ```
//!
//! Everything in a snapshot is outside data. Names stand in the file only where they are names of Python, text only in quotes or in
//! comments, with all that could end them escaped; so nothing captured can become code. What is named is run all the same: the test
//! imports the modules of the function and of the classes, and calls the function, if it is of the file that was captured. Of other
//! code it calls only constructors of the standard library that this writes by their names, and those of enumerations of flags.

mod file;
mod frame;
mod layout;
mod names;
mod python;
mod values;

pub use file::{Missing, Repro, Unable, repro};
