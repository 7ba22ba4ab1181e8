//! Beside the frames: the request, the user, the trace, the process.

use maud::{Markup, html};
use stillframe_core::snapshot::{Context, Scalar, SessionLinkInfo};

use super::Writer;
use super::text::plain;
use crate::render::text::counted;

/// Attributes shown.
const MOST: usize = 100;
/// Bytes of one attribute.
const VALUE: usize = 1024;
/// What the names of attributes of a request begin with, as OpenTelemetry has them.
const REQUEST: [&str; 9] = [
    "http.",
    "url.",
    "request",
    "client.",
    "user_agent.",
    "server.",
    "network.",
    "rpc.",
    "messaging.",
];

impl Writer<'_> {
    pub(super) fn panel(&self) -> Markup {
        let empty = Context::default();
        let context = self.snapshot.context.as_ref().unwrap_or(&empty);
        let attributes: Vec<(&str, &Scalar)> = context.attributes.iter().take(MOST).collect();
        let is_request =
            |(name, _): &(&str, &Scalar)| REQUEST.iter().any(|prefix| name.starts_with(prefix));
        let (request, tags): (Vec<_>, Vec<_>) = attributes.into_iter().partition(is_request);
        let left = context.attributes.len().saturating_sub(MOST);
        html! {
            aside aria-label="Context" {
                (group("Request", request.into_iter()))
                (group("User", context.user.iter().take(MOST)))
                (group("Tags", tags.into_iter()))
                @if left > 0 { p.note { (self.left_out(&counted(left as u64, "attribute"), "--json")) } }
                (self.gaps(&context.omitted))
                (sessions(&context.session_links))
                (self.trace(context))
                (self.process())
            }
        }
    }

    fn trace(&self, context: &Context) -> Markup {
        html! {
            @if context.trace_id.is_some() || context.span_id.is_some() {
                h3 { "Trace" }
                dl {
                    @for (name, id) in [("trace", &context.trace_id), ("span", &context.span_id)] {
                        @if let Some(id) = id { dt { (name) } dd { code { (plain(id, 80)) } } }
                    }
                }
            }
        }
    }

    fn process(&self) -> Markup {
        let snapshot = self.snapshot;
        let runtime = &snapshot.runtime;
        let version = runtime.version.as_deref().unwrap_or("");
        let thread = snapshot.thread.as_ref();
        let name = thread.and_then(|thread| thread.name.as_deref());
        html! {
            h3 { "Process" }
            dl {
                @if !runtime.language.is_empty() { dt { "runtime" } dd { (plain(&runtime.language, 20)) " " (plain(version, 40)) } }
                @if let Some(host) = &snapshot.host { dt { "host" } dd { (plain(host, 120)) } }
                @if snapshot.pid != 0 { dt { "pid" } dd { (snapshot.pid) } }
                @if let Some(thread) = thread {
                    dt { "thread" }
                    dd { @if let Some(name) = name { (plain(name, 120)) } @else { (thread.id) } }
                }
            }
        }
    }
}

fn group<'c>(title: &str, values: impl ExactSizeIterator<Item = (&'c str, &'c Scalar)>) -> Markup {
    html! {
        @if values.len() > 0 {
            h3 { (title) }
            dl {
                @for (name, value) in values {
                    dt { (plain(name, 120)) }
                    dd { @match value {
                        Scalar::Text(text) => { (plain(text, VALUE)) }
                        other => { code.l { (other.to_string()) } }
                    } }
                }
            }
        }
    }
}

fn sessions(links: &[SessionLinkInfo]) -> Markup {
    html! {
        @if !links.is_empty() {
            h3 { "Sessions" }
            dl {
                @for link in links.iter().take(MOST) {
                    dt { (plain(&link.name, 120)) }
                    dd { @match link.url.as_deref().filter(|url| is_web(url)) {
                        Some(url) => { a href=(url) rel="noreferrer noopener" { (plain(&link.id, 200)) } }
                        None => { (plain(&link.id, 200)) }
                    } }
                }
            }
        }
    }
}

/// Whether an address of a program may be followed: no scheme that runs something, nothing that hides where it leads.
fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2048
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_plain_web_addresses_are_links() {
        assert!(is_web("https://replay.example/s/1?a=b#c"));
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            " https://a",
            "https://a\u{202e}b",
            "//a",
            "HTTPS:/a b",
        ] {
            assert!(!is_web(url), "{url}");
        }
    }
}
