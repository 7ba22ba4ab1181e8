//! What `docs/snapshot-format.md` promises is what is written.

mod support;

use std::collections::BTreeSet;

use serde_json::Value as Json;
use stillframe_core::reason::Reason;
use support::{cases, vector};

const PAGE: &str = include_str!("../../docs/snapshot-format.md");
const SCHEMA: &str = include_str!("../../docs/snapshot.schema.json");

#[test]
fn the_example_is_real() {
    let block = PAGE
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let example: Json = serde_json::from_str(block.expect("an example")).expect("JSON");
    let case = cases::all()
        .into_iter()
        .find(|case| case.name == "documented");
    let written = vector::Vector::of(&case.expect("the case")).json;
    assert_eq!(example.to_string(), written.to_string());
}

/// Names of members that the schema knows, at any depth.
fn members(schema: &Json, names: &mut BTreeSet<String>) {
    match schema {
        Json::Object(keywords) => {
            if let Some(Json::Object(properties)) = keywords.get("properties") {
                names.extend(properties.keys().cloned());
            }
            keywords.values().for_each(|inner| members(inner, names));
        }
        Json::Array(items) => items.iter().for_each(|inner| members(inner, names)),
        _ => {}
    }
}

#[test]
fn every_member_and_every_reason_is_documented() {
    let quoted: BTreeSet<&str> = PAGE.split('`').skip(1).step_by(2).collect();
    let mut names = BTreeSet::new();
    members(&serde_json::from_str(SCHEMA).expect("JSON"), &mut names);
    assert!(names.len() > 70, "the schema has all members");
    for name in &names {
        assert!(
            quoted.contains(name.as_str()),
            "the page does not name `{name}`"
        );
    }
    for reason in Reason::ALL {
        assert!(
            quoted.contains(reason.as_str()),
            "the page does not name `{}`",
            reason.as_str()
        );
    }
}
