//! Exclusion rules that need no values: what is never captured, decided before anything is read.

use crate::glob::{Kind, matches};
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
        let some = self.type_name.is_some()
            || self.module.is_some()
            || self.service.is_some()
            || self.env.is_some();
        let last = type_name.rsplit(['.', ':', '+', '$']).next().unwrap_or("");
        some && self.type_name.as_deref().is_none_or(|pattern| {
            matches(Kind::Text, pattern, type_name) || matches(Kind::Text, pattern, last)
        }) && self
            .module
            .as_deref()
            .is_none_or(|pattern| matches(Kind::Name, pattern, module))
    }

    fn is_for(&self, service: &str, env: &str) -> bool {
        let holds = |condition: &Option<String>, text: &str| {
            condition
                .as_deref()
                .is_none_or(|pattern| matches(Kind::Text, pattern, text))
        };
        holds(&self.service, service) && holds(&self.env, env)
    }
}

/// The rules of one process, with what each refused.
#[derive(Debug)]
pub(super) struct Rules {
    active: Vec<(u32, ExcludeRule)>,
    refused: Vec<AtomicU64>,
}

impl Rules {
    pub(super) fn new(rules: &[ExcludeRule], service: &str, env: &str) -> Self {
        Self {
            active: (0..)
                .zip(rules.iter().cloned())
                .filter(|(_, rule)| rule.is_for(service, env))
                .collect(),
            refused: rules.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The first rule that excludes an exception, by its position in the configuration.
    #[inline]
    pub(super) fn find(&self, facts: &SiteFacts<'_>) -> Option<u32> {
        self.active
            .iter()
            .find(|(_, rule)| rule.excludes(facts.type_name, facts.module))
            .map(|&(index, _)| index)
    }

    /// The same, for facts that have to be worked for.
    #[inline]
    pub(super) fn find_with<'f>(&self, facts: impl FnOnce() -> SiteFacts<'f>) -> Option<u32> {
        if self.active.is_empty() {
            return None;
        }
        self.find(&facts())
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
            Rules::new(&rules, service, env).find(&SiteFacts { type_name, module })
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
