//! Envelopes to a project, and the answers of Sentry.

use std::time::Duration;

use serde::Deserialize;

use super::dsn::{Dsn, DsnError};
use crate::config::Config;
use crate::sink::http::{Answer, Http, Method, Request};
use crate::sink::identity::{Identity, place};
use crate::sink::secrets::Secrets;
use crate::sink::wire::{Batch, Bounds, Protocol, Trouble, Verdict};
use crate::sink::{gzip, said};

/// How long to wait where Sentry does not say it.
const PAUSE: Duration = Duration::from_secs(60);
/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A project.
#[derive(Debug)]
pub struct Project {
    dsn: Dsn,
    secrets: Secrets,
    timeout: Duration,
}

impl Project {
    /// The project that `config` names.
    ///
    /// # Errors
    ///
    /// `sentry.dsn` is missing, or not a project's address.
    pub fn new(config: &Config) -> Result<Self, DsnError> {
        let dsn = config.sentry.dsn.as_ref().ok_or(DsnError::Missing)?;
        let mut secrets = Secrets::default();
        // The key, and the secret behind it that old ones have.
        secrets.add_address(dsn.reveal().trim());
        let dsn = Dsn::parse(dsn.reveal())?;
        Ok(Self {
            dsn,
            secrets,
            timeout: config.upload.timeout,
        })
    }

    /// Where it is; shown without its key.
    #[must_use]
    pub const fn dsn(&self) -> &Dsn {
        &self.dsn
    }

    /// By address and project. Not by key: a project may have several, and one that is replaced must not leave behind what waits.
    pub(super) fn identity(&self) -> Identity {
        Identity::of(["sentry", &place(&self.dsn.url), &self.dsn.path])
    }
}

impl Protocol for Project {
    fn name(&self) -> &'static str {
        "sentry"
    }

    fn bounds(&self) -> Bounds {
        // An envelope holds one event.
        Bounds {
            items: 1,
            bytes: super::EVENT_BYTES,
        }
    }

    fn request(&mut self, batch: &Batch<'_>, _: &dyn Http) -> Result<Request, Trouble> {
        let event = batch.items.first().copied().unwrap_or_default();
        let client = concat!("stillframe/", env!("CARGO_PKG_VERSION"));
        let key = self.dsn.key.reveal();
        let auth = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={key}");
        Ok(Request {
            method: Method::Post,
            url: self.dsn.url.clone(),
            path: self.dsn.path.clone(),
            headers: vec![
                (
                    "content-type".into(),
                    "application/x-sentry-envelope".to_owned(),
                ),
                ("content-encoding".into(), "gzip".to_owned()),
                ("user-agent".into(), client.to_owned()),
                ("x-sentry-auth".into(), auth),
            ],
            body: gzip::packed(&envelope(event)),
            timeout: self.timeout,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        match answer.status {
            200..300 if said::is_page(answer) => Verdict::Wrong {
                why: "it answers with a web page, so it is not Sentry: see sentry.dsn".to_owned(),
            },
            200..300 => Verdict::Delivered,
            429 => Verdict::Retry {
                after: Some(pause(answer)),
            },
            408 | 500..=599 => Verdict::Retry {
                after: answer.retry_after,
            },
            413 => Verdict::Split,
            status => {
                let why = said::clause(answer, said_by(answer).as_deref(), &self.secrets);
                let hint = match status {
                    407 => "upload.proxy",
                    _ => "sentry.dsn",
                };
                match said::is_about_the_way(answer) {
                    true => Verdict::Wrong {
                        why: format!("it answers {why}: see {hint}"),
                    },
                    false => Verdict::Refused { why },
                }
            }
        }
    }
}

/// An envelope of one event: headers, the item's header, the item.
fn envelope(event: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Id<'e> {
        event_id: &'e str,
    }
    let id = serde_json::from_slice::<Id<'_>>(event).map_or("", |event| event.event_id);
    let head = if id.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{\"event_id\":\"{id}\"}}")
    };
    let length = event.len();
    let mut out = format!(
        "{head}\n{{\"type\":\"event\",\"length\":{length},\"content_type\":\"application/json\"}}\n"
    )
    .into_bytes();
    out.extend_from_slice(event);
    out.push(b'\n');
    out
}

/// How long no events are taken: the longest limit that is about them, else `Retry-After`.
fn pause(answer: &Answer) -> Duration {
    let limits = answer.header("x-sentry-rate-limits").unwrap_or_default();
    let limits = limits.split(',').filter_map(|limit| {
        let mut parts = limit.trim().split(':');
        let seconds: f64 = parts.next()?.trim().parse().ok()?;
        let categories = parts.next().unwrap_or_default().trim();
        let is_ours = |category: &str| matches!(category.trim(), "error" | "default" | "");
        (categories.is_empty() || categories.split(';').any(is_ours)).then_some(seconds)
    });
    let limit = limits.fold(f64::NAN, f64::max);
    let limit = Duration::try_from_secs_f64(limit).ok();
    limit.or(answer.retry_after).unwrap_or(PAUSE).min(LONGEST)
}

/// What a refusal says.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Refusal {
    detail: String,
    causes: Vec<String>,
}

fn said_by(answer: &Answer) -> Option<String> {
    let body = gzip::body(answer);
    match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) if !refusal.detail.is_empty() => {
            let mut said = refusal.detail;
            for cause in &refusal.causes {
                said.push_str(": ");
                said.push_str(cause);
            }
            Some(said)
        }
        _ => answer.header("x-sentry-error").map(str::to_owned),
    }
}
