//! Destinations beyond this machine, in a build that has none.

use std::sync::Arc;
use std::time::Instant;

use super::{Finished, Shared};
use crate::sink::Destination;

pub(super) type Senders = [(); 0];

#[derive(Debug, Default)]
pub(super) struct Destinations;

pub(super) fn configured(_: &Shared) -> Vec<Destination> {
    Vec::new()
}

impl Destinations {
    pub(super) fn new(_: &Arc<Shared>, _: Vec<Destination>) -> Self {
        Self
    }

    pub(super) fn senders(&self) -> Senders {
        []
    }

    pub(super) fn take(&mut self, _: &Finished) {}

    pub(super) fn flush(&mut self) {}

    pub(super) fn close(&mut self, _: Instant) -> bool {
        true
    }
}

pub(super) fn deliver_left_over(_: &Senders) {}

pub(super) fn settle_by(_: &Senders, _: Instant) -> bool {
    true
}

pub(super) fn stop(_: &Senders) {}

pub(super) fn leave_to_parent(_: &Senders) {}
