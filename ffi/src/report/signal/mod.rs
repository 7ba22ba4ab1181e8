//! Fatal signals: what can be written while the program dies, and what is made of it when it runs again.
//!
//! | file | idea |
//! |---|---|
//! | [`handler`] | which signals, and what happens before and after ours |
//! | [`alternate`] | a stack for handlers, where the thread's own is used up |
//! | [`describe`] | what a signal says |
//! | [`record`] | the file that a dying process leaves |
//! | [`import`] | from that file to a snapshot, at the next start |

pub mod alternate;
pub mod describe;
pub mod handler;
pub mod import;
pub mod record;
