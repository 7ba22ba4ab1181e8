//! Files and the versions and hashes in their names.

use std::borrow::Cow;

/// Hexadecimal words from this length on are hashes, if they have a digit and a letter.
const HASH: usize = 12;
/// What stands for a hash.
const MARK: char = '#';

/// The last part of a path, without its extension, versions and hashes: `cart` of `/srv/app-1.2/cart.py`, `libfoo` of
/// `libfoo-1.2.so.3`, `foo` of `foo-2.0.1-SNAPSHOT.jar`. For the file that stands for a folder (`__init__`, `__main__`), the folder.
///
/// ```
/// use stillframe_core::fingerprint::normalise::base_name;
///
/// assert_eq!(base_name("/srv/app/shop/cart.py"), "cart");
/// assert_eq!(base_name(r"C:\app\shop\__init__.py"), "shop");
/// assert_eq!(base_name("/usr/lib/libfoo.so.1.2.3"), "libfoo");
/// ```
#[must_use]
pub fn base_name(file: &str) -> Cow<'_, str> {
    if file.starts_with('<') {
        return pseudo(file);
    }
    let mut parts = file.rsplit(['/', '\\']).filter(|part| !part.is_empty());
    let mut name = parts.next().unwrap_or("");
    if stem(name) == "__init__" || stem(name) == "__main__" {
        name = parts.next().unwrap_or(name);
    }
    without_hashes(without_version(stem(name)))
}

/// `<ipython-input-3-abc>` is `<ipython-input`: what a console numbers is not a name.
fn pseudo(file: &str) -> Cow<'_, str> {
    match file.bytes().position(|byte| byte.is_ascii_digit()) {
        Some(digit) => Cow::Borrowed(file[..digit].trim_end_matches(['-', '_', ' ', '['])),
        None => Cow::Borrowed(file),
    }
}

/// The name before its extension: before `.so` and what follows, else before the last dot.
fn stem(name: &str) -> &str {
    if let Some(at) = name.find(".so.") {
        return &name[..at];
    }
    match name.rfind('.') {
        // `.bashrc` has no extension, nor has `lib-1.2` one that is a number.
        Some(at) if at > 0 && !name[at + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            &name[..at]
        }
        _ => name,
    }
}

/// A name without the version at its end: a separator, digits, and at least one more number behind a dot.
fn without_version(name: &str) -> &str {
    let mut searched = 0;
    while let Some(found) = name[searched..].find(['-', '_', '.', '@']) {
        let at = searched + found;
        searched = at + 1;
        if at > 0 && is_version(&name[searched..]) {
            return &name[..at];
        }
    }
    name
}

/// `1.2`, `v1.2.3`, `1.2.3-SNAPSHOT`, `2.0.1.RELEASE`, `1.0rc1`, `1.2.3-4.el8`.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let major = digits(text);
    let rest = &text[major..];
    major > 0 && rest.starts_with('.') && digits(&rest[1..]) > 0
}

/// A name with each hash in it replaced: `unusual_prefix_#_dag` of `unusual_prefix_9f86d081884c7d65_dag`.
pub(super) fn without_hashes(name: &str) -> Cow<'_, str> {
    if name.len() < HASH || !name.bytes().any(|byte| byte.is_ascii_digit()) || !has_hash(name) {
        return Cow::Borrowed(name);
    }
    let mut clean = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let word = word_length(rest);
        if is_hash(&rest[..word]) {
            clean.push(MARK);
        } else {
            clean.push_str(&rest[..word]);
        }
        rest = &rest[word..];
        let separators = rest
            .find(|c: char| c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        clean.push_str(&rest[..separators]);
        rest = &rest[separators..];
    }
    Cow::Owned(clean)
}

fn has_hash(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(is_hash)
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len())
}

fn is_hash(word: &str) -> bool {
    word.len() >= HASH
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Hex digits at the start of a text.
pub(super) fn hex_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_hexdigit).count()
}

/// A text without the decimal digits at its end.
pub(super) fn without_number(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_ascii_digit())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{base_name, without_hashes};

    #[test]
    fn folders_versions_and_hashes_go() {
        for (file, expected) in [
            ("", ""),
            ("cart.py", "cart"),
            ("/a/b/cart.py", "cart"),
            (r"C:\a\cart.py", "cart"),
            ("/a/shop/__init__.py", "shop"),
            ("/a/shop/__main__.py", "shop"),
            ("__init__.py", "__init__"),
            ("/usr/lib/libc.so.6", "libc"),
            ("libfoo.so", "libfoo"),
            ("libfoo-1.2.so.3.4", "libfoo"),
            ("spring-core-5.3.2.jar", "spring-core"),
            ("foo-2.0.1-SNAPSHOT.jar", "foo"),
            ("foo-2.jar", "foo-2"),
            ("python3.11", "python3.11"),
            ("node@18.2.0", "node"),
            ("app_v1.2.3.py", "app"),
            ("main.9f86d081884c7d65.js", "main.#"),
            ("0001_initial.py", "0001_initial"),
            (".bashrc", ".bashrc"),
            ("<string>", "<string>"),
            ("<ipython-input-3-9f86d081>", "<ipython-input"),
            ("/", ""),
            ("größe.py", "größe"),
        ] {
            assert_eq!(base_name(file), expected, "{file}");
        }
    }

    #[test]
    fn only_hashes_are_taken_for_hashes() {
        assert_eq!(
            without_hashes("unusual_prefix_9f86d081884c7d659a2feaa0c55ad015_dag"),
            "unusual_prefix_#_dag"
        );
        for name in [
            "shop.cart",
            "feedfacecafebeef",
            "123456789012345",
            "deadbeef1",
            "a.b-c_d1e2",
        ] {
            assert_eq!(without_hashes(name), name);
        }
    }
}
