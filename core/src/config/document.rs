//! `docs/configuration.md`, made from the table of keys.

use std::fmt::Write;

use super::keys::{KEYS, Key};
use super::{Config, Kind};

const HEAD: &str = "\
<!-- Made from core/src/config/table.rs; a test compares the two. `BLESS=1 cargo test -p stillframe-core --test config` writes it. -->

# Configuration

Nothing has to be configured. What is configured comes from these sources; each overrides the ones before it:

1. the defaults below;
2. `stillframe.toml`: the file that `STILLFRAME_CONFIG` names, else the first one found from the working directory upwards, up to
   the first folder that is the root of a project (`.git`, `.hg`, `.svn`, `pyproject.toml`) or the home folder. A file found by
   search is used only if it belongs to the user or to root;
3. environment variables of Datadog, OpenTelemetry and Sentry, with their meaning there;
4. environment variables with the prefix `STILLFRAME_`;
5. what the program says: `install(limits_depth=6)` or `install(limits={\"depth\": 6})` in Python, `stillframe_config.settings` in C.

Keys marked \"joins\" are put together from all sources: a stronger source adds to them and takes nothing away.

A wrong value never stops a program: it is told, with its key and its place, by `stillframe doctor`, as a warning by
`stillframe.install()`, to the log function in C, and what was in force without it stays in force:

    limits.depth = 99: not a whole number between 0 and 32; 4 stays in force (stillframe.toml:12:1)

## How values are written

| kind | in a file | in the environment |
|---|---|---|
| flag | `true`, `false` | `true` `1` `yes` `on`, `false` `0` `no` `off` |
| number | `8` | `8` |
| size | `\"256 MiB\"`, or bytes as a number | `256 MiB` |
| time | `\"2 ms\"`; units `us` `ms` `s` `min` `h` `d`; seconds as a number | `2 ms` |
| list | `[\"a\", \"b\"]` | `a,b` |
| table | `{ team = \"web\" }` | `team:web,tier:1` |
| headers | `{ api-key = \"...\" }` | `api-key=...,x-tenant=1`, values percent-encoded |
| rules | tables, see below | JSON |

An empty variable is as good as none.
";

const TAIL: &str = "\
## Rules

```toml
[[gate.exclude]]
type = \"*.NotFound\"      # the exception's type: its full name, or the last part of it
module = \"shop.health\"   # module of the raising frame, or a package that it is in
env = \"staging\"          # also: service; all conditions of a rule must hold

[[redact.values]]
name = \"order number\"    # what a reader is told in place of the value
pattern = \"ORD-[0-9]{8}\" # syntax of the Rust crate regex, without Unicode
checksum = \"luhn\"        # optional: luhn, mod97, verhoeff
action = \"mask\"          # redact (default), mask, hash
scope = [\"order.*\"]      # optional: where it applies
```

In an environment variable the same is JSON: `STILLFRAME_REDACT_VALUES='[{\"name\": \"order number\", \"pattern\": \"ORD-[0-9]{8}\"}]'`.
`STILLFRAME_GATE_EXCLUDE` may also be a list of types: `Http404,KeyboardInterrupt`.

## Variables that are no keys

| variable | meaning |
|---|---|
| `STILLFRAME_CONFIG` | path of the `stillframe.toml` to use |
| `STILLFRAME_FALLBACK` | if it is set, values are read through the interpreter's public functions only: slower, for comparing |
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | proxies of destinations, if `upload.proxy` is not set; lower case counts before upper case |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | authorities to trust in place of the system's |
| `XDG_STATE_HOME`, `HOME` | where the store is, if `dir` is not set |
";

/// The text of `docs/configuration.md`.
pub fn document() -> String {
    let mut out = HEAD.to_owned();
    let mut defaults = Config::default();
    let mut section = None;
    for key in KEYS {
        let this = key
            .name()
            .split_once('.')
            .map_or("", |(section, _)| section);
        if section != Some(this) {
            section = Some(this);
            let title = title(this);
            let _ = write!(
                out,
                "\n## {title}\n\n| key | environment | default | meaning |\n|---|---|---|---|\n"
            );
        }
        let default = key
            .get(&mut defaults)
            .map(|setting| setting.shown(key.kind()));
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            key.name(),
            variables(key),
            default.map_or_else(|| "not set".to_owned(), |default| format!("`{default}`")),
            meaning(key),
        );
    }
    out.push('\n');
    out.push_str(TAIL);
    out
}

fn title(section: &str) -> String {
    match section {
        "" => "General".to_owned(),
        section => format!("`[{section}]`"),
    }
}

fn variables(key: &Key) -> String {
    let ours = format!("`{}`", key.variable());
    let foreign = key.foreign_variables().iter().map(|other| other.name());
    key.datadog_variables()
        .iter()
        .copied()
        .chain(foreign)
        .fold(ours, |all, name| format!("{all}<br>`{name}`"))
}

fn meaning(key: &Key) -> String {
    let accepts = match key.kind() {
        kind
        @ (Kind::Count { .. } | Kind::Bytes { .. } | Kind::Time { .. } | Kind::Rate { .. }) => {
            format!(" {}.", capitalised(&kind.accepts()))
        }
        Kind::Choice(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            format!(" One of {}.", words.join(", "))
        }
        _ => String::new(),
    };
    let joins = if key.joins() { " Joins." } else { "" };
    format!("{}{accepts}{joins}", key.doc())
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
