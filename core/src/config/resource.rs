//! What `OTEL_RESOURCE_ATTRIBUTES` says: `name=value` pairs with commas, values percent-encoded.

use percent_encoding::percent_decode_str;

/// Attributes that are keys of ours.
const OURS: [&str; 4] = [
    "service.name",
    "service.version",
    "deployment.environment.name",
    "deployment.environment",
];

/// The name of the service; empty if it says none.
pub(super) fn service(text: &str) -> String {
    value(text, "service.name")
}

/// Its version.
pub(super) fn version(text: &str) -> String {
    value(text, "service.version")
}

/// The environment, by its name now or before.
pub(super) fn environment(text: &str) -> String {
    let now = value(text, "deployment.environment.name");
    if now.is_empty() {
        value(text, "deployment.environment")
    } else {
        now
    }
}

/// The others, as tags.
pub(super) fn others(text: &str) -> String {
    let mut tags = String::new();
    for (name, value) in pairs(text) {
        // What a tag has no place for is left out.
        if !OURS.contains(&name) && !name.contains(':') && !value.contains(',') {
            tags.push_str(&format!("{name}:{value},"));
        }
    }
    tags
}

fn value(text: &str, wanted: &str) -> String {
    let mut pairs = pairs(text);
    let found = pairs.find_map(|(name, value)| (name == wanted).then_some(value));
    found.unwrap_or_default()
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty() && !value.is_empty()).then(|| (name.trim(), value.into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_ours_or_tags() {
        let text = "service.name=shop , k8s.pod.name=a%20b,service.version=1%2C2,x,=y,z=,deployment.environment=old,a:b=c,list=1%2C2,bad=%FF";
        assert_eq!(service(text), "shop");
        assert_eq!(version(text), "1,2");
        assert_eq!(environment(text), "old");
        assert_eq!(
            environment("deployment.environment=old,deployment.environment.name=new"),
            "new"
        );
        assert_eq!(others(text), "k8s.pod.name:a b,");
        assert_eq!(others(""), "");
    }
}
