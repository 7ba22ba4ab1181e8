//! Names as programs have them, for benches.

/// Identifiers as programs have them.
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

/// Names of HTTP headers.
pub(crate) const HEADERS: &[&str] = &[
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

/// Names that hide what they name.
pub(crate) const SENSITIVE: &[&str] = &[
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

/// Names beyond ASCII.
pub(crate) const UNICODE: &[&str] = &[
    "größe",
    "café_name",
    "ｐａｓｓｗｏｒｄ",
    "имя",
    "日本語",
    "pass\u{200b}word",
];

/// Identifiers with three sensitive ones in a hundred, in a fixed order without a pattern that a branch predictor learns.
pub(crate) fn mixed() -> Vec<&'static str> {
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
