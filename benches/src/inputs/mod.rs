//! What the paths work on, always the same. Errors, names, rules and values are those of the core's own benches.

pub(crate) mod snapshot;

#[path = "../../../core/benches/support/errors.rs"]
pub(crate) mod errors;
#[path = "../../../core/benches/support/names.rs"]
#[expect(dead_code, reason = "the core's own benches use more of it")]
pub(crate) mod names;
