//! The HTTP client: `ureq` with connections of our own kinds, and its failures in words.
//!
//! One client serves one destination. It keeps one connection open, follows no redirect (a key must not go elsewhere), reads at most
//! 64 KiB of an answer, and reads no environment variable where it sends: the program may be changing them.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::lock::Mutex;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, RustlsConnector, TcpConnector,
};
use ureq::{Agent, Proxy};

use super::connect::{Dial, Resolve, Way};
use super::failure::{Context, explain};
use super::proxy::Proxies;
use super::{Answer, Http, HttpError, HttpErrorKind, Method, Request};
use super::{roots, userinfo};
use crate::config::UploadConfig;

/// Longest body of an answer that is read.
const LONGEST_ANSWER: u64 = 64 << 10;
/// Longest pause that an answer may ask for and is listened to.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// How long a connection waits for the next request.
const IDLE: Duration = Duration::from_secs(15);
/// Addresses and proxies that connections are kept for: an agent, and where it moved to.
const MOST_AGENTS: usize = 4;

/// A client for one destination.
pub struct Client {
    proxies: Proxies,
    ca_file: Option<PathBuf>,
    environment: roots::Places,
    /// Settings without any authority to trust.
    plain: Config,
    state: Mutex<State>,
}

/// Completes settings with authorities to trust.
type Complete = Box<dyn FnOnce(TlsConfig) -> Config + Send>;

struct State {
    /// One for each way to connect, the latest last.
    agents: Vec<(Way, Agent)>,
    /// Settings with authorities, which are read when they are first needed; and until then, what completes them.
    encrypted: Option<Config>,
    complete: Option<Complete>,
    /// No more requests: those under way are cut short.
    closed: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("proxies", &self.proxies)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that connects as `config` says. Opens nothing yet.
    #[must_use]
    pub fn new(config: &UploadConfig) -> Self {
        Self {
            proxies: Proxies::new(config),
            ca_file: config.ca_file.clone(),
            environment: roots::Places {
                file: config.environment.ca_file.clone(),
                dir: config.environment.ca_dir.clone(),
            },
            plain: begin_settings()(tls(Vec::new())),
            state: Mutex::new(State {
                agents: Vec::new(),
                encrypted: None,
                complete: Some(Box::new(begin_settings())),
                closed: false,
            }),
        }
    }

    /// Ends the request that another thread waits for, and refuses further ones.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        for (_, agent) in state.agents.drain(..) {
            agent.shutdown();
        }
    }

    /// The agent for `way`, and whether it is in use already.
    fn agent(&self, way: &Way, https: bool) -> Result<Agent, HttpError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(HttpError {
                kind: HttpErrorKind::Setup,
                why: "sending has ended".to_owned(),
            });
        }
        // The proxy may itself be reached by TLS.
        let encrypted = https || way.needs_tls();
        if encrypted && state.encrypted.is_none() {
            let roots = roots::load(self.ca_file.as_deref(), &self.environment)?;
            let complete = state.complete.take();
            state.encrypted = complete.map(|complete| complete(tls(roots)));
        }
        let known = state
            .agents
            .iter()
            .position(|(known, agent)| known == way && (!encrypted || has_roots(agent)));
        if let Some(at) = known {
            return Ok(state.agents[at].1.clone());
        }
        let config = state.encrypted.as_ref().filter(|_| encrypted);
        let agent = make_agent(way, config.unwrap_or(&self.plain).clone());
        if state.agents.len() >= MOST_AGENTS {
            state.agents.remove(0);
        }
        state.agents.push((way.clone(), agent.clone()));
        Ok(agent)
    }
}

fn has_roots(agent: &Agent) -> bool {
    matches!(agent.config().tls_config().root_certs(), RootCerts::Specific(certs) if !certs.is_empty())
}

fn tls(roots: Vec<Certificate<'static>>) -> TlsConfig {
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// Settings for all connections; what is returned completes them. To begin, the library reads the environment for a proxy, though that is
/// not used: so this runs where the client is made, on a thread of the program.
fn begin_settings() -> impl FnOnce(TlsConfig) -> Config + Send + 'static {
    let builder = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(IDLE)
        .user_agent(concat!("stillframe/", env!("CARGO_PKG_VERSION")))
        .accept("")
        .accept_encoding("");
    move |tls| builder.tls_config(tls).build()
}

