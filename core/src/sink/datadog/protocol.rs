//! Requests with snapshots, and what the answers of an Agent and of Datadog's intake mean.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use super::encoder::Route;
use super::info::{Endpoint, Endpoints};
use super::target::Target;
use crate::encode::datadog::BATCH_BYTES;
use crate::sink::http::{Answer, Http, HttpError, HttpErrorKind, Method, Request};
use crate::sink::said;
use crate::sink::secrets::Secrets;
use crate::sink::wire::{Batch, Bounds, Protocol, Trouble, Verdict};
use crate::snapshot::SnapshotId;

/// How often an Agent that works is asked what it takes: it may be replaced while we run.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// Longest wait for that.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames in one request, as Datadog's tracers bound them.
const ITEMS: usize = 100;
/// What comes from debuggers is called so at the intake.
const ORIGIN: &str = "agent-debugger";

/// Delivers to an Agent or to Datadog.
pub struct DatadogProtocol {
    target: Target,
    secrets: Secrets,
    timeout: Duration,
    /// What the Agent says; `None` if it must be asked first.
    agent: Option<Agent>,
    /// Where the last request went.
    endpoint: Endpoint,
    /// The last request has no answer yet; when the next one is asked for, it never will.
    unanswered: bool,
    clock: Box<dyn Fn() -> Duration + Send>,
}

/// What an Agent says.
#[derive(Clone, Copy, Debug)]
struct Agent {
    listed: Endpoints,
    /// Of these, those that answered 404.
    missing: Endpoints,
    /// When it was asked.
    asked: Duration,
}

impl Agent {
    /// The best endpoint that is there.
    fn best(&self) -> Option<Endpoint> {
        self.listed.best_without(self.missing)
    }
}

impl fmt::Debug for DatadogProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogProtocol")
            .field("target", &self.target)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

impl DatadogProtocol {
    /// For `target`; `timeout` is that of a request.
    pub(super) fn new(target: Target, timeout: Duration) -> Self {
        let started = Instant::now();
        Self::with(target, timeout, Box::new(move || started.elapsed()))
    }

    fn with(target: Target, timeout: Duration, clock: Box<dyn Fn() -> Duration + Send>) -> Self {
        Self {
            secrets: target.secrets(),
            target,
            timeout,
            agent: None,
            endpoint: Endpoint::Input,
            unanswered: false,
            clock,
        }
    }

    /// Finds out where the Agent takes snapshots.
    fn ask(&mut self, url: &str, http: &dyn Http) -> Result<Endpoint, Trouble> {
        let now = (self.clock)();
        let known = self.agent.take();
        let known = known.filter(|agent| now.saturating_sub(agent.asked) < ASK_AGAIN);
        if let Some(agent) = known
            && let Some(endpoint) = agent.best()
        {
            self.agent = known;
            return Ok(endpoint);
        }
        let agent = Agent {
            listed: info(url, self.timeout, http)?,
            // What was listed before and is not there any more: perhaps because another Agent listens now.
            missing: known.map_or_else(Endpoints::default, |agent| agent.missing),
            asked: now,
        };
        if let Some(endpoint) = agent.best() {
            self.agent = Some(agent);
            return Ok(endpoint);
        }
        let (input, diagnostics) = (Endpoint::Input.path(), Endpoint::Diagnostics.path());
        Err(Trouble::Unsupported(
            match agent.listed.best_without(Endpoints::default()) {
                None => format!(
                    "the Agent takes no snapshots: it lists neither {input} nor {diagnostics}; update it to 7.49 or later"
                ),
                Some(best) => format!(
                    "the Agent takes no snapshots: it lists {}, but answers 404 there",
                    best.path()
                ),
            },
        ))
    }

    /// The destination is wrong, not the batch. Perhaps another Agent answers next time.
    fn hold(&mut self, why: String) -> Verdict {
        self.agent = None;
        Verdict::Wrong { why }
    }

    fn not_found(&mut self) -> Verdict {
        if let Target::Agent { .. } = self.target {
            let endpoint = self.endpoint;
            self.agent = self.agent.map(|agent| Agent {
                missing: agent.missing.with(endpoint),
                ..agent
            });
            return Verdict::Elsewhere;
        }
        self.hold(
            "there is no intake here (404): check datadog.site (DD_SITE) or datadog.url".to_owned(),
        )
    }

    fn unauthorized(&mut self, answer: &Answer) -> Verdict {
        let said = self.said(answer);
        self.hold(match self.target {
            Target::Intake { .. } => format!(
                "Datadog refuses the API key ({said}): check datadog.api_key (DD_API_KEY), and that it belongs to this site (DD_SITE)"
            ),
            Target::Agent { .. } => format!("the Agent is not allowed to deliver ({said}): check its own API key and site"),
        })
    }

