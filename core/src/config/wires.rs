//! Destinations beyond this machine, as they are configured. Which ones there are is decided here; how they work, in
//! [`sink`](crate::sink).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::sink::http::show_url;

/// A text that is never shown: a key, or what holds one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// How it is shown.
    pub const HIDDEN: &'static str = "[hidden]";

    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, to be sent and never to be shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

/// Where something is in a network: `https://host:port/path`, `unix:///path`. It may hold a user and a password, which are not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// An address as it was written.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All of it, to be used and never to be shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    /// Without user, password and query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_url(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", show_url(&self.0))
    }
}

/// A Datadog Agent, or Datadog itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatadogConfig {
    /// Whether snapshots go there.
    pub enabled: bool,
    /// Address of the agent: `http://`, `https://`, `unix://`. Counts before host and port.
    pub agent_url: Option<Address>,
    /// Host of the agent.
    pub agent_host: Option<String>,
    /// Port of the agent.
    pub agent_port: u32,
    /// Whether Datadog itself is asked, without an agent.
    pub agentless: bool,
    /// Key for that.
    pub api_key: Option<Secret>,
    /// Which of Datadog's sites.
    pub site: String,
    /// Address of the intake, in place of the site's own.
    pub url: Option<Address>,
    /// Where the program's source lies.
    pub git_repository_url: Option<String>,
    /// Which commit of it runs.
    pub git_commit_sha: Option<String>,
}

impl Default for DatadogConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            agent_url: None,
            agent_host: None,
            agent_port: 8126,
            agentless: false,
            api_key: None,
            site: "datadoghq.com".to_owned(),
            url: None,
            git_repository_url: None,
            git_commit_sha: None,
        }
    }
}

/// Whether bodies of requests are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// By gzip.
    #[default]
    Gzip,
    /// Not.
    None,
}

/// A receiver of OpenTelemetry logs over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Whether snapshots go there.
    pub enabled: bool,
    /// Address of the log receiver, with its path.
    pub endpoint: Address,
    /// Headers of each request.
    pub headers: BTreeMap<String, Secret>,
    /// Attributes of the resource besides those that are known.
    pub resource: BTreeMap<String, String>,
    /// Of the requests' bodies.
    pub compression: Compression,
    /// Time for one request; `None`: as for all destinations.
    pub timeout: Option<Duration>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            endpoint: Address::new("http://localhost:4318/v1/logs"),
            headers: BTreeMap::new(),
            resource: BTreeMap::new(),
            compression: Compression::default(),
            timeout: None,
        }
    }
}

/// A Sentry project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentryConfig {
    /// Whether snapshots go there.
    pub enabled: bool,
    /// The project's address, which holds its key.
    pub dsn: Option<Secret>,
}

/// How all destinations are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadConfig {
    /// Bytes on disk that may wait for one destination.
    pub max_bytes: u64,
    /// Bytes in memory that may wait for one destination where nothing can be stored.
    pub memory_bytes: u64,
    /// Time for one request.
    pub timeout: Duration,
    /// Proxy of all destinations, in place of the environment's.
    pub proxy: Option<Address>,
    /// File of further authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// What the environment says of proxies and authorities.
    pub environment: Environment,
}

impl UploadConfig {
    /// Smallest bounds that are of use.
    pub const LEAST_BYTES: u64 = 1 << 20;
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            memory_bytes: 8 << 20,
            timeout: Duration::from_secs(10),
            proxy: None,
            ca_file: None,
            environment: Environment::default(),
        }
    }
}

/// Variables that all programs understand. They are read with the rest of the configuration: a background thread that reads the
/// environment while the program changes it would crash it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY`.
    pub https_proxy: Option<Address>,
    /// `http_proxy`, `HTTP_PROXY`, `all_proxy`, `ALL_PROXY`.
    pub http_proxy: Option<Address>,
    /// `no_proxy`, `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`.
    pub ca_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`.
    pub ca_dir: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables by `variable`, which leaves out empty ones.
    pub(super) fn read<'v>(variable: impl Fn(&str) -> Option<&'v std::ffi::OsString>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name)?.to_str());
        let address = |names: &[&str]| first(names).map(Address::new);
        let path = |name| variable(name).map(PathBuf::from);
        // Whoever calls a CGI program chooses its HTTP_PROXY by a header of the request.
        let http: &[&str] = match variable("REQUEST_METHOD") {
            Some(_) => &["http_proxy"],
            None => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        Self {
            https_proxy: address(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http_proxy: address(http),
            no_proxy: first(&["no_proxy", "NO_PROXY"]).map(str::to_owned),
            ca_file: path("SSL_CERT_FILE"),
            ca_dir: path("SSL_CERT_DIR"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_in_debug_output() {
        let config = (
            DatadogConfig {
                api_key: Some(Secret::new("0123456789abcdef")),
                agent_url: Some(Address::new("http://user:hunter2@agent:8126")),
                ..DatadogConfig::default()
            },
            SentryConfig {
                enabled: true,
                dsn: Some(Secret::new("https://0123456789abcdef@sentry.example/1")),
            },
            OtlpConfig {
                headers: BTreeMap::from([("api-key".to_owned(), Secret::new("hunter2"))]),
                ..OtlpConfig::default()
            },
        );
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("0123456789abcdef"),
            "{shown}"
        );
        assert!(shown.contains("http://...@agent:8126"), "{shown}");
    }
}
