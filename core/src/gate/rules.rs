//! Exclusion rules that need no values: what is never captured, decided before anything is read.

use std::collections::HashMap;

use crate::glob::{Glob, Kind};
use crate::sync::{AtomicU64, Ordering};

use super::SiteFacts;

/// Exceptions that must not be captured. Every condition that is given must hold; a rule without conditions excludes nothing.
///
/// Conditions are wildcard patterns: `*` is any text, `?` any one character.
///
/// ```
/// use stillframe_core::gate::ExcludeRule;
///
/// let rule = ExcludeRule {
///     type_name: Some("*NotFound".to_owned()),
///     module: Some("shop.web".to_owned()),
///     ..ExcludeRule::default()
/// };
/// assert!(rule.excludes("shop.errors.ProductNotFound", "shop.web.views"));
/// assert!(!rule.excludes("shop.errors.ProductNotFound", "shop.jobs"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExcludeRule {
    /// The exception's type: its full name (`shop.errors.NotFound`) or the last part of it (`NotFound`).
    pub type_name: Option<String>,
    /// The module (or class) of the raising frame, or a package that it is in.
    pub module: Option<String>,
    /// The service that this process is.
    pub service: Option<String>,
    /// The environment that this process runs in.
    pub env: Option<String>,
}

impl ExcludeRule {
    /// Whether the conditions on type and module hold. Those on service and environment do not change while a process
    /// runs and are checked when the gate is made.
    #[must_use]
    pub fn excludes(&self, type_name: &str, module: &str) -> bool {
        !self.is_empty() && Compiled::new(0, self).excludes(type_name, last(type_name), module)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn is_for(&self, service: &str, env: &str) -> bool {
        let holds = |condition: &Option<String>, text: &str| {
            condition
                .as_deref()
                .is_none_or(|pattern| Glob::new(Kind::Text, pattern).matches(text))
        };
        holds(&self.service, service) && holds(&self.env, env)
    }
}

/// The last part of a type's full name.
fn last(type_name: &str) -> &str {
    let start = type_name
        .bytes()
        .rposition(|byte| matches!(byte, b'.' | b':' | b'+' | b'$'))
        .map_or(0, |at| at + 1);
    &type_name[start..]
}

#[derive(Debug)]
struct Compiled {
    index: u32,
    type_name: Option<Glob>,
    module: Option<Glob>,
}

impl Compiled {
    fn new(index: u32, rule: &ExcludeRule) -> Self {
        let glob = |kind, pattern: &Option<String>| pattern.as_deref().map(|p| Glob::new(kind, p));
        Self {
            index,
            type_name: glob(Kind::Text, &rule.type_name),
            module: glob(Kind::Name, &rule.module),
        }
    }

    #[inline]
    fn excludes(&self, type_name: &str, last: &str, module: &str) -> bool {
        self.type_name
            .as_ref()
            .is_none_or(|glob| glob.matches(type_name) || glob.matches(last))
            && self.module.as_ref().is_none_or(|glob| glob.matches(module))
    }
}

/// The rules of one process, with what each refused.
#[derive(Debug)]
pub(super) struct Rules {
    /// The most common kind, looked up: a whole type name, full or its last part, and nothing else.
    types: HashMap<Box<str>, u32, foldhash::fast::FixedState>,
    /// All others, in order.
    others: Vec<Compiled>,
    refused: Vec<AtomicU64>,
}

impl Rules {
    pub(super) fn new(rules: &[ExcludeRule], service: &str, env: &str) -> Self {
        let mut types = HashMap::default();
        let mut others = Vec::new();
        let active = (0..)
            .zip(rules)
            .filter(|(_, rule)| !rule.is_empty() && rule.is_for(service, env));
        for (index, rule) in active {
            let compiled = Compiled::new(index, rule);
            match (
                &compiled.module,
                compiled.type_name.as_ref().and_then(Glob::exact),
            ) {
                (None, Some(name)) => {
                    types.entry(Box::from(name)).or_insert(index);
                }
                _ => others.push(compiled),
            }
        }
        Self {
            types,
            others,
            refused: rules.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The first rule that excludes an exception, by its position in the configuration. The facts are asked for only if there
    /// are rules.
    #[inline]
    pub(super) fn find<'f>(&self, facts: impl FnOnce() -> SiteFacts<'f>) -> Option<u32> {
        if self.types.is_empty() && self.others.is_empty() {
            return None;
        }
        let SiteFacts {
            type_name, module, ..
        } = facts();
        let last = last(type_name);
        let by_type = [type_name, last]
            .into_iter()
            .filter_map(|name| self.types.get(name).copied())
            .min();
        let other = self
            .others
            .iter()
            .find(|rule| rule.excludes(type_name, last, module))
            .map(|rule| rule.index);
        by_type.into_iter().chain(other).min()
    }

    pub(super) fn count(&self, rule: u32) {
        if let Some(refused) = self.refused.get(rule as usize) {
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Vec<u64> {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.refused.iter().map(load).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ExcludeRule, Rules};
    use crate::gate::SiteFacts;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn all_conditions_must_hold_and_the_first_rule_decides() {
        let rules = [
            ExcludeRule {
                type_name: some("*"),
                env: some("prod*"),
                ..ExcludeRule::default()
            },
            ExcludeRule {
                type_name: some("Http404"),
                service: some("web"),
                ..ExcludeRule::default()
            },
            ExcludeRule {
                module: some("noisy"),
                ..ExcludeRule::default()
            },
            ExcludeRule {
                type_name: some("django.http.*"),
                ..ExcludeRule::default()
            },
        ];
        let find = |service, env, type_name, module| {
            Rules::new(&rules, service, env).find(|| SiteFacts {
                type_name,
                module,
                ..SiteFacts::default()
            })
        };
        assert_eq!(find("web", "dev", "django.http.Http404", "views"), Some(1));
        assert_eq!(find("job", "dev", "django.http.Http404", "views"), Some(3));
        assert_eq!(find("job", "dev", "ValueError", "noisy.loop"), Some(2));
        assert_eq!(find("job", "dev", "ValueError", "quiet"), None);
        assert_eq!(find("job", "production", "ValueError", "quiet"), Some(0));
    }

    #[test]
    fn an_empty_rule_excludes_nothing() {
        assert!(!ExcludeRule::default().excludes("ValueError", "app"));
    }
}
