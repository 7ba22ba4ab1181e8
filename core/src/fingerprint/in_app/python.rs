//! Python's defaults: what the interpreter and installed packages bring is not in-app.

use super::python_modules::STANDARD_MODULES;

const PACKAGES: &str = "site-packages";
const STANDARD: &str = "standard library";
const FROZEN: &str = "frozen";
const GENERATED: &str = "generated";
const SCRIPT: &str = "console script";
const EXTENSION: &str = "compiled extension";

/// Code that was typed or passed as text is the user's own.
const TYPED: [&str; 8] = [
    "<string>",
    "<stdin>",
    "<console>",
    "<input>",
    "<ipython-",
    "<doctest ",
    "<cell ",
    "<python-input",
];

/// Why a frame is not in-app, if it is not.
pub(super) fn not_in_app(file: &str, module: &str) -> Option<&'static str> {
    if file.starts_with('<') {
        return pseudo_file(file);
    }
    if file.is_empty() {
        return is_standard_module(module).then_some(STANDARD);
    }
    let bytes = file.as_bytes();
    let (folders, name) = match memchr::memrchr2(b'/', b'\\', bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&bytes[..0], bytes),
    };
    let mut standard = false;
    let mut before = &b""[..];
    for folder in folders.split(|byte| matches!(byte, b'/' | b'\\')) {
        // Packages are installed inside the standard library's folder, so they are looked for up to the end.
        if matches!(
            folder,
            b"site-packages" | b"dist-packages" | b"__pypackages__"
        ) || folder.ends_with(b".egg")
        {
            return Some(PACKAGES);
        }
        standard |= begins_standard_library(before, folder, module);
        before = folder;
    }
    if standard {
        return Some(STANDARD);
    }
    if is_extension_source(file, name) {
        return Some(EXTENSION);
    }
    is_console_script(before, name).then_some(SCRIPT)
}

fn pseudo_file(file: &str) -> Option<&'static str> {
    if TYPED.iter().any(|typed| file.starts_with(typed)) {
        None
    } else if file.starts_with("<frozen ") {
        Some(FROZEN)
    } else {
        Some(GENERATED)
    }
}

/// Whether the standard library is in `folder`: `lib/python3.12`, `lib64/python3`, `python312.zip`, and on Windows
/// `Python312\Lib`.
fn begins_standard_library(before: &[u8], folder: &[u8], module: &str) -> bool {
    let is_python = |name: &[u8]| {
        name.get(..6)
            .is_some_and(|head| head.eq_ignore_ascii_case(b"python"))
    };
    if is_python(folder) {
        let version = &folder[6..];
        let number = version.strip_suffix(b".zip").unwrap_or(version);
        let is_number = !number.is_empty()
            && number
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b't'));
        let in_lib = matches!(before, b"lib" | b"lib64");
        return is_number && (in_lib || number.len() < version.len());
    }
    // A folder named Lib is common enough that the module has to agree.
    folder.eq_ignore_ascii_case(b"lib") && is_python(before) && is_standard_module(module)
}

/// Cython names its sources relative to where a package was built, so their folders tell nothing; nearly all of them are libraries'.
fn is_extension_source(file: &str, name: &[u8]) -> bool {
    let is_source = [&b".pyx"[..], b".pxd", b".pxi"]
        .iter()
        .any(|end| name.ends_with(end));
    is_source && !file.starts_with(['/', '\\']) && !file.contains(':')
}

/// A script in `bin` or `Scripts` that an installer wrote: it has no `.py`.
fn is_console_script(folder: &[u8], name: &[u8]) -> bool {
    (folder == b"bin" || folder.eq_ignore_ascii_case(b"scripts"))
        && (!name.contains(&b'.') || name.ends_with(b".exe") || name.ends_with(b"-script.py"))
}

fn is_standard_module(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or("");
    STANDARD_MODULES.binary_search(&top).is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::not_in_app;
    use crate::fingerprint::in_app::python_modules::STANDARD_MODULES;

    #[test]
    fn the_interpreter_and_packages_are_not_in_app() {
        for (file, module, expected) in [
            ("/srv/shop/cart.py", "shop.cart", None),
            ("cart.py", "__main__", None),
            (
                "pandas/_libs/tslibs/strptime.pyx",
                "pandas._libs.tslibs.strptime",
                Some("compiled extension"),
            ),
            ("/srv/shop/fast.pyx", "shop.fast", None),
            (
                "/usr/lib/python3.11/json/decoder.py",
                "json.decoder",
                Some("standard library"),
            ),
            (
                "/usr/lib/python3.11/lib-dynload/x.so",
                "x",
                Some("standard library"),
            ),
            (
                "/opt/py/lib/python3.13t/asyncio/base_events.py",
                "asyncio",
                Some("standard library"),
            ),
            (
                "/usr/lib/python311.zip/json/decoder.py",
                "json.decoder",
                Some("standard library"),
            ),
            (
                r"C:\Python311\Lib\asyncio\runners.py",
                "asyncio.runners",
                Some("standard library"),
            ),
            (r"C:\Python311\Lib\mine\x.py", "mine.x", None),
            ("/home/u/python/app.py", "app", None),
            ("/home/u/mypython3/x.py", "x", None),
            ("/home/u/lib/python-tools/x.py", "x", None),
            (
                "/v/lib/python3.11/site-packages/flask/app.py",
                "flask.app",
                Some("site-packages"),
            ),
            (
                "/usr/lib/python3/dist-packages/yaml/__init__.py",
                "yaml",
                Some("site-packages"),
            ),
            (
                r"C:\v\Lib\site-packages\flask\app.py",
                "flask.app",
                Some("site-packages"),
            ),
            ("/srv/my-site-packages/x.py", "x", None),
            ("/srv/site-packages.py", "x", None),
            (
                "/v/foo-1.0-py3.9.egg/foo/x.py",
                "foo.x",
                Some("site-packages"),
            ),
            (
                "<frozen importlib._bootstrap>",
                "importlib._bootstrap",
                Some("frozen"),
            ),
            ("<string>", "__main__", None),
            ("<stdin>", "__main__", None),
            ("<ipython-input-3-abc>", "__main__", None),
            (
                "<attrs generated init shop.Cart>",
                "shop",
                Some("generated"),
            ),
            ("<__array_function__ internals>", "numpy", Some("generated")),
            ("", "json.decoder", Some("standard library")),
            ("", "shop", None),
            ("/v/bin/gunicorn", "__main__", Some("console script")),
            ("/srv/bin/tool.py", "__main__", None),
            ("/srv/shop/bin", "__main__", None),
            ("", "", None),
        ] {
            assert_eq!(not_in_app(file, module), expected, "{file} {module}");
        }
    }

    #[test]
    fn the_modules_are_sorted_for_the_search() {
        assert!(STANDARD_MODULES.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
