//! Payloads of the records that are not snapshots.
//!
//! MessagePack maps by name, so that either side may be newer: unknown members are ignored, missing ones take their default.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Occurrences that were counted but not captured, since the last such record of the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventCounts {
    /// Beginning of the time that is counted, in nanoseconds since the Unix epoch.
    pub since_ns: u64,
    /// Its end.
    pub until_ns: u64,
    /// One entry per issue or site.
    pub counts: Vec<EventCount>,
}

/// Occurrences at one site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventCount {
    /// Fingerprint of the issue, if one occurrence at the site was captured; else zero.
    pub fingerprint: [u8; 16],
    /// The site: identity within this process only.
    pub site: u64,
    /// Occurrences.
    pub count: u64,
    /// The last of them, in nanoseconds since the Unix epoch.
    pub last_ns: u64,
}

/// An exception that was captured as handled (it was logged, say) went on and was not handled: it ended a thread or the program. The
/// record has the id of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Uncaught {
    /// By which way it was met then: `excepthook`, `threading`.
    pub mechanism: String,
}

/// What a process is, and what it did up to now. `S` is the engine's statistics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessRecord<S> {
    /// Whether this is the first, a later, or the last record of the process.
    pub phase: ProcessPhase,
    /// Process id.
    pub pid: u32,
    /// When the engine started, in nanoseconds since the Unix epoch. With `pid`, this identifies the process.
    pub started_ns: u64,
    /// Service, environment and version, as configured.
    pub service: Option<String>,
    /// Deployment environment.
    pub env: Option<String>,
    /// Version of the program.
    pub version: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// Language of the program: `python`.
    pub language: String,
    /// Version of the runtime: `CPython 3.11.7`.
    pub runtime: String,
    /// How values are read, as the host calls it: `fast`, or why not.
    pub walker: String,
    /// Version of this library.
    pub library: String,
    /// What switched capture on: `STILLFRAME_ENABLED`, `install()`.
    pub enabled_by: Option<String>,
    /// What is wrong with the configuration, one line each.
    pub problems: Vec<String>,
    /// Counts and times by stage and reason.
    pub stats: S,
}

/// Where in a process's life a [`ProcessRecord`] was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessPhase {
    /// The engine has just started.
    #[default]
    Start,
    /// It runs.
    Running,
    /// The process ends by itself. A process without such a record was killed, or still lives.
    Exit,
}

/// Encodes a payload.
///
/// # Errors
///
/// A `Serialize` of `T` refuses.
pub fn encode_payload<T: Serialize>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(value)
}

/// Decodes a payload that another version may have written.
///
/// # Errors
///
/// `bytes` is not MessagePack of such a value.
pub fn decode_payload<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_back_and_survive_other_versions() {
        let count = EventCount {
            fingerprint: [7; 16],
            site: u64::MAX,
            count: 3,
            last_ns: 9,
        };
        let counts = EventCounts {
            since_ns: 1,
            until_ns: 2,
            counts: vec![count],
        };
        let bytes = encode_payload(&counts).expect("encodes");
        assert_eq!(
            decode_payload::<EventCounts>(&bytes).expect("decodes"),
            counts
        );

        #[derive(Serialize)]
        struct Newer {
            pid: u32,
            phase: ProcessPhase,
            added: &'static str,
        }
        let newer = Newer {
            pid: 7,
            phase: ProcessPhase::Exit,
            added: "later",
        };
        let bytes = encode_payload(&newer).expect("encodes");
        let read: ProcessRecord<u64> = decode_payload(&bytes).expect("decodes");
        assert_eq!((read.pid, read.phase), (7, ProcessPhase::Exit));
        assert!(decode_payload::<EventCounts>(b"\xc1nonsense").is_err());
    }
}
