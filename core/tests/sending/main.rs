//! Sending: the HTTP client against real servers, and snapshots on their way through outbox and sender.
#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod answers;
mod client;
mod load;
mod outage;
mod outbox;
mod processes;
mod proxy;
mod server;
mod tls;
mod wire;
