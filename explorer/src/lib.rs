//! What people see of Stillframe: the text of a snapshot, and the `stillframe` command over a store of snapshots.
//!
//! | module | what | needs |
//! |---|---|---|
//! | [`render`] | a snapshot as text, for a terminal or as Markdown | nothing: the Python extension links only this |

pub mod render;
