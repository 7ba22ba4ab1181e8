//! Native code: Rust hashes and closures, C++ templates, arguments and anonymous namespaces, compiler clones, addresses.

use std::borrow::Cow;

use memchr::memmem::Finder;

use super::path::{base_name, hex_digits, without_hashes};
use crate::fingerprint::input::FrameInput;
use crate::lock::Lazy;

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
    let special = |byte: u8| is_special(byte) || matches!(byte, b'+' | b' ');
    if !name.bytes().any(special) && !has_inline_namespace(name) {
        return Cow::Borrowed(name);
    }
    let name = match memchr::memchr(b'+', name.as_bytes()) {
        Some(_) => name.split("+0x").next().unwrap_or(name),
        None => name,
    };
    let plain = without_inline_namespaces(without_brackets(name));
    let kept = without_return_type(&plain);
    if kept.len() == plain.len() {
        return Cow::Owned(plain);
    }
    Cow::Owned(kept.to_owned())
}

/// What begins something that a name may lose.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'<' | b'(' | b'[' | b'{' | b'`' | b'\'' | b'$' | b'>' | b'-'
    )
}

/// `f [clone .isra.0]`, `f.constprop.0`, `f.part.1`, `f.cold`, `f.llvm.123`, `f@@GLIBC_2.2.5`.
fn without_clones(name: &str) -> &str {
    const MARKS: [&str; 6] = [
        ".isra.",
        ".constprop.",
        ".part.",
        ".cold",
        ".lto_priv.",
        ".llvm.",
    ];
    let mut found = memchr::memchr3_iter(b'.', b'@', b'[', name.as_bytes());
    let mark = found.find(|&at| {
        let rest = &name[at..];
        rest.starts_with("[clone ")
            || rest.starts_with("@@")
            || rest.starts_with("@plt")
            || MARKS.iter().any(|mark| rest.starts_with(mark))
    });
    mark.map_or(name, |at| name[..at].trim_end())
}

/// `shop::cart::total` of `shop::cart::total::h0123456789abcdef`.
fn without_rust_hash(name: &str) -> &str {
    const LENGTH: usize = "::h0123456789abcdef".len();
    let at = name.len().saturating_sub(LENGTH);
    match name.get(at..).and_then(|end| end.strip_prefix("::h")) {
        Some(hash) if hash.len() == 16 && hex_digits(hash) == 16 => &name[..at],
        _ => name,
    }
}

fn is_address(name: &str) -> bool {
    let digits = name.strip_prefix("0x").unwrap_or("");
    !digits.is_empty() && hex_digits(digits) == digits.len()
}

/// All of [`INLINE_NAMESPACES`] have two underscores in a row.
fn has_inline_namespace(name: &str) -> bool {
    static UNDERSCORES: Lazy<Finder<'static>> = Lazy::new(|| Finder::new("__"));
    UNDERSCORES.get().find(name.as_bytes()).is_some()
}

/// Inline namespaces of the standard libraries' ABI versions.
const INLINE_NAMESPACES: [(&str, &str); 4] = [
    ("__cxx11::", ""),
    ("__1::", ""),
    ("__ndk1::", ""),
    ("_GLOBAL__N_1", "{anonymous}"),
];

fn without_inline_namespaces(name: String) -> String {
    if !has_inline_namespace(&name) {
        return name;
    }
    INLINE_NAMESPACES
        .iter()
        .fold(name, |name, (word, plain)| match name.contains(word) {
            true => name.replace(word, plain),
            false => name,
        })
}

/// The compilers' words for what has no name become one of `{anonymous}`, `{lambda}`, `{closure}`, `{impl}`. The length of the word
/// at the start of a text, with what it becomes.
fn unnamed(text: &str) -> Option<(usize, &'static str)> {
    const WORDS: [(&str, &str); 4] = [
        ("(anonymous namespace)", "{anonymous}"),
        ("`anonymous namespace'", "{anonymous}"),
        ("'lambda'", "{lambda}"),
        ("{{closure}}", "{closure}"),
    ];
    if let Some((word, unified)) = WORDS.iter().find(|(word, _)| text.starts_with(word)) {
        return Some((word.len(), unified));
    }
    if let Some(number) = text.strip_prefix("$_") {
        // clang numbers unnamed types and lambdas.
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        return (digits > 0).then_some((2 + digits, "{lambda}"));
    }
    text.starts_with('{').then(|| braced(text)).flatten()
}

/// Without template and generic arguments, parameters, and the numbers in `{closure#0}` and `crate[0123]`.
fn without_brackets(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.bytes().position(is_special) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let first = rest.as_bytes()[0];
        if let Some(length) = operator_length(&clean, rest) {
            clean.push_str(&rest[..length]);
            rest = &rest[length..];
        } else if let Some((length, word)) = unnamed(rest) {
            clean.push_str(word);
            rest = &rest[length..];
        } else if first == b'<' && clean.is_empty() {
            return rust_impl(rest);
        } else if matches!(first, b'<' | b'(' | b'[') {
            rest = &rest[closing(rest)..];
            if first == b'(' && !rest.starts_with("::") {
                // Parameters end a name; what follows are qualifiers.
                return clean;
            }
            // Rust writes generic arguments as `f::<T>`.
            if first == b'<' && clean.ends_with("::") && !rest.starts_with(char::is_alphanumeric) {
                clean.truncate(clean.len() - 2);
            }
        } else {
            clean.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    clean.push_str(rest);
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
    let (mut depth, mut before) = (0usize, b' ');
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' if before == b'-' => {}
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = byte;
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// `{closure#0}` is `{closure}`, `{lambda(int)#1}` is `{lambda}`, `{anonymous}` stays.
fn braced(text: &str) -> Option<(usize, &'static str)> {
    let length = closing(text);
    let word = text[1..]
        .split(|c: char| !c.is_ascii_alphabetic() && c != '_')
        .next()?;
    let unified = match word {
        "closure" | "closure_env" => "{closure}",
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
    if memchr::memchr(b' ', name.as_bytes()).is_none() {
        return name;
    }
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
