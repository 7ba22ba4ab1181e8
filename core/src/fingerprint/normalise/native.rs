//! Native code: Rust hashes and closures, C++ templates, arguments and anonymous namespaces, compiler clones, addresses.

use std::borrow::Cow;

use super::path::{base_name, hex_digits, without_hashes};
use crate::fingerprint::input::FrameInput;

/// Nesting beyond this is not followed: symbols may come from anywhere.
const MOST: usize = 1024;

pub(super) fn frame<'a>(frame: &FrameInput<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let module = match frame.module {
        // A qualified name needs no file beside it.
        "" if frame.function.contains("::") => Cow::Borrowed(""),
        "" => base_name(frame.file),
        path if path.contains(['/', '\\', '.']) => base_name(path),
        module => without_hashes(module),
    };
    Some((module, symbol(frame.function)))
}

/// A demangled name without what the compiler put into it.
pub(super) fn symbol(name: &str) -> Cow<'_, str> {
    let mut end = name.len().min(MOST);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name = without_clones(&name[..end]);
    let name = without_rust_hash(name);
    if is_address(name) {
        return Cow::Borrowed("");
    }
    if !name.contains(['<', '(', '{', '[', '\'', '`', '$', '+', ' ']) && !has_inline_namespace(name)
    {
        return Cow::Borrowed(name);
    }
    let name = name.split("+0x").next().unwrap_or(name);
    let anonymous = unify_anonymous(name);
    let plain = without_brackets(&anonymous);
    let plain = without_inline_namespaces(plain);
    Cow::Owned(without_return_type(&plain).to_owned())
}

/// `f [clone .isra.0]`, `f.constprop.0`, `f.part.1`, `f.cold`, `f.llvm.123`.
fn without_clones(name: &str) -> &str {
    let name = name.split(" [clone ").next().unwrap_or(name);
    let marks = [
        ".isra.",
        ".constprop.",
        ".part.",
        ".cold",
        ".lto_priv.",
        ".llvm.",
        "@@",
        "@plt",
    ];
    let first = marks.iter().filter_map(|mark| name.find(mark)).min();
    first.map_or(name, |at| &name[..at])
}

/// `shop::cart::total` of `shop::cart::total::h0123456789abcdef`.
fn without_rust_hash(name: &str) -> &str {
    match name.rfind("::h") {
        Some(at) if name.len() - at == 19 && hex_digits(&name[at + 3..]) == 16 => &name[..at],
        _ => name,
    }
}

fn is_address(name: &str) -> bool {
    let digits = name.strip_prefix("0x").unwrap_or("");
    !digits.is_empty() && hex_digits(digits) == digits.len()
}

fn has_inline_namespace(name: &str) -> bool {
    INLINE_NAMESPACES
        .iter()
        .any(|namespace| name.contains(namespace))
}

/// Inline namespaces of the standard libraries' ABI versions.
const INLINE_NAMESPACES: [&str; 3] = ["__cxx11::", "__1::", "__ndk1::"];

fn without_inline_namespaces(name: String) -> String {
    INLINE_NAMESPACES
        .iter()
        .fold(name, |name, namespace| match name.contains(namespace) {
            true => name.replace(namespace, ""),
            false => name,
        })
}

/// The compilers' words for what has no name become one: `{anonymous}`, `{lambda}`, `{closure}`.
fn unify_anonymous(name: &str) -> Cow<'_, str> {
    const WORDS: [(&str, &str); 6] = [
        ("(anonymous namespace)", "{anonymous}"),
        ("`anonymous namespace'", "{anonymous}"),
        ("_GLOBAL__N_1", "{anonymous}"),
        ("'lambda'", "{lambda}"),
        ("{{closure}}", "{closure}"),
        ("{closure_env", "{closure"),
    ];
    let mut name = Cow::Borrowed(name);
    for (word, unified) in WORDS {
        if name.contains(word) {
            name = Cow::Owned(name.replace(word, unified));
        }
    }
    // clang numbers unnamed types and lambdas: `$_0`.
    if let Some(at) = name.find("$_") {
        let digits = name[at + 2..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        if digits > 0 {
            let mut unified = name[..at].to_owned();
            unified.push_str("{lambda}");
            unified.push_str(&name[at + 2 + digits..]);
            name = Cow::Owned(unified);
        }
    }
    name
}

/// Without template and generic arguments, parameters, and the numbers in `{closure#0}` and `crate[0123]`.
fn without_brackets(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        if let Some(operator) = operator_length(&clean, rest) {
            clean.push_str(&rest[..operator]);
            rest = &rest[operator..];
            continue;
        }
        let (skipped, kept) = match character {
            '<' if clean.is_empty() => return rust_impl(rest),
            '<' | '(' | '[' => (closing(rest), ""),
            '{' => match braced(rest) {
                Some((length, word)) => (length, word),
                None => (1, "{"),
            },
            _ => {
                clean.push(character);
                (character.len_utf8(), "")
            }
        };
        if character == '(' && skipped > 0 && !rest[skipped..].starts_with("::") {
            // Parameters end a name; what follows are qualifiers.
            return clean;
        }
        clean.push_str(kept);
        rest = &rest[skipped..];
        // Rust writes generic arguments as `f::<T>`.
        if character == '<'
            && clean.ends_with("::")
            && !rest.starts_with(|c: char| c.is_alphanumeric())
        {
            clean.truncate(clean.len() - 2);
        }
    }
    clean
}

