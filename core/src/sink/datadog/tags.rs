//! The query of a request: `ddtags=env:prod,host:web-1,version:1.2,team:shop,...`.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::snapshot::{AttributeValue, Meta};

/// Bytes of all tags together. The Agent adds its own and cuts all of them at 4001.
const MOST_BYTES: usize = 3000;
/// Characters of one tag, its name included; Datadog keeps no more.
const MOST_CHARACTERS: usize = 200;

/// What stands for itself in the query.
const AS_IS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',');

/// Names of the repository and the commit, as Datadog's source code integration wants them.
const REPOSITORY: &str = "git.repository_url";
const COMMIT: &str = "git.commit.sha";

/// What is the same for all snapshots.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    /// Names of the configured tags. Their values are taken from the snapshot, where they are redacted.
    pub(super) names: Vec<String>,
    /// Where the source lies; credentials are left out.
    pub(super) repository: Option<String>,
    /// Which state of it runs.
    pub(super) commit: Option<String>,
}

impl Tags {
    /// Appends the query for a snapshot to `out`. Tags that there is no room for are left out, the configured ones first.
    pub(super) fn query(&self, meta: &Meta, out: &mut String) {
        let process = &meta.process;
        let mut tags = Query { out, used: 0 };
        tags.out.push_str("ddtags=");
        tags.add("debugger_version", env!("CARGO_PKG_VERSION"));
        tags.add("env", process.env.as_deref().unwrap_or_default());
        tags.add("host", process.host.as_deref().unwrap_or_default());
        tags.add("version", process.version.as_deref().unwrap_or_default());
        let repository = self.repository.as_deref().map(without_credentials);
        tags.add(REPOSITORY, repository.as_deref().unwrap_or_default());
        tags.add(COMMIT, self.commit.as_deref().unwrap_or_default());
        for (name, value) in &meta.attributes {
            let known = (name == REPOSITORY && self.repository.is_some())
                || (name == COMMIT && self.commit.is_some());
            if known || !self.names.contains(name) {
                continue;
            }
            match value {
                AttributeValue::Text(text) if name == REPOSITORY => {
                    tags.add(name, &without_credentials(text));
                }
                AttributeValue::Text(text) => tags.add(name, text),
                AttributeValue::Int(number) => tags.add(name, &number.to_string()),
                AttributeValue::Float(number) => tags.add(name, &number.to_string()),
                AttributeValue::Bool(truth) => {
                    tags.add(name, if *truth { "true" } else { "false" })
                }
            }
        }
    }
}

struct Query<'o> {
    out: &'o mut String,
    used: usize,
}

impl Query<'_> {
    /// Adds a tag, unless there is nothing to it or no room for it.
    fn add(&mut self, name: &str, value: &str) {
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || value.is_empty() {
            return;
        }
        // A comma would end the tag, a colon in a name would begin its value.
        let plain = |one: char| {
            if one == ',' || one.is_control() {
                '_'
            } else {
                one
            }
        };
        let name = name
            .chars()
            .map(|one| if one == ':' { '_' } else { plain(one) });
        let tag = name.chain([':']).chain(value.chars().map(plain));
        let tag: String = tag.take(MOST_CHARACTERS).collect();
        if self.used + tag.len() >= MOST_BYTES {
            return;
        }
        if self.used > 0 {
            self.out.push(',');
        }
        self.used += tag.len() + 1;
        // Writing to a string does not fail.
        let _ = write!(self.out, "{}", utf8_percent_encode(&tag, AS_IS));
    }
}

/// The address of a repository without what stands before its host.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::snapshot::Process;

    fn query(tags: &Tags, meta: &Meta) -> String {
        let mut out = String::new();
        tags.query(meta, &mut out);
        out
    }

    fn meta(attributes: &[(&str, &str)]) -> Meta {
        let process = Process {
            service: "shop".into(),
            env: Some("prod".into()),
            version: Some("1.2.3+4".into()),
            host: Some("web-1".into()),
            ..Process::default()
        };
        let attributes = attributes.iter();
        Meta {
            process: Arc::new(process),
            attributes: attributes
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect(),
            ..Meta::default()
        }
    }

    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[test]
    fn the_process_and_the_configured_tags() {
        let tags = Tags {
            names: vec!["team".into(), "git.commit.sha".into()],
            ..Tags::default()
        };
        let meta = meta(&[
            ("team", "a b,c&d=é"),
            ("url", "/cart?id=1"),
            ("git.commit.sha", "4f1c"),
        ]);
        assert_eq!(
            query(&tags, &meta),
            format!(
                "ddtags=debugger_version:{VERSION},env:prod,host:web-1,version:1.2.3%2B4,team:a%20b_c%26d%3D%C3%A9,git.commit.sha:4f1c"
            )
        );
        assert_eq!(
            query(&tags, &Meta::default()),
            format!("ddtags=debugger_version:{VERSION}")
        );
    }

    #[test]
    fn source_without_credentials() {
        let mut tags = Tags {
            names: vec!["git.commit.sha".into(), "git.repository_url".into()],
            repository: Some("https://ann:s3cret@git.example/shop.git".into()),
            commit: Some("c0ffee".into()),
        };
        let meta = meta(&[
            ("git.commit.sha", "4f1c"),
            ("git.repository_url", "ssh://bob:pw@git.example/x"),
        ]);
        let ours = query(&tags, &meta);
        assert!(
            ours.ends_with(
                ",git.repository_url:https://git.example/shop.git,git.commit.sha:c0ffee"
            ),
            "{ours}"
        );
        (tags.repository, tags.commit) = (None, None);
        let given = query(&tags, &meta);
        assert!(
            given.ends_with(",git.commit.sha:4f1c,git.repository_url:ssh://git.example/x"),
            "{given}"
        );
        assert_eq!(
            without_credentials("git@git.example:shop.git"),
            "git@git.example:shop.git"
        );
    }

    #[test]
    fn many_and_long_tags_end_at_the_bound() {
        let names: Vec<String> = (0..100).map(|number| format!("tag{number}")).collect();
        let long = "ä\n".repeat(500);
        let given: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), long.as_str()))
            .collect();
        let query = query(
            &Tags {
                names: names.clone(),
                ..Tags::default()
            },
            &meta(&given),
        );
        let decoded = percent_encoding::percent_decode_str(&query).decode_utf8_lossy();
        assert!(
            decoded.len() <= MOST_BYTES + "ddtags=".len(),
            "{}",
            decoded.len()
        );
        let tags = decoded.split(',').filter(|tag| tag.starts_with("tag"));
        assert_eq!(
            tags.map(|tag| assert_eq!(tag.chars().count(), MOST_CHARACTERS))
                .count(),
            9
        );
        assert!(
            decoded.contains(",version:1.2.3+4,"),
            "the process comes first"
        );
    }
}
