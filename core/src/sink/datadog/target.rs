//! Where snapshots go: to the Agent that the tracers of the machine use, or straight to Datadog.

use std::fmt;
use std::path::Path;

use crate::config::{Address, Config, DatadogConfig, Secret};
use crate::sink::http::show_url;
use crate::sink::identity::{Identity, place};
use crate::sink::secrets::Secrets;

/// Where an Agent listens that shares its socket with containers.
const SOCKET: &str = "/var/run/datadog/apm.socket";
/// Path of the intake.
const INTAKE: &str = "/api/v2/debugger";

/// Where requests go.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// An Agent at this address.
    Agent { url: String },
    /// Datadog's intake.
    Intake {
        url: String,
        path: String,
        key: String,
    },
}

impl Target {
    /// The target that is meant; why there is none, in a sentence that says what to do.
    pub(super) fn of(config: &Config) -> Result<Self, String> {
        let port_given = config.origin("datadog.agent_port").is_some();
        Self::with(&config.datadog, port_given, Path::new(SOCKET).exists())
    }

    fn with(config: &DatadogConfig, port_given: bool, socket_exists: bool) -> Result<Self, String> {
        if config.agentless {
            return Self::intake(config);
        }
        if let Some(url) = &config.agent_url {
            return agent_url(url).map(|url| Self::Agent { url });
        }
        let host = given(config.agent_host.as_deref());
        let url = match host {
            None if socket_exists && !port_given => format!("unix://{SOCKET}"),
            _ => http(host.unwrap_or("localhost"), config.agent_port)?,
        };
        Ok(Self::Agent { url })
    }

    fn intake(config: &DatadogConfig) -> Result<Self, String> {
        let Some(key) = given(config.api_key.as_ref().map(Secret::reveal)) else {
            return Err(
                "datadog.agentless needs an API key: set datadog.api_key (DD_API_KEY)".to_owned(),
            );
        };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("datadog.api_key (DD_API_KEY) is no API key: it has spaces or letters that no key has".to_owned());
        }
        let key = key.to_owned();
        if let Some(url) = &config.url {
            let (base, path) = split(url.reveal()).ok_or_else(|| {
                format!("datadog.url = {url:?} is no address: https://HOST, with a path or without")
            })?;
            let path = if path.is_empty() { INTAKE } else { path };
            return Ok(Self::Intake {
                url: base.to_owned(),
                path: path.to_owned(),
                key,
            });
        }
        let site = config.site.trim();
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

    /// Any Agent delivers what waits: its address changes, and it knows where to. An intake is one of several, whatever the key.
    pub(super) fn identity(&self) -> Option<Identity> {
        match self {
            Self::Agent { .. } => None,
            Self::Intake { url, path, .. } => {
                Some(Identity::of(["datadog", &place(url), path.as_str()]))
            }
        }
    }

