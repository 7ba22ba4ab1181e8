//! What an Agent says of itself at `GET /info`.

use serde::Deserialize;

/// Paths that take snapshots, the better one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// For all that comes from debuggers.
    Input,
    /// The one before it. It takes the same array.
    Diagnostics,
}

impl Endpoint {
    pub(super) const ALL: [Self; 2] = [Self::Input, Self::Diagnostics];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Input => "/debugger/v2/input",
            Self::Diagnostics => "/debugger/v1/diagnostics",
        }
    }
}

/// Some of the endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    input: bool,
    diagnostics: bool,
}

impl Endpoints {
    pub(super) const fn has(self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::Input => self.input,
            Endpoint::Diagnostics => self.diagnostics,
        }
    }

    pub(super) const fn with(self, endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Input => Self {
                input: true,
                ..self
            },
            Endpoint::Diagnostics => Self {
                diagnostics: true,
                ..self
            },
        }
    }

    /// The best of these that is not among `others`.
    pub(super) fn best_without(self, others: Self) -> Option<Endpoint> {
        let mut all = Endpoint::ALL.into_iter();
        all.find(|endpoint| self.has(*endpoint) && !others.has(*endpoint))
    }

    /// Those that the body of an answer lists; `None` if it is no Agent's.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Info {
            endpoints: Vec<String>,
        }
        let info: Info = serde_json::from_slice(body).ok()?;
        let listed = |endpoint: &Endpoint| {
            let path = endpoint.path().trim_matches('/');
            info.endpoints
                .iter()
                .any(|one| one.trim_matches('/') == path)
        };
        let listed = Endpoint::ALL.into_iter().filter(listed);
        Some(listed.fold(Self::default(), Self::with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_list() {
        let read = |body: &str| Endpoints::read(body.as_bytes());
        let none = Endpoints::default();
        let both = none.with(Endpoint::Input).with(Endpoint::Diagnostics);
        assert_eq!(
            read(
                r#"{"version": "7.70.0", "endpoints": ["/v0.4/traces", "/debugger/v1/diagnostics", "/debugger/v2/input"], "config": {}}"#
            ),
            Some(both)
        );
        assert_eq!(
            read(r#"{"endpoints": ["debugger/v1/diagnostics/"]}"#),
            Some(none.with(Endpoint::Diagnostics))
        );
        assert_eq!(
            read(r#"{"endpoints": ["/debugger/v1/input", "/debugger/v2/input/more"]}"#),
            Some(none)
        );
        for garbage in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"endpoints": 3}"#,
            r#"{"endpoints": [3]}"#,
            r#"{"endpoints": ["/v0.4/"#,
        ] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
        assert_eq!(Endpoints::read(b"\xff\xfe"), None);
        assert_eq!(both.best_without(none), Some(Endpoint::Input));
        assert_eq!(
            both.best_without(none.with(Endpoint::Input)),
            Some(Endpoint::Diagnostics)
        );
        assert_eq!(both.best_without(both), None);
    }
}
