//! A snapshot as the items of requests: one for each frame whose variables were read.

use crate::config::Config;
use crate::encode::Encoder;
use crate::encode::datadog::{BATCH_BYTES, Dialect, MAX_BYTES, MAX_FRAMES, Options};
use crate::engine::{Finished, PipelineError};
use crate::language::Language;
use crate::sink::wire::{Items, WireEncoder};
use crate::snapshot::Meta;

use super::container::Origin;
use super::tags::Tags;

/// Bytes that each frame can have, whatever the frames before it have.
const LEAST_BYTES: usize = 64 << 10;

/// Writes snapshots for Datadog.
#[derive(Debug)]
pub struct DatadogEncoder {
    encoder: Encoder,
    tags: Tags,
    /// Found out when the first snapshot is written: that takes a moment.
    origin: Option<Origin>,
    route: String,
}

impl DatadogEncoder {
    /// One for this process, with the tags of its configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            encoder: Encoder::new(),
            tags: Tags {
                names: config.tags.keys().cloned().collect(),
                repository: config.datadog.git_repository_url.clone(),
                commit: config.datadog.git_commit_sha.clone(),
            },
            origin: None,
            route: String::new(),
        }
    }
}

impl WireEncoder for DatadogEncoder {
    fn encode(&mut self, snapshot: &Finished, items: &mut Items) -> Result<(), PipelineError> {
        let origin = self.origin.get_or_insert_with(Origin::here);
        write_route(&mut self.route, &self.tags, origin, snapshot.meta());
        let (encoder, route) = (&mut self.encoder, &self.route);
        snapshot.with_input(|input| {
            let language = input.tape.header().language;
            let dialect = Dialect::of(language);
            let key = snapshot.key();
            let hash = exception_hash(language, key);
            let id = input.meta.id;
            let frame_id = |frame| id.of_frame(frame);
            let frames = encoder.datadog_frames(input.tape, MAX_FRAMES);
            let least = LEAST_BYTES.min(BATCH_BYTES / frames.len().max(1));
            let mut left = BATCH_BYTES;
            for (written, frame) in frames.iter().enumerate() {
                // All frames of a snapshot together fit into one request, so its memory is bounded: one that is large leaves the others
                // their least.
                let reserved = least * (frames.len() - written - 1);
                let options = Options {
                    exception_hash: (key != [0; 16]).then_some(hash.as_str()),
                    max_bytes: left.saturating_sub(reserved).clamp(least, MAX_BYTES),
                    ..Options::new(dialect, &frame_id)
                };
                items.push(route, |out| {
                    let before = out.len();
                    encoder.datadog_frame_into(input, &options, *frame, out);
                    left = left.saturating_sub(out.len() - before);
                });
            }
        })
    }
}

/// The key of the issue in the form of the tracer's hash: .NET's is a UUID.
fn exception_hash(language: Language, key: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(key));
    match language {
        Language::Dotnet => format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        ),
        _ => hex,
    }
}

/// What tells requests apart: the query, and behind spaces what is known of the container, which goes into headers. Whoever delivers
/// may run in another container than the one that failed.
fn write_route(route: &mut String, tags: &Tags, origin: &Origin, meta: &Meta) {
    route.clear();
    tags.query(meta, route);
    for (prefix, text) in [
        (" entity=", &origin.entity),
        (" external=", &origin.external),
    ] {
        if let Some(text) = text {
            route.push_str(prefix);
            route.push_str(text);
        }
    }
}

/// A route taken apart again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Route<'r> {
    pub(super) query: &'r str,
    pub(super) entity: Option<&'r str>,
    pub(super) external: Option<&'r str>,
}

impl<'r> Route<'r> {
    pub(super) fn read(route: &'r str) -> Self {
        let mut parts = route.split(' ');
        let query = parts.next().unwrap_or_default();
        let mut read = Self {
            query,
            ..Self::default()
        };
        for part in parts {
            match part.split_once('=') {
                Some(("entity", text)) => read.entity = Some(text),
                Some(("external", text)) => read.external = Some(text),
                _ => {}
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_read_as_it_was_written() {
        let mut route = "old".to_owned();
        let mut origin = Origin::default();
        write_route(&mut route, &Tags::default(), &origin, &Meta::default());
        let query = format!("ddtags=debugger_version:{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            Route::read(&route),
            Route {
                query: &query,
                entity: None,
                external: None
            }
        );
        (origin.entity, origin.external) = (Some("in-4711".into()), Some("it-false,cn-a=b".into()));
        write_route(&mut route, &Tags::default(), &origin, &Meta::default());
        assert_eq!(
            Route::read(&route),
            Route {
                query: &query,
                entity: Some("in-4711"),
                external: Some("it-false,cn-a=b")
            }
        );
    }

    #[test]
    fn hashes() {
        let key = [0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(
            exception_hash(Language::Java, key),
            "0f0102030405060708090a0b0c0d0e0f"
        );
        assert_eq!(
            exception_hash(Language::Dotnet, key),
            "0f010203-0405-0607-0809-0a0b0c0d0e0f"
        );
    }
}
