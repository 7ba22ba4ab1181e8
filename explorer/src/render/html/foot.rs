//! The bottom of a page: what the capture cost, what is missing and how to see it, why the error is in its group.

use maud::{Markup, html};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::Receipt;

use super::text::{line, plain};
use super::{HtmlView, Writer};
use crate::render::footer;
use crate::render::text::{grouped, head};

impl Writer<'_> {
    pub(super) fn footer(&self, view: &HtmlView) -> Markup {
        let snapshot = self.snapshot;
        let losses = footer::losses(&snapshot.receipt);
        html! {
            footer {
                (self.explanations())
                section aria-labelledby="receipt" {
                    h2 #receipt { "Receipt" }
                    p { (footer::receipt(&snapshot.receipt, snapshot.frames.len())) }
                    @for loss in &losses { p { (line(loss)) } }
                    @if !snapshot.receipt.limits.is_empty() {
                        details.rest {
                            summary { "limits in force" }
                            dl { @for (name, value) in snapshot.receipt.limits.iter().take(40) {
                                dt { (plain(name, 60)) } dd { (grouped(*value)) }
                            } }
                        }
                    }
                }
                (self.grouping())
                @if !view.remarks.is_empty() {
                    section aria-labelledby="made" {
                        h2 #made { "How this page was made" }
                        @for remark in &view.remarks { p { (plain(remark, 2000)) } }
                    }
                }
                p.made {
                    "stillframe " (env!("CARGO_PKG_VERSION"))
                    @if let Some(clock) = &view.clock { ", page made " (clock.date_time(clock.now_ns)) }
                    ". In the store: " code { (self.command()) }
                }
            }
        }
    }

    /// Each reason that the page names: what it means, and what to do about it.
    fn explanations(&self) -> Markup {
        let reasons = self.reasons.borrow();
        let reasons = reasons.iter().filter_map(|code| Reason::from_code(*code));
        let reasons: Vec<Reason> = reasons.collect();
        html! {
            @if !reasons.is_empty() {
                section.why aria-labelledby="why" {
                    h2 #why { "What is missing, and how to see it" }
                    dl {
                        @for reason in reasons {
                            dt id={ "why-" (reason.as_str()) } tabindex="-1" { (label(reason)) }
                            dd { (meaning(reason)) (self.remedy(reason)) }
                        }
                    }
                }
            }
        }
    }

    /// The setting that shows more, with the value in force doubled.
    fn remedy(&self, reason: Reason) -> Markup {
        let Some(limit) = limit(reason) else {
            return html! {};
        };
        let issue = self.snapshot.fingerprint.as_ref();
        let issue = issue.map(|issue| plain(head(&issue.key, 8), 8));
        html! {
            @if let Some(value) = in_force(&self.snapshot.receipt, limit) {
                " In force: " code { (limit) " = " (grouped(value)) } "."
                " To see more: " code { (variable(limit)) "=" (value.saturating_mul(2)) }
                @if let Some(issue) = issue { " for all errors, " code { "stillframe deeper " (issue) } " for the next one of this issue" }
                "."
            } @else { " The limit is " code { (limit) } "." }
        }
    }

    fn grouping(&self) -> Markup {
        let Some(fingerprint) = &self.snapshot.fingerprint else {
            return html! {};
        };
        html! {
            section aria-labelledby="grouping" {
                h2 #grouping { "Grouping" }
                p { "issue " code { (plain(&fingerprint.key, 64)) }
                    @if fingerprint.overridden { ", as the application or a rule asked" } }
                @if !fingerprint.override_parts.is_empty() {
                    p { "asked for: " code { (plain(&fingerprint.override_parts.join(", "), 400)) } }
                }
                @if let Some(explanation) = &fingerprint.explanation {
                    p { "grouped with errors that have in common: " (plain(explanation, 2000)) }
                }
            }
        }
    }
}

fn label(reason: Reason) -> &'static str {
    match reason {
        Reason::Depth => "deeper",
        Reason::FieldCount => "more fields",
        Reason::CollectionSize => "more items",
        Reason::Length => "longer text",
        Reason::Timeout => "no time left",
        Reason::Budget => "snapshot full",
        Reason::RedactedIdent => "redacted: name",
        Reason::RedactedType => "redacted: type",
        Reason::RedactedValue => "redacted: content",
        Reason::OptimizedOut => "optimised out",
        Reason::Unbound => "not set",
        Reason::Unreadable => "not readable",
        Reason::Error => "could not be read",
        Reason::Pruned => "pruned to fit",
        Reason::Frames => "more frames",
        Reason::Chain => "more exceptions",
    }
}

fn meaning(reason: Reason) -> Markup {
    match reason {
        Reason::Depth => html! { "Values are read down to a depth; what lies below is counted." },
        Reason::FieldCount => html! { "Of an object, so many fields are read." },
        Reason::CollectionSize => html! { "Of a collection, so many items are read." },
        Reason::Length => html! { "Of a text, so many characters are read." },
        Reason::Timeout => {
            html! { "A capture has so many microseconds; what was left then was not read." }
        }
        Reason::Budget => {
            html! { "A snapshot holds so many values; the deepest are left out first." }
        }
        Reason::RedactedIdent => html! {
            "Hidden because of the name, before the value was read. A harmless name is shown with " code { "redact.excluded_names" } "."
        },
        Reason::RedactedType => {
            html! { "Hidden because of the type; such values are never read. " code { "redact.types" } " lists more." }
        }
        Reason::RedactedValue => html! {
            "The content looked like a secret, by the rule that is named. A detector is switched off with " code { "redact.disabled_detectors" } "."
        },
        Reason::OptimizedOut => {
            html! { "The compiler or the runtime had thrown the value away before the exception was raised." }
        }
        Reason::Unbound => html! { "The name had no value at that line." },
        Reason::Unreadable => {
            html! { "The storage of the value is in a form that is not known, so it was left alone." }
        }
        Reason::Error => {
            html! { "The value could not be read without running the program's own code, or changed meanwhile." }
        }
        Reason::Pruned => {
            html! { "Cut away after the capture so that the snapshot fits where it was sent." }
        }
        Reason::Frames => {
            html! { "Of a stack, so many frames are kept: the nearest and the outermost." }
        }
        Reason::Chain => html! { "Of a chain or a group, so many exceptions are kept." },
    }
}

/// The limit behind a reason.
fn limit(reason: Reason) -> Option<&'static str> {
    reason.limit().or(match reason {
        Reason::Timeout => Some("limits.soft_time"),
        Reason::Budget => Some("limits.values"),
        _ => None,
    })
}

fn in_force(receipt: &Receipt, limit: &str) -> Option<u64> {
    receipt.limits.get(limit).copied()
}

/// `STILLFRAME_LIMITS_DEPTH`
fn variable(limit: &str) -> String {
    format!("STILLFRAME_{}", limit.replace('.', "_").to_uppercase())
}
