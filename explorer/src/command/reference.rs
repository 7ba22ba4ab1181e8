//! What an id on the command line means: one snapshot, or one issue.

use super::failure::Failure;
use super::list::{error_of, where_of};
use crate::render::Clock;
use crate::store::{Candidate, Issue, Located, Resolved, Store, hex};

/// The snapshot that is meant: itself, or the newest of an issue.
pub(super) fn one_snapshot(
    store: &Store,
    reference: &str,
    service: Option<&str>,
    clock: &Clock,
) -> Result<Located, Failure> {
    match store.resolve(reference, service)? {
        Resolved::Snapshot(found) | Resolved::Issue(_, found) => Ok(found),
        Resolved::Gone(issue) => Err(gone(&issue)),
        Resolved::Ambiguous(candidates) => Err(ambiguous(reference, &candidates, clock)),
        Resolved::Unknown => Err(unknown(reference)),
    }
}

/// The issue that is meant: itself, or that of a snapshot.
pub(super) fn one_issue(
    store: &Store,
    reference: &str,
    service: Option<&str>,
    clock: &Clock,
) -> Result<Issue, Failure> {
    match store.resolve(reference, service)? {
        Resolved::Issue(issue, _) | Resolved::Gone(issue) => Ok(issue),
        Resolved::Snapshot(found) => store.issue_of(&found.id)?.ok_or_else(|| unknown(reference)),
        Resolved::Ambiguous(candidates) => Err(ambiguous(reference, &candidates, clock)),
        Resolved::Unknown => Err(unknown(reference)),
    }
}

pub(super) fn gone(issue: &Issue) -> Failure {
    Failure::new(format!(
        "no values are kept of issue {} ({})",
        hex(&issue.key[..4]),
        error_of(issue).plain()
    ))
    .advise("older snapshots were removed to keep the store within its bound (spool.max_bytes)")
}

fn unknown(reference: &str) -> Failure {
    let is_id = reference
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let failure = if reference == "latest" {
        Failure::new("no snapshot is in the store; only errors that were counted")
    } else if is_id {
        Failure::new(format!(
            "no snapshot and no issue begins with {reference:?}"
        ))
    } else {
        Failure::new(format!(
            "{reference:?} is no id: expected latest, or up to 32 hex digits"
        ))
    };
    let advice = if reference == "latest" {
        "stillframe doctor says why"
    } else {
        "stillframe list shows what there is"
    };
    failure.advise(advice)
}

fn ambiguous(reference: &str, candidates: &[Candidate], clock: &Clock) -> Failure {
    let same = candidates.windows(2).any(|pair| pair[0].id == pair[1].id);
    let more = if same {
        "a whole id will do"
    } else {
        "a digit more will do"
    };
    let failure = Failure::new(format!("{reference:?} could be one of several; {more}:"));
    candidates.iter().fold(failure, |failure, candidate| {
        let kind = if candidate.is_issue {
            "issue"
        } else {
            "snapshot"
        };
        failure.advise(format!(
            "{}  {kind}, {}  {}  {}",
            if same {
                &candidate.whole
            } else {
                &candidate.id
            },
            clock.ago(candidate.time_ns),
            error_of(&candidate.issue).fit(50, "...").plain(),
            where_of(&candidate.issue).fit(40, "...").plain(),
        ))
    })
}
