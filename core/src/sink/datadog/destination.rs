//! Where snapshots go: to the Agent that the tracers of the machine use, or straight to Datadog.

use std::fmt;
use std::path::Path;

use super::super::http::show_url;

/// Where an Agent listens that shares its socket with containers.
const SOCKET: &str = "/var/run/datadog/apm.socket";
/// Port of an Agent.
const PORT: u16 = 8126;
/// The site where accounts are that do not know theirs.
const SITE: &str = "datadoghq.com";
/// Path of the intake.
const INTAKE: &str = "/api/v2/debugger";

/// What `[datadog]` of the configuration says of the destination.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Address of the Agent: `http://`, `https://` or `unix://`.
    pub agent_url: Option<String>,
    /// Its host, if there is no address.
    pub agent_host: Option<String>,
    /// Its port, if there is no address.
    pub agent_port: Option<u16>,
    /// Whether snapshots go straight to Datadog.
    pub agentless: bool,
    /// The key for that.
    pub api_key: Option<String>,
    /// Datadog's site, as `datadoghq.eu`.
    pub site: Option<String>,
    /// Address of the intake, if it is not that of the site.
    pub url: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("agent_url", &self.agent_url.as_deref().map(show_url))
            .field("agent_host", &self.agent_host)
            .field("agent_port", &self.agent_port)
            .field("agentless", &self.agentless)
            .field("api_key", &self.api_key.as_ref().map(|_| "..."))
            .field("site", &self.site)
            .field("url", &self.url.as_deref().map(show_url))
            .finish()
    }
}

/// Where requests go.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// An Agent at this address.
    Agent { url: String },
    /// Datadog's intake.
    Intake {
        url: String,
        path: String,
        key: String,
    },
}

impl Destination {
    /// The destination that is meant; why there is none, in a sentence that says what to do.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        Self::with(settings, Path::new(SOCKET).exists())
    }

    fn with(settings: &Settings, socket_exists: bool) -> Result<Self, String> {
        if settings.agentless {
            return Self::intake(settings);
        }
        if let Some(url) = given(settings.agent_url.as_ref()) {
            return agent_url(url).map(|url| Self::Agent { url });
        }
        let (host, port) = (given(settings.agent_host.as_ref()), settings.agent_port);
        let url = match (host, port) {
            (None, None) if socket_exists => format!("unix://{SOCKET}"),
            _ => http(host.unwrap_or("localhost"), port.unwrap_or(PORT))?,
        };
        Ok(Self::Agent { url })
    }

    fn intake(settings: &Settings) -> Result<Self, String> {
        let Some(key) = given(settings.api_key.as_ref()) else {
            return Err(
                "datadog.agentless needs an API key: set datadog.api_key (DD_API_KEY)".to_owned(),
            );
        };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("datadog.api_key (DD_API_KEY) is no API key: it has spaces or letters that no key has".to_owned());
        }
        let key = key.to_owned();
        if let Some(url) = given(settings.url.as_ref()) {
            let (base, path) = split(url).ok_or_else(|| {
                format!(
                    "datadog.url = {:?} is no address: https://HOST, with a path or without",
                    show_url(url)
                )
            })?;
            let path = if path.is_empty() { INTAKE } else { path };
            return Ok(Self::Intake {
                url: base.to_owned(),
                path: path.to_owned(),
                key,
            });
        }
        let site = given(settings.site.as_ref()).unwrap_or(SITE);
        if !is_host(site) {
            return Err(format!(
                "datadog.site = {:?} (DD_SITE) is no site: only its name, as in datadoghq.eu or us5.datadoghq.com",
                show_url(site)
            ));
        }
        Ok(Self::Intake {
            url: format!("https://debugger-intake.{site}"),
            path: INTAKE.to_owned(),
            key,
        })
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Agent { url } => show_url(url),
            Self::Intake { url, path, .. } => format!("{}{path}", show_url(url)),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A setting that says something.
fn given(setting: Option<&String>) -> Option<&str> {
    setting
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
}

fn agent_url(url: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "datadog.agent_url = {:?} (DD_TRACE_AGENT_URL) is no address of an Agent: http://HOST:PORT, https://HOST:PORT or unix:///PATH",
            show_url(url)
        )
    };
    if let Some(path) = url.strip_prefix("unix://") {
        return path
            .starts_with('/')
            .then(|| url.to_owned())
            .ok_or_else(wrong);
    }
    let (base, path) = split(url).ok_or_else(wrong)?;
    Ok(format!("{base}{path}"))
}

fn http(host: &str, port: u16) -> Result<String, String> {
    // An address of IPv6 may come with brackets or without.
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(format!("http://[{bare}]:{port}"));
    }
    if !is_host(host) {
        return Err(format!(
            "datadog.agent_host = {:?} (DD_AGENT_HOST) is no host: only its name or address; a whole address belongs into datadog.agent_url",
            show_url(host)
        ));
    }
    Ok(format!("http://{host}:{port}"))
}

/// Scheme and authority, and the path without a slash at its end; `None` if it is no address of HTTP.
fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") || url.contains(['?', '#', ' ', '\\']) {
        return None;
    }
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let base = &url[..url.len() - path.len()];
    let host = authority.rsplit('@').next().unwrap_or_default();
    (!host.is_empty()).then_some((base, path.trim_end_matches('/')))
}

fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn shown(settings: &Settings, socket_exists: bool) -> Result<String, String> {
        Destination::with(settings, socket_exists).map(|to| to.shown())
    }

    #[test]
    fn the_agent_is_found_as_the_tracers_find_it() {
        let settings = Settings::default();
        assert_eq!(shown(&settings, false), Ok("http://localhost:8126".into()));
        assert_eq!(
            shown(&settings, true),
            Ok("unix:///var/run/datadog/apm.socket".into())
        );
        let settings = Settings {
            agent_port: Some(9126),
            ..settings
        };
        assert_eq!(shown(&settings, true), Ok("http://localhost:9126".into()));
        let settings = Settings {
            agent_host: text("datadog-agent"),
            ..settings
        };
        assert_eq!(
            shown(&settings, true),
            Ok("http://datadog-agent:9126".into())
        );
        for host in ["::1", "[::1]"] {
            let settings = Settings {
                agent_host: text(host),
                ..Settings::default()
            };
            assert_eq!(shown(&settings, true), Ok("http://[::1]:8126".into()));
        }
        for (url, expected) in [
            ("http://10.0.0.1:8126/", "http://10.0.0.1:8126"),
            (
                " https://agent.example/prefix/ ",
                "https://agent.example/prefix",
            ),
            ("unix:///run/agent.sock", "unix:///run/agent.sock"),
        ] {
            let settings = Settings {
                agent_url: text(url),
                ..settings.clone()
            };
            assert_eq!(shown(&settings, true), Ok(expected.into()));
        }
        let settings = Settings {
            agent_url: text(""),
            agent_host: text(" "),
            ..Settings::default()
        };
        assert_eq!(
            shown(&settings, false),
            Ok("http://localhost:8126".into()),
            "empty is not set"
        );
    }

    #[test]
    fn the_intake_of_the_site() {
        let settings = Settings {
            agentless: true,
            api_key: text(" k1\n"),
            ..Settings::default()
        };
        assert_eq!(
            shown(&settings, true),
            Ok("https://debugger-intake.datadoghq.com/api/v2/debugger".into())
        );
        let Ok(Destination::Intake { key, .. }) = Destination::with(&settings, false) else {
            panic!("an intake");
        };
        assert_eq!(key, "k1", "as it is read from a file");
        let settings = Settings {
            site: text("us5.datadoghq.com"),
            ..settings
        };
        assert_eq!(
            shown(&settings, true),
            Ok("https://debugger-intake.us5.datadoghq.com/api/v2/debugger".into())
        );
        let settings = Settings {
            url: text("https://relay.example:4443/"),
            ..settings
        };
        assert_eq!(
            shown(&settings, true),
            Ok("https://relay.example:4443/api/v2/debugger".into())
        );
        let settings = Settings {
            url: text("https://relay.example/dd/debugger"),
            ..settings
        };
        assert_eq!(
            shown(&settings, true),
            Ok("https://relay.example/dd/debugger".into())
        );
    }

    #[test]
    fn what_is_no_destination_says_what_to_do() {
        let agentless = Settings {
            agentless: true,
            ..Settings::default()
        };
        let with_key = Settings {
            api_key: text("abc"),
            ..agentless.clone()
        };
        for (settings, part) in [
            (agentless.clone(), "set datadog.api_key (DD_API_KEY)"),
            (
                Settings {
                    api_key: text("two words"),
                    ..agentless.clone()
                },
                "is no API key",
            ),
            (
                Settings {
                    site: text("https://datadoghq.eu"),
                    ..with_key.clone()
                },
                "only its name",
            ),
            (
                Settings {
                    url: text("relay.example"),
                    ..with_key.clone()
                },
                "datadog.url = \"relay.example\"",
            ),
            (
                Settings {
                    url: text("https://"),
                    ..with_key
                },
                "datadog.url",
            ),
            (
                Settings {
                    agent_url: text("localhost:8126"),
                    ..Settings::default()
                },
                "http://HOST:PORT",
            ),
            (
                Settings {
                    agent_url: text("unix://run/x"),
                    ..Settings::default()
                },
                "unix:///PATH",
            ),
            (
                Settings {
                    agent_url: text("http://u:secret@"),
                    ..Settings::default()
                },
                "http://...@",
            ),
            (
                Settings {
                    agent_host: text("http://agent"),
                    ..Settings::default()
                },
                "belongs into datadog.agent_url",
            ),
        ] {
            let why = Destination::with(&settings, false).expect_err(part);
            assert!(why.contains(part), "{why}");
            assert!(
                !why.contains("secret") && !why.contains("two words"),
                "{why}"
            );
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let settings = Settings {
            agentless: true,
            api_key: text("deadbeef"),
            url: text("https://user:deadbeef@relay.example"),
            agent_url: text("https://user:deadbeef@agent.example"),
            ..Settings::default()
        };
        let destination = Destination::with(&settings, false);
        let agent = Destination::with(
            &Settings {
                agentless: false,
                ..settings.clone()
            },
            false,
        );
        let shown = format!("{settings:?} {destination:?} {agent:?}");
        assert!(!shown.contains("deadbeef"), "{shown}");
    }
}
