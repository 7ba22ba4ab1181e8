//! What people see of Stillframe: the text of a snapshot, and the `stillframe` command over a store of snapshots.
//!
//! | module | what | needs |
//! |---|---|---|
//! | [`render`] | a snapshot as text, for a terminal or as Markdown | nothing: the Python extension links only this |
//! | `diff` | two occurrences compared, or all of an issue | feature `command` |
//! | `find` | the query language of `stillframe find` | feature `command` |
//! | `repro` | a failing test from a snapshot | feature `command` |
//! | `store` | the spool that programs write, and the index over it | feature `command` |
//! | `command` | the command itself | feature `command` |
//!
//! `docs/command.md` describes what the command prints and accepts.

#[cfg(feature = "command")]
pub mod command;
#[cfg(feature = "command")]
pub mod diff;
#[cfg(feature = "command")]
pub mod find;
pub mod render;
#[cfg(feature = "command")]
pub mod repro;
#[cfg(feature = "command")]
pub mod store;
