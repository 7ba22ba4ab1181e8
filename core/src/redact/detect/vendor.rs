//! Tokens that vendors gave a prefix of their own, so that they can be recognised anywhere.
//!
//! The prefix needs no word boundary before it: `keyghp_...` is as much a token as ` ghp_...`. What follows must be long
//! enough; all of it is hidden.

use super::entropy::is_mixed;
use super::{ByteSet, Sink, Text};
use crate::redact::config::Action;
use crate::redact::hit::RuleId;

/// What must stand around the literal.
#[derive(Clone, Copy)]
enum Shape {
    /// So many of these bytes behind it.
    After(ByteSet, u16),
    /// So many before it and so many behind it.
    Around(ByteSet, u16, ByteSet, u16),
}

use Shape::{After, Around};

pub(in crate::redact) struct Vendor {
    pub(in crate::redact) rule: &'static str,
    pub(in crate::redact) literal: &'static str,
    shape: Shape,
}

const fn after(rule: &'static str, literal: &'static str, set: ByteSet, least: u16) -> Vendor {
    Vendor {
        rule,
        literal,
        shape: After(set, least),
    }
}

const ALNUM: ByteSet = ByteSet::ALNUM;
const WORD: ByteSet = ByteSet::WORD;
const HEX: ByteSet = ByteSet::HEX;
const URL64: ByteSet = ByteSet::BASE64URL;
const URL64_DOT: ByteSet = ByteSet::BASE64URL_DOT;
const BASE64: ByteSet = ByteSet::BASE64;
const UPPER: ByteSet = ByteSet::UPPER_DIGIT;
const PATH: ByteSet = ByteSet::ranges(b"09AZaz", b"_-/");
const DIGIT: ByteSet = ByteSet::ranges(b"09", b"");

/// Sorted by rule, so that rows of one rule are neighbours.
#[rustfmt::skip]
pub(in crate::redact) static VENDORS: [Vendor; 85] = [
    after("adobe_token", "p8e-", ALNUM, 32),
    after("age_key", "AGE-SECRET-KEY-1", UPPER, 20),
    after("alibaba_key", "LTAI", ALNUM, 17),
    after("anthropic_key", "sk-ant-", URL64, 20),
    after("atlassian_token", "ATATT3", ByteSet::ranges(b"09AZaz", b"_-="), 60),
    after("atlassian_token", "ATCTT3", ByteSet::ranges(b"09AZaz", b"_-="), 60),
    after("aws_access_key", "AKIA", UPPER, 16),
    after("aws_access_key", "ASIA", UPPER, 16),
    after("aws_access_key", "ABIA", UPPER, 16),
    after("aws_access_key", "ACCA", UPPER, 16),
    after("aws_bedrock_key", "ABSK", BASE64, 100),
    after("brevo_key", "xkeysib-", URL64, 64),
    after("cloudflare_key", "v1.0-", URL64, 140),
    after("contentful_token", "CFPAT-", URL64, 40),
    after("databricks_token", "dapi", HEX, 32),
    after("digitalocean_token", "dop_v1_", HEX, 40),
    after("digitalocean_token", "doo_v1_", HEX, 40),
    after("digitalocean_token", "dor_v1_", HEX, 40),
    after("discord_webhook", "discord.com/api/webhooks/", PATH, 40),
    after("discord_webhook", "discordapp.com/api/webhooks/", PATH, 40),
    after("docker_token", "dckr_pat_", URL64, 20),
    after("docker_token", "dckr_oat_", URL64, 20),
    after("doppler_token", "dp.pt.", ALNUM, 40),
    after("doppler_token", "dp.st.", URL64_DOT, 40),
    after("doppler_token", "dp.ct.", ALNUM, 40),
    after("dynatrace_token", "dt0c01.", URL64_DOT, 80),
    after("easypost_key", "EZAK", ALNUM, 54),
    after("figma_token", "figd_", URL64, 36),
    after("flyio_token", "FlyV1 fm", ByteSet::ranges(b"09AZaz", b"_+/=,"), 60),
    after("github_token", "ghp_", ALNUM, 30),
    after("github_token", "gho_", ALNUM, 30),
    after("github_token", "ghu_", ALNUM, 30),
    after("github_token", "ghs_", ALNUM, 30),
    after("github_token", "ghr_", ALNUM, 30),
    after("github_token", "github_pat_", WORD, 36),
    after("gitlab_token", "glpat-", URL64, 18),
    after("gitlab_token", "gldt-", URL64, 18),
    after("gitlab_token", "glrt-", URL64, 18),
    after("gitlab_token", "glptt-", HEX, 36),
    after("gitlab_token", "glcbt-", URL64, 18),
    after("google_key", "AIza", URL64, 35),
    after("google_oauth", "ya29.", URL64, 20),
    after("google_oauth", "GOCSPX-", URL64, 24),
    after("grafana_token", "glsa_", WORD, 36),
    after("grafana_token", "glc_", BASE64, 32),
    after("groq_key", "gsk_", ALNUM, 48),
    after("hashicorp_vault", "hvs.", URL64, 24),
    after("hashicorp_vault", "hvb.", URL64, 24),
    Vendor { rule: "hashicorp_terraform", literal: ".atlasv1.", shape: Around(ALNUM, 10, URL64, 50) },
    after("huggingface_token", "hf_", ALNUM, 30),
    after("linear_key", "lin_api_", ALNUM, 32),
    Vendor { rule: "mailchimp_key", literal: "-us", shape: Around(HEX, 32, DIGIT, 1) },
    after("mailgun_key", "key-", HEX, 32),
    after("newrelic_key", "NRAK-", UPPER, 20),
    after("newrelic_key", "NRII-", URL64, 28),
    after("notion_token", "ntn_", ALNUM, 40),
    after("npm_token", "npm_", ALNUM, 36),
    after("onepassword_token", "ops_eyJ", BASE64, 100),
    after("openai_key", "sk-proj-", URL64, 20),
    after("openai_key", "sk-svcacct-", URL64, 20),
    Vendor { rule: "openai_key", literal: "T3BlbkFJ", shape: Around(URL64, 18, URL64, 16) },
    after("openrouter_key", "sk-or-v1-", HEX, 40),
    after("planetscale_token", "pscale_", URL64_DOT, 32),
    after("postman_key", "PMAK-", ByteSet::ranges(b"09AFaf", b"-"), 50),
    after("pypi_token", "pypi-AgE", URL64, 50),
    after("rubygems_key", "rubygems_", HEX, 40),
    after("sendgrid_key", "SG.", URL64_DOT, 60),
    after("sentry_token", "sntrys_", ByteSet::ranges(b"09AZaz", b"_+/="), 40),
    after("sentry_token", "sntryu_", HEX, 40),
    after("shopify_token", "shpat_", HEX, 32),
    after("shopify_token", "shpss_", HEX, 32),
    after("slack_token", "xoxb-", URL64, 20),
    after("slack_token", "xoxp-", URL64, 20),
    after("slack_token", "xoxe-", URL64, 20),
    after("slack_token", "xoxe.", URL64, 20),
    after("slack_token", "xapp-", URL64, 20),
    after("slack_webhook", "hooks.slack.com/", PATH, 40),
    after("square_token", "sq0atp-", URL64, 22),
    after("square_token", "sq0csp-", URL64, 40),
    after("stripe_key", "k_live_", ALNUM, 16),
    after("stripe_key", "k_test_", ALNUM, 16),
    after("stripe_key", "whsec_", BASE64, 24),
    after("supabase_key", "sb_secret_", URL64, 20),
    after("tailscale_key", "tskey-", URL64, 20),
    Vendor { rule: "telegram_token", literal: ":AA", shape: Around(DIGIT, 8, URL64, 32) },
];

