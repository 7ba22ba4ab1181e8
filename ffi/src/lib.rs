//! Stillframe as a C library.
//!
//! ```text
//! C caller ── guard! ── handle, struct_size and text checks ── stillframe_core::engine
//!              '── a panic ends here: error, engine switched off
//! ```
//!
//! What C sees is `include/stillframe.h`, generated from this crate; its first comment, [`contract.h`](../src/contract.h), is the contract.
//! Here is only what a C caller needs beside the engine: each export checks what it is handed, translates it, and calls the core.
//!
//! | file | idea |
//! |---|---|
//! | [`guard`](mod@guard) | no panic passes the border |
//! | [`status`], [`error`] | numbers and messages |
//! | [`text`], [`sized`] | views, buffers, structs that grow |
//! | [`handle`], [`fork`] | which pointers are handles, in which process |
//! | [`config`], [`rules`], [`engine`] | an engine's life |
//! | [`redact`] | what a host's walker asks before it reads a value |
//! | [`permit`], [`admit`], [`capture`], [`encode`] | the path of one exception |
//! | [`stats`], [`about`] | counters, versions |
//! | [`report`] | errors of programs in C and C++ (`stillframe_report.h`) |
//!
//! Types have their C names, so that a search finds both sides.

#![expect(
    non_camel_case_types,
    reason = "types have the names that C knows them by"
)]

#[cfg(not(panic = "unwind"))]
compile_error!("libstillframe catches its own panics, which needs panic = \"unwind\"");

pub mod about;
pub mod admit;
pub mod capture;
pub mod config;
pub mod encode;
pub mod engine;
pub mod error;
pub mod fork;
pub mod guard;
pub mod handle;
pub mod permit;
pub mod redact;
/// cbindgen:ignore
pub mod report;
pub mod rules;
pub mod sized;
pub mod stats;
pub mod status;
pub mod text;
