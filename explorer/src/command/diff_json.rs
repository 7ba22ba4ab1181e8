//! What `stillframe diff --json` prints.

use serde::Serialize;
use stillframe_core::snapshot::{Node, Snapshot};

use crate::diff::{Common, CommonFrame, FramePair, Pair, Presence, Seen, Tally};
use crate::store::{Issue, hex};

#[derive(Serialize)]
pub(super) struct JsonPair<'a> {
    a: String,
    b: String,
    facts: Vec<JsonFact<'a>>,
    frames: Vec<JsonFrame<'a>>,
}

#[derive(Serialize)]
struct JsonFact<'a> {
    name: &'a str,
    a: Option<&'a str>,
    b: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonFrame<'a> {
    function: &'a str,
    module: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_line: Option<u32>,
    in_app: bool,
    /// `both`, `a` or `b`
    r#in: &'static str,
    differences: Vec<JsonDifference<'a>>,
    equal: &'a [&'a str],
    hidden: &'a [&'a str],
    unknown: &'a [&'a str],
    more: bool,
}

#[derive(Serialize)]
struct JsonDifference<'a> {
    path: &'a str,
    a: Option<&'a Node>,
    b: Option<&'a Node>,
}

impl<'a> JsonPair<'a> {
    pub(super) fn of(pair: &'a Pair<'a>, a: &Snapshot, b: &Snapshot) -> Self {
        let frame = |one: &'a FramePair<'a>| JsonFrame {
            function: &one.frame.function,
            module: one.frame.module.as_deref(),
            file: one.frame.file.as_deref(),
            line: one.frame.line,
            other_line: one.other_line,
            in_app: one.frame.in_app,
            r#in: match one.presence {
                Presence::Both => "both",
                Presence::OnlyA => "a",
                Presence::OnlyB => "b",
            },
            differences: one
                .differences
                .iter()
                .map(|one| JsonDifference {
                    path: &one.path,
                    a: one.a,
                    b: one.b,
                })
                .collect(),
            equal: &one.equal,
            hidden: &one.hidden,
            unknown: &one.unknown,
            more: one.more,
        };
        Self {
            a: a.id.to_string(),
            b: b.id.to_string(),
            facts: pair
                .facts
                .iter()
                .map(|fact| JsonFact {
                    name: &fact.name,
                    a: fact.a.as_deref(),
                    b: fact.b.as_deref(),
                })
                .collect(),
            frames: pair.frames.iter().map(frame).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct JsonCommon<'a> {
    issue: String,
    occurrences: u64,
    facts: Vec<JsonTally<'a>>,
    frames: Vec<JsonCommonFrame<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonCommonFrame<'a> {
    function: &'a str,
    module: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    in_app: bool,
    occurrences: u64,
    places: Vec<JsonTally<'a>>,
}

#[derive(Serialize)]
struct JsonTally<'a> {
    path: &'a str,
    there: u64,
    null: u64,
    hidden: u64,
    unset: u64,
    /// More values than are listed.
    many: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<f64>,
    values: Vec<JsonSeen<'a>>,
}

#[derive(Serialize)]
struct JsonSeen<'a> {
    value: &'a str,
    times: u64,
}

impl<'a> JsonCommon<'a> {
    pub(super) fn of(common: &'a Common, issue: &Issue) -> Self {
        let tally = |tally: &'a Tally| JsonTally {
            path: &tally.path,
            there: tally.there,
            null: tally.null,
            hidden: tally.hidden,
            unset: tally.unset,
            many: tally.many,
            least: tally.range.map(|(low, _)| low),
            most: tally.range.map(|(_, high)| high),
            values: tally
                .values
                .iter()
                .map(|Seen { value, times }| JsonSeen {
                    value,
                    times: *times,
                })
                .collect(),
        };
        let frame = |frame: &'a CommonFrame| JsonCommonFrame {
            function: &frame.function,
            module: frame.module.as_deref(),
            file: frame.file.as_deref(),
            line: frame.line,
            in_app: frame.in_app,
            occurrences: frame.occurrences,
            places: frame.places.iter().map(tally).collect(),
        };
        Self {
            issue: hex(&issue.key),
            occurrences: common.occurrences,
            facts: common.facts.iter().map(tally).collect(),
            frames: common.frames.iter().map(frame).collect(),
        }
    }
}
