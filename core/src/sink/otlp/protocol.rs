//! OTLP over HTTP: requests to a receiver of logs, and its answers.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use serde::Deserialize;

use super::endpoint::{Endpoint, EndpointError};
use crate::config::{Compression, Config};
use crate::sink::http::{Answer, Http, Method, Request, userinfo};
use crate::sink::identity::{Identity, place};
use crate::sink::secrets::Secrets;
use crate::sink::wire::{Batch, Bounds, Protocol, Trouble, Verdict};
use crate::sink::{gzip, said};

/// Records in a request.
const ITEMS: usize = 64;
/// Bytes of a request before it is packed: what receivers take, with room.
const BYTES: usize = 2 << 20;

/// A receiver of logs.
#[derive(Debug)]
pub struct LogsService {
    endpoint: Endpoint,
    headers: Vec<(String, crate::config::Secret)>,
    secrets: Secrets,
    gzip: bool,
    timeout: Duration,
    /// Records in the last request.
    sent: u64,
}

impl LogsService {
    /// The receiver that `config` names.
    ///
    /// # Errors
    ///
    /// `otlp.endpoint` is not an address.
    pub fn new(config: &Config) -> Result<Self, EndpointError> {
        let otlp = &config.otlp;
        let headers = otlp.headers.iter();
        let endpoint = Endpoint::parse(otlp.endpoint.reveal())?;
        let mut secrets = Secrets::default();
        secrets.add_address(otlp.endpoint.reveal().trim());
        for value in otlp.headers.values() {
            secrets.add_header(value.reveal());
        }
        Ok(Self {
            endpoint,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .collect(),
            secrets,
            gzip: otlp.compression == Compression::Gzip,
            timeout: otlp.timeout.unwrap_or(config.upload.timeout),
            sent: 0,
        })
    }

    /// Where it is; shown without credentials.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// By address, user and headers: one receiver keeps tenants apart by a header of any name, or by a key.
    pub(super) fn identity(&self) -> Identity {
        let place = place(&self.endpoint.url);
        let (userinfo, _) = userinfo::split(&self.endpoint.url);
        let mut headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.reveal()))
            .collect();
        headers.sort_unstable();
        let headers = headers.into_iter().flat_map(|(name, value)| [name, value]);
        let endpoint = ["otlp", &place, &self.endpoint.path];
        Identity::of(
            endpoint
                .into_iter()
                .chain([userinfo.unwrap_or_default()])
                .chain(headers),
        )
    }
}

impl Protocol for LogsService {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            items: ITEMS,
            bytes: BYTES,
        }
    }

    fn request(&mut self, batch: &Batch<'_>, _: &dyn Http) -> Result<Request, Trouble> {
        self.sent = batch.items.len() as u64;
        // Encoded requests in a row are one.
        let body = batch.items.concat();
        let mut headers = vec![("content-type".into(), "application/x-protobuf".to_owned())];
        if self.gzip {
            headers.push(("content-encoding".into(), "gzip".to_owned()));
        }
        for (name, value) in &self.headers {
            // What says how the body is written is not for others to say.
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.clone().into(), value.reveal().to_owned()));
            }
        }
        if !headers.iter().any(|(known, _)| known == "user-agent") {
            let client = concat!("stillframe/", env!("CARGO_PKG_VERSION"));
            headers.push(("user-agent".into(), client.to_owned()));
        }
        Ok(Request {
            method: Method::Post,
            url: self.endpoint.url.clone(),
            path: self.endpoint.path.clone(),
            headers,
            body: if self.gzip { gzip::packed(&body) } else { body },
            timeout: self.timeout,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        match answer.status {
            200..300 if said::is_page(answer) => Verdict::Wrong {
                why: "it answers with a web page, so it is no receiver of OTLP: see otlp.endpoint"
                    .to_owned(),
            },
            200..300 => self.accepted(answer),
            408 | 429 | 502 | 503 | 504 => Verdict::Retry {
                after: answer.retry_after,
            },
            // In the protocol's own form it is the receiver's last word; else it is that of something in front of it, which will mend.
            500..600 if said_by(answer).is_none_or(|said| said.is_empty()) => Verdict::Retry {
                after: answer.retry_after,
            },
            413 => Verdict::Split,
            400 if is_too_large(answer) => Verdict::Split,
            status => {
                let status_message = said_by(answer);
                let why = said::clause(answer, status_message.as_deref(), &self.secrets);
                let hint = match status {
                    401 | 403 => ": see otlp.headers",
                    407 => ": see upload.proxy",
                    _ => ": see otlp.endpoint",
                };
                match said::is_about_the_way(answer) {
                    true => Verdict::Wrong {
                        why: format!("it answers {why}{hint}"),
                    },
                    false => Verdict::Refused { why },
                }
            }
        }
    }
}

impl LogsService {
    fn accepted(&self, answer: &Answer) -> Verdict {
        let body = gzip::body(answer);
        let response = if is_json(answer) {
            serde_json::from_slice::<JsonResponse>(&body)
                .map(|response| response.partial_success)
                .unwrap_or_default()
        } else {
            // An answer that cannot be read takes nothing back.
            let response = ExportLogsServiceResponse::decode(&*body).unwrap_or_default();
            response.partial_success.map(|partial| JsonPartial {
                rejected_log_records: Count::Number(partial.rejected_log_records),
                error_message: partial.error_message,
            })
        };
        let Some(partial) = response else {
            return Verdict::Delivered;
        };
        match partial.rejected_log_records.value().min(self.sent) {
            // A warning, not a refusal.
            0 => Verdict::Delivered,
            rejected => Verdict::Partly {
                rejected,
                why: said::line(&partial.error_message, &self.secrets),
            },
        }
    }
}

/// `google.rpc.Status`, which stands in every answer that refuses.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Deserialize)]
struct JsonStatus {
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonResponse {
    partial_success: Option<JsonPartial>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonPartial {
    rejected_log_records: Count,
    error_message: String,
}

/// 64-bit integers are text in protobuf's JSON, and numbers where somebody did not know.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(i64),
    Text(String),
}

impl Default for Count {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Count {
    fn value(&self) -> u64 {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(0),
        };
        u64::try_from(number).unwrap_or(0)
    }
}

fn is_json(answer: &Answer) -> bool {
    answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
}

/// What a refusal says, if it says it as the protocol wants.
fn said_by(answer: &Answer) -> Option<String> {
    let body = gzip::body(answer);
    if is_json(answer) {
        let status = serde_json::from_slice::<JsonStatus>(&body).ok()?;
        return Some(status.message);
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.starts_with("application/x-protobuf") {
        return None;
    }
    Status::decode(&*body).ok().map(|status| status.message)
}

/// Whether the answer says "too large" without the status for it, as Go's reader does when it stops in the middle of a body.
fn is_too_large(answer: &Answer) -> bool {
    let body = gzip::body(answer);
    let text = b"body too large";
    memchr::memmem::find(&body, text).is_some()
}