    /// What nobody may see.
    pub(super) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        let (Self::Agent { url } | Self::Intake { url, .. }) = self;
        secrets.add_address(url);
        if let Self::Intake { key, .. } = self {
            secrets.add(key);
        }
        secrets
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Agent { url } => show_url(url),
            Self::Intake { url, path, .. } => format!("{}{path}", show_url(url)),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A setting that says something.
fn given(setting: Option<&str>) -> Option<&str> {
    setting.map(str::trim).filter(|text| !text.is_empty())
}

fn agent_url(url: &Address) -> Result<String, String> {
    let wrong = || {
        format!(
            "datadog.agent_url = {url:?} (DD_TRACE_AGENT_URL) is no address of an Agent: http://HOST:PORT, https://HOST:PORT or unix:///PATH"
        )
    };
    let whole = url.reveal();
    if let Some(path) = whole.strip_prefix("unix://") {
        return path
            .starts_with('/')
            .then(|| whole.to_owned())
            .ok_or_else(wrong);
    }
    let (base, path) = split(whole).ok_or_else(wrong)?;
    Ok(format!("{base}{path}"))
}

fn http(host: &str, port: u32) -> Result<String, String> {
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
    let is_web = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    if !is_web || url.contains(['?', '#', ' ', '\\']) {
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

    fn address(text: &str) -> Option<Address> {
        Some(Address::new(text))
    }

    fn host(text: &str) -> DatadogConfig {
        DatadogConfig {
            agent_host: Some(text.to_owned()),
            ..DatadogConfig::default()
        }
    }

    fn agent(text: &str) -> DatadogConfig {
        DatadogConfig {
            agent_url: address(text),
            ..host("other")
        }
    }

    fn agentless(key: &str) -> DatadogConfig {
        DatadogConfig {
            agentless: true,
            api_key: Some(Secret::new(key)),
            ..DatadogConfig::default()
        }
    }

    fn shown(config: &DatadogConfig, port_given: bool, socket_exists: bool) -> String {
        let target = Target::with(config, port_given, socket_exists);
        target.expect("a target").shown()
    }

    #[test]
    fn the_agent_is_found_as_the_tracers_find_it() {
        let none = DatadogConfig::default();
        assert_eq!(shown(&none, false, false), "http://localhost:8126");
        assert_eq!(
            shown(&none, false, true),
            "unix:///var/run/datadog/apm.socket"
        );
        let port = DatadogConfig {
            agent_port: 9126,
            ..none
        };
        assert_eq!(shown(&port, true, true), "http://localhost:9126");
        assert_eq!(
            shown(&host("datadog-agent"), false, true),
            "http://datadog-agent:8126"
        );
        assert_eq!(shown(&host(" "), false, false), "http://localhost:8126");
        assert_eq!(shown(&host("::1"), false, true), "http://[::1]:8126");
        assert_eq!(shown(&host("[::1]"), false, true), "http://[::1]:8126");
        for (url, expected) in [
            ("http://10.0.0.1:8126/", "http://10.0.0.1:8126"),
            ("HTTP://agent:8126", "HTTP://agent:8126"),
            (
                "https://agent.example/prefix/",
                "https://agent.example/prefix",
            ),
            ("unix:///run/agent.sock", "unix:///run/agent.sock"),
        ] {
            assert_eq!(shown(&agent(url), true, true), expected);
        }
    }

    #[test]
    fn the_intake_of_the_site() {
        let config = agentless(" k1\n");
        assert_eq!(
            shown(&config, true, true),
            "https://debugger-intake.datadoghq.com/api/v2/debugger"
        );
        let Ok(Target::Intake { key, .. }) = Target::with(&config, false, false) else {
            panic!("an intake");
        };
        assert_eq!(key, "k1", "as it is read from a file");
        let config = DatadogConfig {
            site: "us5.datadoghq.com".to_owned(),
            ..config
        };
        assert_eq!(
            shown(&config, true, true),
            "https://debugger-intake.us5.datadoghq.com/api/v2/debugger"
        );
        for (url, expected) in [
            (
                "https://relay.example:4443/",
                "https://relay.example:4443/api/v2/debugger",
            ),
            (
                "https://relay.example/dd/debugger",
                "https://relay.example/dd/debugger",
            ),
        ] {
            let config = DatadogConfig {
                url: address(url),
                ..config.clone()
            };
            assert_eq!(shown(&config, true, true), expected);
        }
    }

    #[test]
    fn what_is_no_target_says_what_to_do() {
        let with_site = |site: &str| DatadogConfig {
            site: site.to_owned(),
            ..agentless("abc")
        };
        let with_url = |url: &str| DatadogConfig {
            url: address(url),
            ..agentless("abc")
        };
        for (config, part) in [
            (agentless(""), "set datadog.api_key (DD_API_KEY)"),
            (agentless("two words"), "is no API key"),
            (with_site("https://datadoghq.eu"), "only its name"),
            (with_url("relay.example"), "datadog.url = \"relay.example\""),
            (with_url("https://"), "datadog.url"),
            (agent("localhost:8126"), "http://HOST:PORT"),
            (agent("unix://run/x"), "unix:///PATH"),
            (agent("http://user:secret@"), "http://...@"),
            (host("http://agent"), "belongs into datadog.agent_url"),
        ] {
            let why = Target::with(&config, false, false).expect_err(part);
            assert!(why.contains(part), "{why}");
            assert!(
                !why.contains("secret") && !why.contains("two words"),
                "{why}"
            );
        }
    }

    #[test]
    fn intakes_are_told_apart_by_address_and_agents_are_not() {
        let of = |config: &DatadogConfig| {
            let target = Target::with(config, false, false);
            target.expect("a target").identity()
        };
        let of_url = |url: &str, key: &str| {
            of(&DatadogConfig {
                url: address(url),
                ..agentless(key)
            })
        };
        assert_eq!(of(&agent("http://10.0.0.1:8126")), None);
        assert_eq!(of(&DatadogConfig::default()), None);
        let one = of(&agentless("k1"));
        assert!(one.is_some());
        assert_eq!(one, of(&agentless("k2")), "a key may be replaced");
        assert_eq!(
            one,
            of_url("https://debugger-intake.datadoghq.com:443/", "k1")
        );
        assert_ne!(one, of_url("https://relay.example", "k1"));
        assert_ne!(
            of_url("https://relay.example", "k1"),
            of_url("https://relay.example/dd", "k1")
        );
    }

    #[test]
    fn keys_are_not_shown() {
        let config = DatadogConfig {
            url: address("https://user:deadbeef@relay.example"),
            agent_url: address("https://user:deadbeef@agent.example"),
            ..agentless("deadbeef")
        };
        let intake = Target::with(&config, false, false);
        let agent = DatadogConfig {
            agentless: false,
            ..config
        };
        let shown = format!("{intake:?} {:?}", Target::with(&agent, false, false));
        assert!(
            shown.contains("relay.example/api") && !shown.contains("deadbeef"),
            "{shown}"
        );
    }
}
