//! Python: qualified names, comprehensions, main modules.

use std::borrow::Cow;

use super::path::{base_name, without_hashes};
use crate::fingerprint::input::FrameInput;

/// Since 3.12 these run inside the function that contains them, so before they must not count either.
const INLINED: [&str; 3] = ["<listcomp>", "<setcomp>", "<dictcomp>"];

pub(super) fn frame<'a>(frame: &FrameInput<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let mut function = frame.function;
    while let Some(inlined) = INLINED.iter().find(|name| function.ends_with(**name)) {
        // Called by the function that contains it, which is the next frame.
        let containing = &function[..function.len() - inlined.len()];
        function = containing.strip_suffix(".<locals>.").unwrap_or("");
        if function.is_empty() {
            return None;
        }
    }
    Some((module(frame), qualified(function)))
}

/// A type's name. Built-in types are known without their module.
pub(super) fn type_name(name: &str) -> Cow<'_, str> {
    qualified(name.strip_prefix("builtins.").unwrap_or(name))
}

/// A qualified name without the marks of nesting: `outer.inner` of `outer.<locals>.inner`.
pub(super) fn qualified(name: &str) -> Cow<'_, str> {
    if memchr::memchr(b'<', name.as_bytes()).is_some() && name.contains("<locals>.") {
        Cow::Owned(name.replace("<locals>.", ""))
    } else {
        Cow::Borrowed(name)
    }
}

/// The module; for a program's main module, which has another name when it is imported, the name of its file.
fn module<'a>(frame: &FrameInput<'a>) -> Cow<'a, str> {
    match frame.module {
        "" | "__main__" | "__mp_main__" => {
            let name = base_name(frame.file);
            // Notebooks write cells to numbered files.
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                Cow::Borrowed(frame.module)
            } else {
                name
            }
        }
        module => without_hashes(module.strip_suffix(".__main__").unwrap_or(module)),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::frame;
    use crate::fingerprint::FrameInput;

    fn name(function: &str, module: &str, file: &str) -> Option<String> {
        let input = FrameInput {
            function,
            module,
            file,
            ..FrameInput::default()
        };
        frame(&input).map(|(module, function)| format!("{module}:{function}"))
    }

    #[test]
    fn qualified_names_and_comprehensions() {
        for (function, expected) in [
            ("total", Some("m:total")),
            ("Cart.total", Some("m:Cart.total")),
            ("outer.<locals>.inner", Some("m:outer.inner")),
            ("outer.<locals>.<lambda>", Some("m:outer.<lambda>")),
            ("outer.<locals>.<genexpr>", Some("m:outer.<genexpr>")),
            ("outer.<locals>.<listcomp>", Some("m:outer")),
            (
                "outer.<locals>.<dictcomp>.<locals>.<setcomp>",
                Some("m:outer"),
            ),
            ("<listcomp>", None),
            ("<lambda>", Some("m:<lambda>")),
            ("<module>", Some("m:<module>")),
            ("", Some("m:")),
        ] {
            assert_eq!(
                name(function, "m", "/x/m.py").as_deref(),
                expected,
                "{function}"
            );
        }
    }

    #[test]
    fn the_main_module_is_named_by_its_file() {
        for (module, file, expected) in [
            ("shop.cart", "/other/name.py", "shop.cart:f"),
            ("__main__", "/srv/app.py", "app:f"),
            ("__mp_main__", "/srv/app.py", "app:f"),
            ("__main__", "/srv/shop/__main__.py", "shop:f"),
            ("shop.__main__", "/srv/shop/__main__.py", "shop:f"),
            ("", "/srv/app.py", "app:f"),
            ("__main__", "/tmp/ipykernel_17/3456.py", "__main__:f"),
            ("__main__", "<string>", "<string>:f"),
        ] {
            assert_eq!(name("f", module, file).as_deref(), Some(expected));
        }
    }
}
