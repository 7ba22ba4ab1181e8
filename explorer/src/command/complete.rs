//! Completion in the shell: ids and services, from the store.
//!
//! `source <(COMPLETE=bash stillframe)`, likewise for zsh; `COMPLETE=fish stillframe | source`. Subcommands and options come from the
//! definition of the command line.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;

use super::clock;
use super::list::error_of;
use super::open::configuration;
use crate::store::{self, Candidate, Choice, Progress, Store, locate};

/// Ids offered.
const MOST: u32 = 30;

struct Silent;

impl Progress for Silent {
    fn read(&mut self, _done: u64, _total: u64) {}
}

/// Ids of snapshots, the newest first, that begin with what was typed. Nothing where there is no store: a shell has no use for an error.
pub(super) fn ids(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_ascii_lowercase();
    let latest = "latest"
        .starts_with(&typed)
        .then(|| CompletionCandidate::new("latest").help(Some("the newest".into())));
    let recent = recent().unwrap_or_default();
    let clock = clock::clock();
    let ids = recent
        .iter()
        .filter(|one| one.id.starts_with(&typed))
        .map(|one| {
            let what = format!(
                "{}, {}",
                error_of(&one.issue).plain(),
                clock.ago(one.time_ns)
            );
            CompletionCandidate::new(&one.id).help(Some(what.into()))
        });
    latest.into_iter().chain(ids).collect()
}

fn recent() -> Option<Vec<Candidate>> {
    let (config, _) = configuration();
    let place = locate(&Choice::default(), &config, &mut Vec::new()).ok()?;
    Store::open(&place.dir, &mut Silent)
        .ok()??
        .recent(MOST)
        .ok()
}

/// Names of stores that begin with what was typed.
pub(super) fn services(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let names = store::services(&configuration().0);
    names
        .into_iter()
        .filter(|name| name.starts_with(typed.as_ref()))
        .map(CompletionCandidate::new)
        .collect()
}
