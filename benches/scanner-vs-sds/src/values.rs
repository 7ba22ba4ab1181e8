//! Made-up values as the variables of programs have them, always the same.

/// A small generator of repeatable numbers.
pub(crate) struct Random(u64);

impl Random {
    /// Starts from a seed other than zero.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.below(alphabet.len())]))
            .collect()
    }
}

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const WORDS: &[&str] = &[
    "account", "active", "address", "backend", "cache", "column", "config", "customer", "default",
    "error", "failed", "for", "found", "handler", "index", "invalid", "invoice", "message", "not",
    "order", "payload", "pending", "product", "queue", "record", "region", "request", "response",
    "result", "retry", "service", "session", "shipping", "status", "table", "the", "timeout", "to",
    "update", "user", "value", "was", "with", "worker",
];

/// One value; two in a hundred are sensitive.
pub(crate) fn value(r: &mut Random) -> String {
    if r.below(100) < 2 {
        return secret(r);
    }
    match r.below(18) {
        0 => format!("{}_{}", r.one(WORDS), r.text(HEX, 6)),
        1 => r.text(DIGITS, 10),
        2 => {
            let [a, b, c, d, e] = [8, 4, 4, 4, 12].map(|n| r.text(HEX, n));
            format!("{a}-{b}-{c}-{d}-{e}")
        }
        3 => r.text(HEX, 40),
        4 => format!(
            "2026-{:02}-{:02}T{:02}:{:02}:00.{}Z",
            r.below(12) + 1,
            r.below(28) + 1,
            r.below(24),
            r.below(60),
            r.text(DIGITS, 6)
        ),
        5 => format!(
            "/srv/app/lib/python3.12/site-packages/{}/{}.py",
            r.one(WORDS),
            r.one(WORDS)
        ),
        6 => format!(
            "https://api.example.com/v1/{}/{}?page={}&limit=50",
            r.one(WORDS),
            r.below(100_000),
            r.below(99)
        ),
        7 => format!(
            "<{}.{} object at 0x7f{}>",
            r.one(WORDS),
            r.one(WORDS),
            r.text(HEX, 10)
        ),
        8 => format!(
            "{{\"id\": {}, \"status\": \"{}\", \"total\": {}.{}}}",
            r.below(100_000),
            r.one(WORDS),
            r.below(900),
            r.below(99)
        ),
        9 => format!(
            "SELECT id, {} FROM {} WHERE {} = %s ORDER BY created_at DESC",
            r.one(WORDS),
            r.one(WORDS),
            r.one(WORDS)
        ),
        10 => format!("{}.{}", r.below(1000), r.text(DIGITS, 3)),
        11 => "application/json; charset=utf-8".to_owned(),
        12 => format!("{}:{}:{}", r.one(WORDS), r.one(WORDS), r.below(100_000)),
        13 => format!(
            "['{}', '{}', {}]",
            r.one(WORDS),
            r.one(WORDS),
            r.below(1000)
        ),
        _ => {
            let count = 2 + r.below(11);
            (0..count)
                .map(|_| r.one(WORDS))
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

fn secret(r: &mut Random) -> String {
    match r.below(11) {
        0 => format!("password={}", r.text(BASE62, 12)),
        1 => format!(
            "{{\"user\": \"bob\", \"password\": \"{}\"}}",
            r.text(BASE62, 10)
        ),
        2 => format!(
            "postgres://app:{}@db.internal:5432/main",
            r.text(BASE62, 12)
        ),
        3 => format!("Authorization: Bearer {}", r.text(BASE62, 40)),
        4 => format!("AKIA{}", r.text(BASE32, 16)),
        5 => format!(
            "eyJ{}.eyJ{}.{}",
            r.text(BASE62, 20),
            r.text(BASE62, 60),
            r.text(BASE62, 43)
        ),
        6 => "4111111111111111".to_owned(),
        7 => format!("ghp_{}", r.text(BASE62, 36)),
        8 => format!(
            "123-{}{}-{}",
            1 + r.below(9),
            r.below(10),
            1000 + r.below(9000)
        ),
        9 => "GB82WEST12345698765432".to_owned(),
        _ => format!("glpat-{}", r.text(BASE62, 20)),
    }
}

/// Log lines, `size` bytes of them.
pub(crate) fn log_block(r: &mut Random, size: usize) -> String {
    let mut block = String::new();
    while block.len() < size {
        let (day, hour, minute) = (1 + r.below(28), r.below(24), r.below(60));
        let level = r.one(&["DEBUG", "INFO", "INFO", "WARN", "ERROR"]);
        let (module, text) = (r.one(WORDS), value(r));
        block += &format!(
            "2026-09-{day:02} {hour:02}:{minute:02}:07,123 {level} [worker-3] shop.{module}: {text}\n"
        );
    }
    block
}

/// Names and patterns of rules with a prefix each, as scanners for secrets have by the hundred.
pub(crate) fn user_rules(count: usize) -> impl Iterator<Item = (String, String)> {
    const VENDORS: &[&str] = &[
        "acme", "bitly", "clojars", "codacy", "crates", "deno", "edgeio", "fastly", "frame",
        "gitea", "helix", "intra", "jotform", "kraken", "lokal", "mapper", "nytime", "okteto",
        "plaid", "qovery", "readme", "scalr", "trello", "unleash", "vercel", "wakatime", "xendit",
        "yandex", "zapier", "airbit",
    ];
    (0..count).map(|i| {
        let vendor = VENDORS[i % VENDORS.len()];
        let kind = ["", "_pat", "_oauth", "_svc"][i / VENDORS.len() % 4];
        let prefix = format!("{vendor}{kind}_");
        (
            format!("vendor-{i}"),
            format!("{prefix}[0-9A-Za-z]{{24,40}}"),
        )
    })
}
