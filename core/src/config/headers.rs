//! Headers as a configuration has them: a table, or the text that OpenTelemetry's variables hold.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::kind::{Fault, Kind, MOST_ENTRIES, text};
use super::node::{Form, Node};
use super::wires::Secret;

/// Reads a table of names and values, or `name=value` pairs with commas, whose values are percent-encoded. Values are in no message.
pub(super) fn read(node: &Node, faults: &mut Vec<Fault>) -> Option<BTreeMap<String, Secret>> {
    let mut headers = BTreeMap::new();
    match &node.form {
        Form::Text(text) => {
            let pairs = text.split(',').map(str::trim);
            for pair in pairs.filter(|pair| !pair.is_empty()).take(MOST_ENTRIES) {
                let decoded = pair.split_once('=').and_then(|(name, value)| {
                    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                    Some((name.trim(), value))
                });
                match decoded {
                    Some((name, value)) if is_name(name) && is_value(&value) => {
                        headers.insert(name.to_owned(), Secret::new(value));
                    }
                    _ => faults.push(Fault::hidden(node, "not name=value")),
                }
            }
        }
        Form::Table(members) => {
            for (name, value) in members.iter().take(MOST_ENTRIES) {
                match text(value) {
                    Some(text) if is_name(name) && is_value(&text) => {
                        headers.insert(name.clone(), Secret::new(text));
                    }
                    _ => faults.push(Fault::hidden(value, "not a header").within(name)),
                }
            }
        }
        _ => {
            let what = format!("not {}", Kind::Headers.accepts());
            faults.push(Fault::hidden(node, what));
            return None;
        }
    }
    // Where nothing of it could be read, what was in force stays.
    (!headers.is_empty() || faults.is_empty()).then_some(headers)
}

/// A token of HTTP.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= 256 && name.bytes().all(fits)
}

fn is_value(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> (Vec<String>, usize) {
        let mut faults = Vec::new();
        let headers = read(node, &mut faults).unwrap_or_default();
        let pair = |(name, value): (&String, &Secret)| format!("{name}={}", value.reveal());
        (headers.iter().map(pair).collect(), faults.len())
    }

    #[test]
    fn opentelemetrys_form_is_decoded() {
        let expected = (
            vec![
                "api-key=a b".to_owned(),
                "authorization=Basic eA==".to_owned(),
            ],
            0,
        );
        let text = " api-key=a%20b , authorization=Basic eA== ,";
        assert_eq!(shown(&Node::text(text)), expected);
        let json = serde_json::json!({"api-key": "a b", "authorization": "Basic eA=="});
        assert_eq!(shown(&Node::json(&json)), expected);
    }

    #[test]
    fn what_is_no_header_is_left_out_without_its_value() {
        let text = "ok=1,no value,=x,a b=c,split=a%0D%0Ab,lone=%FF";
        assert_eq!(shown(&Node::text(text)), (vec!["ok=1".to_owned()], 5));
        let mut faults = Vec::new();
        read(&Node::text("hunter2"), &mut faults);
        assert!(faults.iter().all(|fault| {
            fault.value.as_deref() == Some(Secret::HIDDEN) && !fault.what.contains("hunter2")
        }));
    }
}
