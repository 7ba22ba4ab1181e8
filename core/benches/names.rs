//! What it costs to ask whether a name is sensitive.
//!
//! Rows: the word-run rule on identifiers as programs have them (mean 9 characters, about 3 % sensitive), on header names, on
//! names that are sensitive, on names beyond ASCII; Datadog's exact rule; and, for comparison, what tracers do: lower-case copy,
//! separators replaced, a look-up in a standard set. Target: at most 60 ns per dynamic key.

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use stillframe_core::redact::{Profile, RedactConfig, Redactor};

const PLAIN: &[&str] = &[
    "self",
    "request",
    "user",
    "order",
    "i",
    "x",
    "response",
    "status_code",
    "data",
    "items",
    "index",
    "result",
    "name",
    "created_at",
    "updatedAt",
    "customer_id",
    "total",
    "tax_rate",
    "line_items",
    "shipping_address",
    "cls",
    "args",
    "kwargs",
    "value",
    "key",
    "path",
    "queryset",
    "config",
    "logger",
    "message",
    "retry_count",
    "timeout",
    "max_tokens",
    "author",
    "HttpResponse",
    "get_queryset",
    "is_valid",
    "cart",
    "quantity",
    "unitPrice",
    "currency",
    "country",
    "postcode",
    "lat",
    "lng",
    "fh",
    "buf",
    "tmp",
    "connection",
    "cursor",
    "rows",
    "columns",
    "dtype",
    "shape",
    "offset",
    "start",
    "end",
    "parent_id",
    "children",
    "template_name",
    "context_data",
    "page_number",
    "per_page",
    "ordering",
    "serializer_class",
    "batch_size",
    "learning_rate",
    "__name__",
    "_cache",
    "fooBarBaz",
    "isEnabled",
    "maxRetries",
    "handler",
    "exc_info",
    "traceback",
    "event_type",
    "payload",
    "queue",
    "worker_id",
    "hostname",
    "port",
    "env",
    "frame",
    "depth",
    "node",
    "left",
    "right",
    "weight",
    "score",
    "threshold",
    "model",
    "token_count",
    "password_validators",
    "first_name",
    "email",
    "description",
    "sku",
];

const HEADERS: &[&str] = &[
    "Host",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "User-Agent",
    "Content-Type",
    "Content-Length",
    "Connection",
    "Cache-Control",
    "X-Request-Id",
    "X-Forwarded-Proto",
    "If-None-Match",
    "Referer",
];

const SENSITIVE: &[&str] = &[
    "password",
    "user_password",
    "AWS_SECRET_ACCESS_KEY",
    "X-Api-Key",
    "apiKey",
    "Authorization",
    "session_id",
    "github_access_token",
    "dbpassword",
    "credit_card_number",
];

const UNICODE: &[&str] = &[
    "größe",
    "café_name",
    "ｐａｓｓｗｏｒｄ",
    "имя",
    "日本語",
    "pass\u{200b}word",
];

/// Identifiers with three sensitive ones in a hundred, in a fixed order without a pattern that a branch predictor learns.
fn mixed() -> Vec<&'static str> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    (0..10_000)
        .map(|_| {
            if next(100) < 3 {
                SENSITIVE[next(SENSITIVE.len())]
            } else {
                PLAIN[next(PLAIN.len())]
            }
        })
        .collect()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let word_runs = Redactor::new(&RedactConfig::default()).0;
    let exact = RedactConfig {
        profile: Profile::Datadog,
        ..RedactConfig::default()
    };
    let exact = Redactor::new(&exact).0;
    let mixed = mixed();
    let mut group = criterion.benchmark_group("names");
    let sets: [(&str, &[&str]); 4] = [
        ("mixed", &mixed),
        ("headers", HEADERS),
        ("sensitive", SENSITIVE),
        ("unicode", UNICODE),
    ];
    for (set, names) in sets {
        group.throughput(Throughput::Elements(names.len() as u64));
        group.bench_function(format!("{set}/word runs"), |b| {
            b.iter(|| count(names, |name| word_runs.name(name.as_bytes()).is_some()));
        });
        group.bench_function(format!("{set}/datadog exact"), |b| {
            b.iter(|| count(names, |name| exact.name(name.as_bytes()).is_some()));
        });
    }
    let set: HashSet<String> = SENSITIVE.iter().map(|s| as_tracers_do(s)).collect();
    group.throughput(Throughput::Elements(mixed.len() as u64));
    group.bench_function("mixed/lower-case copy and std set", |b| {
        b.iter(|| count(&mixed, |name| set.contains(&as_tracers_do(name))));
    });
    group.finish();
    criterion.final_summary();
}

fn count(names: &[&str], is_sensitive: impl Fn(&str) -> bool) -> usize {
    names
        .iter()
        .filter(|name| is_sensitive(black_box(name)))
        .count()
}

fn as_tracers_do(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', '$', '@', '.'], "")
}
