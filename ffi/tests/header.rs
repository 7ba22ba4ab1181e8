//! `include/stillframe.h` is what the sources say. `BLESS=1` writes it anew.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::PathBuf;

/// Behind the declarations: what only C and C++ need.
const TRAILER: &str = r#"
/**
 * `stillframe_site site = STILLFRAME_INIT(stillframe_site);` All zero, but for its size.
 */
#ifdef __cplusplus
template <typename Type> inline Type stillframe_sized() {
    Type it = Type();
    it.struct_size = sizeof(Type);
    return it;
}
#define STILLFRAME_INIT(type) stillframe_sized<type>()
#else
#define STILLFRAME_INIT(type) {.struct_size = sizeof(type)}
#endif

/**
 * A view of a string that ends with a zero; NULL gives the empty view.
 */
static inline stillframe_text stillframe_text_of(const char *string) {
    stillframe_text view;
    view.ptr = string;
    view.len = string == NULL ? 0 : strlen(string);
    return view;
}
"#;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generated() -> String {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        include_guard: Some("STILLFRAME_H".to_owned()),
        header: Some(include_str!("../src/contract.h").trim_end().to_owned()),
        no_includes: true,
        sys_includes: ["stddef.h", "stdint.h", "string.h"]
            .map(str::to_owned)
            .to_vec(),
        style: cbindgen::Style::Both,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        usize_is_size_t: true,
        line_length: 140,
        tab_width: 4,
        sort_by: cbindgen::SortKey::None,
        ..cbindgen::Config::default()
    };
    config.function.sort_by = Some(cbindgen::SortKey::None);
    config.function.args = cbindgen::Layout::Auto;
    config.export.exclude = elsewhere();
    config.macro_expansion.bitflags = false;
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_crate(folder())
        .with_config(config)
        .generate()
        .expect("the sources can be read")
        .write(&mut text);
    let text = tidy(&String::from_utf8(text).expect("UTF-8"));
    let (declarations, end) = text.rsplit_once("#endif").expect("an include guard");
    format!(
        "{}{TRAILER}\n#endif{end}",
        declarations.trim_end().to_owned() + "\n"
    )
}

/// What other headers declare, by hand: the reports for C and C++ programs. And what is only there for tests.
fn elsewhere() -> Vec<String> {
    let mut names = vec!["stillframe_test_panic".to_owned()];
    let reports = folder().join("src/report");
    for (path, file) in support::sources() {
        if path.starts_with(&reports) {
            names.extend(file.items.iter().filter_map(|item| match item {
                syn::Item::Fn(item) => Some(item.sig.ident.to_string()),
                syn::Item::Struct(item) => Some(item.ident.to_string()),
                syn::Item::Union(item) => Some(item.ident.to_string()),
                syn::Item::Enum(item) => Some(item.ident.to_string()),
                syn::Item::Const(item) => Some(item.ident.to_string()),
                syn::Item::Static(item) => Some(item.ident.to_string()),
                syn::Item::Type(item) => Some(item.ident.to_string()),
                _ => None,
            }));
        }
    }
    names
}

/// What cbindgen leaves: the safety sections, which are for Rust, and blanks at the ends of lines.
fn tidy(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut skipping = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim_start().starts_with("* # Safety") {
            skipping = true;
            while out.last().is_some_and(|last| last.trim() == "*") {
                out.pop();
            }
            continue;
        }
        skipping = skipping && !line.contains("*/");
        if !skipping {
            out.push(line.to_owned());
        }
    }
    one_line_comments(&out).join("\n") + "\n"
}

/// A comment of one line takes one line.
fn one_line_comments(lines: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in lines {
        if line.trim() == "*/"
            && let [.., opens, text] = out.as_slice()
            && opens.trim() == "/**"
        {
            let indent = &opens[..opens.len() - 3];
            let text = text.trim().trim_start_matches('*').trim();
            let whole = format!("{indent}/** {text} */");
            if whole.chars().count() <= 140 {
                out.truncate(out.len() - 2);
                out.push(whole);
                continue;
            }
        }
        out.push(line.clone());
    }
    out
}

#[test]
fn the_header_is_that_of_the_sources() {
    let path = folder().join("include/stillframe.h");
    let generated = generated();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &generated).expect("written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (stored, generated)) in stored.lines().zip(generated.lines()).enumerate() {
        assert_eq!(
            stored,
            generated,
            "line {}: BLESS=1 if the change is meant",
            number + 1
        );
    }
    assert_eq!(
        stored.len(),
        generated.len(),
        "BLESS=1 if the change is meant"
    );
}

#[test]
fn the_header_is_no_wider_than_140_columns() {
    for (number, line) in generated().lines().enumerate() {
        assert!(line.chars().count() <= 140, "line {}: {line}", number + 1);
    }
}
