//! Which requests go through a proxy, by the rules that curl and Go follow.

use std::net::IpAddr;

use ureq::http::Uri;

use super::connect::Way;
use super::userinfo;
use crate::config::{Address, UploadConfig};

/// The proxies in force.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    https: Option<Address>,
    http: Option<Address>,
    exceptions: Vec<Exception>,
}

/// A proxy that forwards requests.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Forward {
    pub(super) host: String,
    pub(super) port: u16,
    /// Value of the header `Proxy-Authorization`.
    authorization: Option<String>,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Forward {
    /// What stands before the path of a request's first line, so that it names all of the target.
    pub(super) fn head(&self, target: &Uri) -> String {
        // Not the authority, which may hold a password: proxies log this line.
        let host = target.host().unwrap_or_default();
        match target.port_u16() {
            Some(port) => format!("http://{host}:{port}"),
            None => format!("http://{host}"),
        }
    }

    /// Value of the header that proves who asks.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

/// A part of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    All,
    /// A host and everything below it.
    Domain(String, Option<u16>),
    /// Addresses that share so many bits.
    Network(IpAddr, u8, Option<u16>),
}

impl Proxies {
    pub(super) fn new(config: &UploadConfig) -> Self {
        if let Some(proxy) = &config.proxy {
            // Named for this alone: for every destination but this machine.
            return Self {
                https: Some(proxy.clone()),
                http: Some(proxy.clone()),
                exceptions: Vec::new(),
            };
        }
        let environment = &config.environment;
        let exceptions = environment.no_proxy.as_deref().unwrap_or_default();
        Self {
            https: environment.https_proxy.clone(),
            http: environment.http_proxy.clone(),
            exceptions: exceptions.split([',', ' ']).filter_map(exception).collect(),
        }
    }

    /// How `target` is reached.
    pub(super) fn way(&self, target: &Uri) -> Way {
        let https = target.scheme_str() == Some("https");
        let proxy = if https { &self.https } else { &self.http };
        let (Some(proxy), Some(host)) = (proxy, target.host()) else {
            return Way::Direct;
        };
        let port = target.port_u16().unwrap_or(if https { 443 } else { 80 });
        if is_here(host)
            || self
                .exceptions
                .iter()
                .any(|except| except.covers(host, port))
        {
            return Way::Direct;
        }
        match forward(proxy) {
            Some(forward) if !https => Way::Forward(forward),
            _ => Way::Tunnel(proxy.clone()),
        }
    }
}

/// The parts of a proxy's address, if it is a plain one.
fn forward(proxy: &Address) -> Option<Forward> {
    let text = proxy.reveal();
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return None,
        None => text,
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let uri: Uri = format!("http://{host}").parse().ok()?;
    Some(Forward {
        host: bare(uri.host()?).to_owned(),
        port: uri.port_u16().unwrap_or(80),
        authorization: user.map(userinfo::basic),
    })
}

/// An address without the brackets of IPv6.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host is this machine, which no proxy can reach for us.
fn is_here(host: &str) -> bool {
    let host = bare(host).trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn exception(text: &str) -> Option<Exception> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text == "*" {
        return Some(Exception::All);
    }
    if let Some((network, bits)) = text.split_once('/') {
        let network: IpAddr = bare(network).parse().ok()?;
        return Some(Exception::Network(network, bits.parse().ok()?, None));
    }
    if let Ok(address) = bare(text).parse::<IpAddr>() {
        return Some(Exception::Network(address, 128, None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    if let Ok(address) = bare(host).parse::<IpAddr>() {
        return Some(Exception::Network(address, 128, port));
    }
    let host = host.trim_start_matches('*').trim_start_matches('.');
    Some(Exception::Domain(host.to_ascii_lowercase(), port))
}

impl Exception {
    fn covers(&self, host: &str, port: u16) -> bool {
        let same_port = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::All => true,
            Self::Domain(domain, wanted) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'));
                below && same_port(wanted)
            }
            Self::Network(network, bits, wanted) => {
                let Ok(address) = bare(host).parse::<IpAddr>() else {
                    return false;
                };
                let within = match (network, address) {
                    (IpAddr::V4(network), IpAddr::V4(address)) => {
                        let free = 32 - u32::from((*bits).min(32));
                        (network.to_bits() ^ address.to_bits())
                            .checked_shr(free)
                            .unwrap_or(0)
                            == 0
                    }
                    (IpAddr::V6(network), IpAddr::V6(address)) => {
                        let free = 128 - u32::from((*bits).min(128));
                        (network.to_bits() ^ address.to_bits())
                            .checked_shr(free)
                            .unwrap_or(0)
                            == 0
                    }
                    _ => false,
                };
                within && same_port(wanted)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn way(no_proxy: &str, target: &str) -> Way {
        let config = UploadConfig {
            environment: Environment {
                https_proxy: Some(Address::new("http://proxy:3128")),
                http_proxy: Some(Address::new("us%40er:pa:ss@proxy")),
                no_proxy: Some(no_proxy.to_owned()),
                ..Environment::default()
            },
            ..UploadConfig::default()
        };
        Proxies::new(&config).way(&target.parse().expect("an address"))
    }

    #[test]
    fn exceptions_are_hosts_domains_networks_and_ports() {
        for (no_proxy, target) in [
            ("*", "https://a.example"),
            ("a.example", "https://a.example"),
            ("example", "https://a.example"),
            (".example", "https://a.example:8443/x"),
            ("*.example", "https://a.example"),
            ("other, A.Example ,more", "https://a.EXAMPLE"),
            ("a.example:8443", "https://a.example:8443"),
            ("10.0.0.0/8", "http://10.1.2.3:8126"),
            ("10.1.2.3", "http://10.1.2.3"),
            ("fd00::/16", "http://[fd00::7]:80"),
            ("", "http://localhost:8126"),
            ("", "http://127.0.0.1"),
            ("", "http://[::1]:4318"),
        ] {
            assert_eq!(way(no_proxy, target), Way::Direct, "{no_proxy} {target}");
        }
        for (no_proxy, target) in [
            ("", "https://a.example"),
            ("xample", "https://a.example"),
            ("b.a.example", "https://a.example"),
            ("a.example:80", "https://a.example"),
            ("10.0.0.0/8", "http://11.1.2.3"),
            ("10.0.0.0/33x,300.1.1.1", "http://10.1.2.3"),
        ] {
            assert_ne!(way(no_proxy, target), Way::Direct, "{no_proxy} {target}");
        }
    }

    #[test]
    fn a_plain_request_is_forwarded_and_an_encrypted_one_tunnelled() {
        let Way::Forward(proxy) = way("", "http://a.example") else {
            panic!("not forwarded")
        };
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy", 80));
        // us@er:pa:ss
        assert_eq!(proxy.authorization(), Some("Basic dXNAZXI6cGE6c3M="));
        assert_eq!(format!("{proxy:?}"), "proxy:80");
        assert!(matches!(way("", "https://a.example"), Way::Tunnel(_)));
    }
}