/// `<shop::Cart<T> as core::fmt::Display>::fmt` is `shop::Cart::fmt`.
fn rust_impl(name: &str) -> String {
    let length = closing(name);
    let inner = name[1..length]
        .strip_suffix('>')
        .unwrap_or(&name[1..length]);
    let own_type = inner.split(" as ").next().unwrap_or(inner);
    let own_type = own_type.trim_start_matches(['&', '*', '<']);
    let own_type = own_type.strip_prefix("mut ").unwrap_or(own_type);
    let mut clean = match own_type.starts_with(['<', '(', '[', '{']) {
        true => own_type.to_owned(),
        false => without_brackets(own_type),
    };
    let rest = &name[length..];
    if !rest.is_empty() && !rest.starts_with('<') {
        clean.push_str(&without_brackets(rest));
    }
    clean
}

/// The length of the bracketed text at the start of `text`, to its closing bracket or to the end.
fn closing(text: &str) -> usize {
    let mut depth = 0usize;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = character;
        if depth == 0 {
            return at + character.len_utf8();
        }
    }
    text.len()
}

/// `{closure#0}` is `{closure}`, `{lambda(int)#1}` is `{lambda}`, `{anonymous}` stays.
fn braced(text: &str) -> Option<(usize, &'static str)> {
    let length = closing(text);
    let word = text[1..].split(|c: char| !c.is_ascii_alphabetic()).next()?;
    let unified = match word {
        "closure" => "{closure}",
        "lambda" => "{lambda}",
        "impl" => "{impl}",
        "anonymous" => "{anonymous}",
        "unnamed" => "{unnamed}",
        "vtable" | "shim" => "{shim}",
        "async" => "{async}",
        _ => return None,
    };
    Some((length, unified))
}

/// If an operator's symbol is next (`operator<`, `operator()`, `operator->`), its length.
fn operator_length(before: &str, rest: &str) -> Option<usize> {
    if !before.ends_with("operator") {
        return None;
    }
    const SYMBOLS: [&str; 10] = [
        "()", "[]", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=", "->",
    ];
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    match symbol {
        Some(symbol) => Some(symbol.len()),
        None if rest.starts_with(['<', '>']) => Some(1),
        None => None,
    }
}

/// `total` of `void total`: what stands before the last space outside of brackets, except in `operator new`, `operator bool`.
fn without_return_type(name: &str) -> &str {
    let name = name.trim();
    let end = name.find("operator").unwrap_or(name.len());
    match name[..end].rfind(' ') {
        Some(at) => &name[at + 1..],
        None => name,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{frame, symbol};
    use crate::fingerprint::FrameInput;

    #[test]
    fn symbols() {
        for (name, expected) in [
            ("total", "total"),
            ("shop::Cart::total", "shop::Cart::total"),
            ("shop::cart::total::h0123456789abcdef", "shop::cart::total"),
            (
                "shop::cart::total::{{closure}}::h0123456789abcdef",
                "shop::cart::total::{closure}",
            ),
            (
                "shop::cart::total::{closure#3}",
                "shop::cart::total::{closure}",
            ),
            ("shop[9f86d081884c7d65]::total", "shop::total"),
            (
                "<shop::Cart<T> as core::fmt::Display>::fmt",
                "shop::Cart::fmt",
            ),
            ("<shop::Cart>::total::<u32>", "shop::Cart::total"),
            ("shop::total::<alloc::vec::Vec<u8>>", "shop::total"),
            (
                "shop::Cart<int, std::vector<int>>::total(int) const",
                "shop::Cart::total",
            ),
            ("void shop::total<int>(int)", "shop::total"),
            ("std::map<int, int>::at(int const&)", "std::map::at"),
            ("bool operator<(Item const&, Item const&)", "operator<"),
            ("Item::operator()(int) const", "Item::operator()"),
            ("Item::operator->() const", "Item::operator->"),
            ("Item::operator bool() const", "Item::operator bool"),
            ("operator new(unsigned long)", "operator new"),
            (
                "std::ostream& operator<< <char>(std::ostream&, char)",
                "operator<<",
            ),
            ("(anonymous namespace)::total(int)", "{anonymous}::total"),
            (
                "shop::(anonymous namespace)::total(int)",
                "shop::{anonymous}::total",
            ),
            (
                "shop::`anonymous namespace'::total",
                "shop::{anonymous}::total",
            ),
            (
                "main::{lambda(int)#1}::operator()(int) const",
                "main::{lambda}::operator()",
            ),
            (
                "main::$_0::operator()(int) const",
                "main::{lambda}::operator()",
            ),
            ("total [clone .isra.0]", "total"),
            ("total.constprop.0", "total"),
            ("total.cold", "total"),
            (
                "std::__cxx11::basic_string<char>::at(unsigned long)",
                "std::basic_string::at",
            ),
            ("total+0x1f", "total"),
            ("0x7f00deadbeef", ""),
            ("", ""),
            ("<", ""),
            ("a<b", "a"),
        ] {
            assert_eq!(symbol(name), expected, "{name}");
        }
    }

    #[test]
    fn images_lose_folder_and_version() {
        let name = |module, file| {
            let input = FrameInput {
                module,
                file,
                function: "f",
                ..FrameInput::default()
            };
            frame(&input).map(|(module, _)| module.into_owned())
        };
        assert_eq!(
            name("/opt/acme/lib/libshop.so.1.2", "").as_deref(),
            Some("libshop")
        );
        assert_eq!(name("shop", "").as_deref(), Some("shop"));
        assert_eq!(name("", "/src/cart.cpp").as_deref(), Some("cart"));
    }
}
