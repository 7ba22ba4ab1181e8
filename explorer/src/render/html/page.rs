//! The document around it all: policy, style, script, the order of the parts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{HtmlView, Writer};

/// What a value looks like; page and fragment have it in common.
const VALUES: &str = include_str!("values.css");
const PAGE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("script.js");
/// What the policy names the style and the script by: their SHA-256. `BLESS=1 cargo test` records them.
const STYLE_HASH: &str = include_str!("style.sha256");
const SCRIPT_HASH: &str = include_str!("script.sha256");

/// Keys, and what they do.
const KEYS: [(&str, &str); 13] = [
    ("j  k", "next, previous frame"),
    ("Enter", "open or close the frame, value or link"),
    ("[  ]", "previous, next exception"),
    (
        "e",
        "open every frame of the program with all values; again: as it was",
    ),
    ("l", "open or close the library frames"),
    ("/", "search; Enter and Shift+Enter go on, Escape ends"),
    ("g", "back to the top"),
    ("?", "this list"),
    ("← →", "in a tree: close or go up, open or go down"),
    ("↑ ↓ Home End", "in a tree: move"),
    ("*", "in a tree: open all beside this one"),
    ("w", "in a tree: why something is missing there"),
    ("Escape", "close this list, end the search"),
];

pub(super) fn page(writer: &Writer<'_>, view: &HtmlView) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{STYLE_HASH}'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (writer.title()) }
                style { (PreEscaped(VALUES)) (PreEscaped(PAGE)) }
            }
            body.stillframe {
                a.skip href="#frames" { "Skip to the frames" }
                (bar())
                (writer.header(view))
                div.columns {
                    main {
                        (writer.glance())
                        (writer.rail())
                        div #frames tabindex="-1" { (writer.exceptions()) }
                    }
                    (writer.panel())
                }
                (writer.footer(view))
                (help())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// What only a script can do; it shows this.
fn bar() -> Markup {
    html! {
        div #bar role="toolbar" aria-label="Page" hidden {
            input #find type="search" placeholder="Search" aria-label="Search in the page" autocomplete="off" spellcheck="false" maxlength="200";
            span #found role="status" {}
            button #all type="button" aria-pressed="false" { "Open all" }
            button #libs type="button" aria-pressed="false" { "Library frames" }
            button #keys type="button" aria-haspopup="dialog" { "Keys" }
        }
    }
}

fn help() -> Markup {
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            table { @for (key, what) in KEYS { tr { th scope="row" { kbd { (key) } } td { (what) } } } }
            p { label { input #single type="checkbox" checked; " keys of a single letter" } }
            button #close type="button" { "Close" }
        }
    }
}

pub(super) fn fragment(writer: &Writer<'_>) -> Markup {
    let facts = HtmlView::default();
    html! {
        div.stillframe.part {
            style { (PreEscaped(VALUES)) }
            (writer.header(&facts))
            (writer.exceptions())
            p.note { (super::super::footer::receipt(&writer.snapshot.receipt, writer.snapshot.frames.len())) ". All of it: "
                code { (writer.command()) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_style_and_the_script() {
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/html");
        for (file, recorded, is) in [
            ("style.sha256", STYLE_HASH, hash(&[VALUES, PAGE].concat())),
            ("script.sha256", SCRIPT_HASH, hash(SCRIPT)),
        ] {
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(folder.join(file), &is).unwrap();
            } else {
                assert_eq!(recorded, is, "{file}; BLESS=1 records it");
            }
        }
    }

    #[test]
    fn nothing_in_the_style_or_the_script_ends_its_element_or_leaves_the_page() {
        for text in [VALUES, PAGE, SCRIPT] {
            for word in [
                "</", "<!--", "http:", "https:", "url(", "@import", "fetch", "eval",
            ] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
