//! What a scan finds: spans of text and the rule behind each.

use super::config::Action;

/// Which rule hid something: a detector, a user rule, a name or a type.
///
/// Ids are dense and depend on the configuration; [`super::Redactor::rule_name`] turns one into text that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u16);

impl RuleId {
    /// The id with this number. [`super::Redactor::rule_name`] says `unknown` for a number it never gave out.
    pub const fn from_raw(raw: u16) -> RuleId {
        RuleId(raw)
    }

    /// The number, for a tape or a table.
    pub const fn raw(self) -> u16 {
        self.0
    }
}

/// A stretch of one text that must not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Index of the text, as [`super::Arena::push`] returned it.
    pub span: u32,
    /// First byte within the text.
    pub start: u32,
    /// One past the last byte within the text.
    pub end: u32,
    /// The rule that matched; of merged matches the one that began first.
    pub rule: RuleId,
    /// What takes the place of the bytes.
    pub action: Action,
}

/// Sorts hits by place and merges what overlaps or touches within one rule. Where actions differ the stronger stays:
/// `Redact` over `Hash` over `Mask`.
pub(super) fn normalise(hits: &mut Vec<Hit>) {
    if !hits.is_sorted_by_key(order) {
        hits.sort_unstable_by_key(order);
    }
    let mut kept = 0;
    for i in 0..hits.len() {
        let hit = hits[i];
        if kept > 0 {
            let last = &mut hits[kept - 1];
            let touches = hit.start == last.end && hit.rule == last.rule;
            if hit.span == last.span && (hit.start < last.end || touches) {
                last.end = last.end.max(hit.end);
                last.action = stronger(last.action, hit.action);
                continue;
            }
        }
        hits[kept] = hit;
        kept += 1;
    }
    hits.truncate(kept);
}

/// By place, the longest first; of two rules for one place the one that says more comes first.
fn order(hit: &Hit) -> (u32, u32, u32, u8, RuleId) {
    (
        hit.span,
        hit.start,
        u32::MAX - hit.end,
        super::detect::vagueness(hit.rule),
        hit.rule,
    )
}

fn stronger(a: Action, b: Action) -> Action {
    let rank = |x: Action| match x {
        Action::Mask => 0,
        Action::Hash => 1,
        Action::Redact => 2,
    };
    if rank(a) >= rank(b) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(span: u32, start: u32, end: u32, rule: u16, action: Action) -> Hit {
        Hit {
            span,
            start,
            end,
            rule: RuleId::from_raw(rule),
            action,
        }
    }

    #[test]
    fn overlapping_hits_become_one_and_keep_the_first_rule() {
        let mut hits = vec![
            hit(1, 0, 4, 1, Action::Redact),
            hit(0, 5, 9, 3, Action::Mask),
            hit(0, 2, 6, 2, Action::Redact),
            hit(0, 9, 12, 4, Action::Redact),
        ];
        normalise(&mut hits);
        assert_eq!(
            hits,
            [
                hit(0, 2, 9, 2, Action::Redact),
                hit(0, 9, 12, 4, Action::Redact),
                hit(1, 0, 4, 1, Action::Redact),
            ]
        );
    }

    #[test]
    fn the_stronger_action_survives_a_merge() {
        let mut hits = vec![
            hit(0, 0, 8, 1, Action::Mask),
            hit(0, 4, 6, 2, Action::Redact),
        ];
        normalise(&mut hits);
        assert_eq!(hits, [hit(0, 0, 8, 1, Action::Redact)]);
    }
}
