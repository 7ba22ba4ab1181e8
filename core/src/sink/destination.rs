//! The destinations that a configuration asks for.

use std::fmt;

use super::identity::Identity;
use super::wire::{Protocol, WireEncoder};
use crate::config::Config;

/// A destination beyond this machine: the two halves of its wire.
pub struct Destination {
    /// Writes snapshots, on the background thread.
    pub encoder: Box<dyn WireEncoder>,
    /// Makes requests and reads answers, on the sender thread.
    pub protocol: Box<dyn Protocol>,
    /// Where to, for people: without credentials ([`show_url`](super::http::show_url)).
    pub address: String,
    /// Which of the wire's destinations this is: only those of one identity share an outbox. `None` where any of them will do.
    pub identity: Option<Identity>,
}

impl Destination {
    /// Name of its outbox.
    #[must_use]
    pub fn folder(&self) -> String {
        Identity::folder(self.protocol.name(), self.identity.as_ref())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("name", &self.protocol.name())
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Makes a destination: `None` if the configuration does not ask for it, an error of one sentence if what it says is not enough.
pub type MakeDestination = fn(&Config) -> Option<Result<Destination, String>>;

/// One line for each wire.
const WIRES: &[MakeDestination] = &[
    #[cfg(feature = "datadog")]
    super::datadog::destination,
    #[cfg(feature = "otlp")]
    super::otlp::destination,
    #[cfg(feature = "sentry")]
    super::sentry::destination,
];

/// The destinations that `config` asks for, and what is wrong with those that cannot be, one line each.
#[must_use]
pub fn destinations(config: &Config) -> (Vec<Destination>, Vec<String>) {
    let (mut made, mut problems) = (Vec::new(), Vec::new());
    for destination in WIRES.iter().filter_map(|make| make(config)) {
        match destination {
            Ok(destination) => made.push(destination),
            Err(problem) => problems.push(problem),
        }
    }
    (made, problems)
}