    /// The status and the beginning of the body, in one line and without the key.
    fn said(&self, answer: &Answer) -> String {
        let body = String::from_utf8_lossy(&answer.body);
        match said::line(&body, &self.secrets).as_str() {
            "" => answer.status.to_string(),
            line => format!("{}: {line}", answer.status),
        }
    }
}

impl Protocol for DatadogProtocol {
    fn name(&self) -> &'static str {
        "datadog"
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            items: ITEMS,
            // Room for the brackets and commas.
            bytes: BATCH_BYTES - ITEMS - 1,
        }
    }

    fn request(&mut self, batch: &Batch<'_>, http: &dyn Http) -> Result<Request, Trouble> {
        if std::mem::take(&mut self.unanswered) {
            self.agent = None;
        }
        let route = Route::read(batch.route);
        let mut headers: Vec<(Cow<'static, str>, String)> = vec![
            ("content-type".into(), "application/json".to_owned()),
            ("user-agent".into(), user_agent()),
            (
                "dd-request-id".into(),
                SnapshotId::generate(crate::engine::now_ns()).to_string(),
            ),
        ];
        let (url, path) = match self.target.clone() {
            Target::Agent { url } => {
                self.endpoint = self.ask(&url, http)?;
                if let Some(entity) = route.entity {
                    if let Some(id) = entity.strip_prefix("ci-") {
                        headers.push(("datadog-container-id".into(), id.to_owned()));
                    }
                    headers.push(("datadog-entity-id".into(), entity.to_owned()));
                }
                if let Some(external) = route.external {
                    headers.push(("datadog-external-env".into(), external.to_owned()));
                }
                (url, self.endpoint.path().to_owned())
            }
            Target::Intake { url, path, key } => {
                headers.push(("dd-api-key".into(), key));
                headers.push(("dd-evp-origin".into(), ORIGIN.to_owned()));
                (url, path)
            }
        };
        let length: usize = batch.items.iter().map(|item| item.len() + 1).sum();
        let mut body = Vec::with_capacity(length + 1);
        for (index, item) in batch.items.iter().enumerate() {
            body.push(if index == 0 { b'[' } else { b',' });
            body.extend_from_slice(item);
        }
        body.push(b']');
        self.unanswered = true;
        Ok(Request {
            method: Method::Post,
            url,
            path: format!("{path}?{}", route.query),
            headers,
            body,
            timeout: self.timeout,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        self.unanswered = false;
        match answer.status {
            200..=299 if !said::is_page(answer) => Verdict::Delivered,
            413 => Verdict::Split,
            408 | 425 | 429 => Verdict::Retry {
                after: answer.retry_after,
            },
            500..=599 => {
                // Perhaps another Agent answers next time.
                self.agent = None;
                Verdict::Retry {
                    after: answer.retry_after,
                }
            }
            404 | 405 => self.not_found(),
            401 | 403 => self.unauthorized(answer),
            status if status < 400 || status == 407 || said::is_page(answer) => {
                let said = match said::is_page(answer) {
                    true => format!("{status}: a web page"),
                    false => self.said(answer),
                };
                let why =
                    format!("it does not answer as Datadog does ({said}): is something else here?");
                self.hold(why)
            }
            _ => Verdict::Refused {
                why: self.said(answer),
            },
        }
    }
}

/// Asks an Agent what it takes.
fn info(url: &str, timeout: Duration, http: &dyn Http) -> Result<Endpoints, Trouble> {
    let request = Request {
        method: Method::Get,
        url: url.to_owned(),
        path: "/info".to_owned(),
        headers: vec![("user-agent".into(), user_agent())],
        body: Vec::new(),
        timeout: timeout.min(ASK_TIMEOUT),
    };
    let answer = http.send(&request).map_err(Trouble::Http)?;
    match answer.status {
        200..=299 => Endpoints::read(&answer.body).ok_or_else(|| {
            Trouble::Unsupported(
                "this is no Datadog Agent: it does not answer GET /info as one does; check datadog.agent_url (DD_TRACE_AGENT_URL)".to_owned(),
            )
        }),
        // Later it may be able to say.
        408 | 425 | 429 | 500..=599 => Err(Trouble::Http(HttpError {
            kind: HttpErrorKind::Broken,
            why: format!("the Agent answers GET /info with {}", answer.status),
        })),
        404 => Err(Trouble::Unsupported(
            "this is no Datadog Agent, or one too old to take snapshots: it has no /info (404); 7.49 or later is needed".to_owned(),
        )),
        status => Err(Trouble::Unsupported(format!(
            "this is no Datadog Agent: it answers GET /info with {status}; check datadog.agent_url (DD_TRACE_AGENT_URL)"
        ))),
    }
}

fn user_agent() -> String {
    concat!("stillframe/", env!("CARGO_PKG_VERSION")).to_owned()
}

#[cfg(test)]
mod tests;