/// The rules' names, each once.
pub(super) fn rules() -> impl Iterator<Item = &'static str> {
    let first = |i: usize| i == 0 || VENDORS[i - 1].rule != VENDORS[i].rule;
    (0..VENDORS.len())
        .filter(move |&i| first(i))
        .map(|i| VENDORS[i].rule)
}

impl Vendor {
    /// What may follow the literal.
    pub(in crate::redact) fn next(&self) -> fn(u8) -> bool {
        match self.shape {
            Around(_, _, set, _) if set.has(b'0') && !set.has(b'a') => |b| b.is_ascii_digit(),
            _ => |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
        }
    }
}

/// The literal of row `row` stands at `at`. Returns where the token ends if it is one.
pub(in crate::redact) fn check(
    text: &Text<'_>,
    row: usize,
    at: usize,
    rule: RuleId,
    sink: &mut Sink<'_>,
) -> Option<usize> {
    let t = text.bytes;
    let vendor = VENDORS.get(row)?;
    let from = at + vendor.literal.len();
    let (mut start, set, least) = match vendor.shape {
        After(set, least) => (at, set, least),
        Around(before, least_before, set, least) => {
            let start = before.run_back(t, at, 64);
            if at - start < least_before as usize {
                return None;
            }
            (start, set, least)
        }
    };
    let end = set.run(t, from, 4096);
    sink.charge(end - start);
    let cut = text.runs_into_cut(end) && end > from;
    if end - from < least as usize && !cut {
        return None;
    }
    if vendor.literal.starts_with("k_") {
        // `sk_live_`, `rk_live_`, and no `task_test_initialisation`.
        if !cut && !is_mixed(&t[from..end]) {
            return None;
        }
        start = start.saturating_sub(usize::from(text.before(start).is_ascii_lowercase()));
    }
    sink.emit_as(text, start, end, rule, Action::Redact);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_prefixes_unambiguous() {
        // Rows of one rule must be neighbours; `hashicorp_*` sorts by product.
        let names: Vec<_> = rules().collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert!(names.len() >= 40);
        for (i, a) in VENDORS.iter().enumerate() {
            assert!(a.literal.len() >= 3, "{}", a.literal);
            assert!(VENDORS.iter().skip(i + 1).all(|b| b.literal != a.literal));
        }
    }
}