/// The proxy that passes bytes on, if there is one.
fn tunnel(way: &Way) -> Result<Option<Proxy>, HttpError> {
    let Way::Tunnel(proxy) = way else {
        return Ok(None);
    };
    let made = Proxy::new(proxy.reveal()).map_err(|_| HttpError {
        kind: HttpErrorKind::Setup,
        why: format!("the proxy's address {proxy} is not valid"),
    });
    made.map(Some)
}

fn make_agent(way: &Way, config: Config) -> Agent {
    let connector = Dial::new(way.clone())
        .chain(ConnectProxyConnector::default())
        .chain(TcpConnector::default())
        .chain(RustlsConnector::default());
    Agent::with_parts(config, connector, Resolve::new(way))
}

impl Http for Client {
    fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let context = Context {
            url: &request.url,
            timeout: request.timeout,
        };
        let setup = |why: String| HttpError {
            kind: HttpErrorKind::Setup,
            why,
        };
        let bad_address = || setup(format!("the address {context} is not valid"));
        let (way, target, userinfo) = match request.url.strip_prefix("unix://") {
            Some(socket) => (
                Way::Unix(PathBuf::from(socket)),
                format!("http://localhost{}", request.path),
                None,
            ),
            None => {
                // The library would send user and password without decoding them, and name them to a proxy.
                let (userinfo, url) = userinfo::split(&request.url);
                let target = format!("{url}{}", request.path);
                let uri: Uri = target.parse().map_err(|_| bad_address())?;
                (self.proxies.way(&uri), target, userinfo)
            }
        };
        let uri: Uri = target.parse().map_err(|_| bad_address())?;
        if uri.host().is_none_or(str::is_empty)
            || !matches!(uri.scheme_str(), Some("http" | "https"))
        {
            return Err(bad_address());
        }
        let agent = self.agent(&way, uri.scheme_str() == Some("https"))?;
        let proxy = tunnel(&way)?;
        let failed = |error| explain(error, &context, &way);

        let mut builder = ureq::http::Request::builder()
            .uri(uri)
            .method(match request.method {
                Method::Get => ureq::http::Method::GET,
                Method::Post => ureq::http::Method::POST,
            });
        for (name, value) in &request.headers {
            builder = builder.header(&**name, value);
        }
        let is_authorized = request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some(userinfo) = userinfo.filter(|text| !text.is_empty() && !is_authorized) {
            builder = builder.header("authorization", userinfo::basic(userinfo));
        }
        if let Way::Forward(proxy) = &way {
            // The connection writes the target into the first line that it carries, so it carries one request only.
            builder = builder.header("connection", "close");
            if let Some(authorization) = proxy.authorization() {
                builder = builder.header("proxy-authorization", authorization);
            }
        }
        let answer = match request.method {
            Method::Get => {
                let built = builder
                    .body(())
                    .map_err(|_| setup("a header is not valid".into()))?;
                let built = agent.configure_request(built);
                let built = built.timeout_global(Some(request.timeout)).proxy(proxy);
                agent.run(built.build()).map_err(failed)?
            }
            Method::Post => {
                let body = request.body.as_slice();
                let built = builder
                    .body(body)
                    .map_err(|_| setup("a header is not valid".into()))?;
                let built = agent.configure_request(built);
                let built = built.timeout_global(Some(request.timeout)).proxy(proxy);
                agent.run(built.build()).map_err(failed)?
            }
        };
        let (head, mut body) = answer.into_parts();
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let mut bytes = Vec::new();
        // The status is known: what becomes of the rest of the answer does not matter.
        let _ = body
            .as_reader()
            .take(LONGEST_ANSWER)
            .read_to_end(&mut bytes);
        Ok(Answer {
            status: head.status.as_u16(),
            retry_after: retry_after(&headers),
            headers,
            body: bytes,
        })
    }
}

fn retry_after(headers: &[(String, String)]) -> Option<Duration> {
    let (_, value) = headers.iter().find(|(name, _)| name == "retry-after")?;
    let value = value.trim();
    let after = match value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
            Duration::from_secs_f64(seconds.min(LONGEST_RETRY_AFTER.as_secs_f64()))
        }
        Ok(_) => return None,
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(SystemTime::now())
            .ok()?,
    };
    Some(after.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date_and_bounded() {
        let of = |value: &str| retry_after(&[("retry-after".to_owned(), value.to_owned())]);
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(of("1e300"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(
            of("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(LONGEST_RETRY_AFTER)
        );
        for none in [
            "-1",
            "nan",
            "inf",
            "soon",
            "",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(retry_after(&[]), None);
    }
}
