//! Keys that the application or a rule asks for.

use std::borrow::Cow;

use super::explanation::{Explanation, OverridePart};
use super::hash;
use super::input::ErrorInput;
use super::message::parameterise;
use super::normalise::{self, Name};

/// Texts beyond these are ignored.
const MOST: usize = 16;

/// Substitutes the templates of an override. Empty if there is none, or if all its texts are empty.
pub(super) fn substitute<'a>(
    input: &ErrorInput<'a>,
    explanation: &Explanation<'a>,
) -> Vec<OverridePart<'a>> {
    if input
        .overrides
        .iter()
        .all(|template| template.trim().is_empty())
    {
        return Vec::new();
    }
    let part = |template: &'a Cow<'a, str>| OverridePart {
        template: Cow::Borrowed(template),
        text: expand(template, |name| variable(name, input, explanation)),
    };
    input.overrides.iter().take(MOST).map(part).collect()
}

/// The value of a variable. All but `default` describe the reported exception.
fn variable(name: &str, input: &ErrorInput<'_>, explanation: &Explanation<'_>) -> Option<String> {
    if name == "default" {
        return Some(hash::hex(explanation.default_key()));
    }
    let reported = input.exceptions.first();
    let raising = || {
        let parts = explanation
            .chain
            .iter()
            .rev()
            .find(|part| part.index == 0)?;
        let used = parts.frames.iter().position(|frame| frame.verdict.used);
        let frame = reported?.frames.get(used.unwrap_or(0))?;
        match normalise::frame(input.language, frame) {
            Name::Frame { module, function } => Some((module, function)),
            Name::Generated | Name::Unnamed => None,
        }
    };
    let text = match name {
        "type" => reported.map(|exception| {
            normalise::type_name(input.language, exception.type_name).into_owned()
        }),
        "message" => reported.map(|exception| parameterise(exception.message).into_owned()),
        "module" => raising().map(|(module, _)| module.into_owned()),
        "function" => raising().map(|(_, function)| function.into_owned()),
        _ => return None,
    };
    Some(text.unwrap_or_default())
}

/// Replaces each `{{ name }}` that has a value. Everything else stays as it is.
fn expand(template: &str, value: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    if !template.contains("{{") {
        return Cow::Borrowed(template);
    }
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find("{{") {
        let Some(length) = rest[open..].find("}}") else {
            break;
        };
        let name = rest[open + 2..open + length].trim();
        text.push_str(&rest[..open]);
        match value(name) {
            Some(value) => text.push_str(&value),
            None => text.push_str(&rest[open..open + length + 2]),
        }
        rest = &rest[open + length + 2..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::expand;

    #[test]
    fn templates() {
        let value = |name: &str| (name == "type").then(|| "ValueError".to_owned());
        for (template, expected) in [
            ("plain", "plain"),
            ("{{ type }}", "ValueError"),
            ("{{type}}-{{  type  }}", "ValueError-ValueError"),
            ("{{ other }} {{ type }}", "{{ other }} ValueError"),
            ("{{ type", "{{ type"),
            ("}} {{", "}} {{"),
            ("{{}}", "{{}}"),
        ] {
            assert_eq!(expand(template, value), expected);
        }
    }
}
