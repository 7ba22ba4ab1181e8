//! Snapshots for Datadog: what they look like, and how they get there.

#![cfg(feature = "datadog")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

#[path = "../support/mod.rs"]
mod support;

mod agent;
mod outages;
mod requests;
mod structure;
