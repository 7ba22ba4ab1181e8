//! Python's defaults: what the interpreter and installed packages bring is not in-app.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::python_modules::STANDARD_MODULES;

const PACKAGES: &str = "site-packages";
const STANDARD: &str = "standard library";
const FROZEN: &str = "frozen";
const GENERATED: &str = "generated";

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

static PACKAGES_FOLDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("-packages"));
static PYTHON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ython"));

/// Why a frame is not in-app, if it is not.
pub(super) fn not_in_app(file: &str, module: &str) -> Option<&'static str> {
    if file.starts_with('<') {
        return pseudo_file(file);
    }
    if file.is_empty() {
        return is_standard_module(module).then_some(STANDARD);
    }
    let bytes = file.as_bytes();
    let packages = PACKAGES_FOLDER.find_iter(bytes).any(|at| {
        let folder =
            |name: &[u8]| bytes[..at].ends_with(name) && starts_segment(bytes, at - name.len());
        ends_segment(bytes, at + "-packages".len()) && (folder(b"site") || folder(b"dist"))
    });
    if packages
        || has_segment_ending(bytes, b".egg")
        || has_segment_ending(bytes, b"__pypackages__")
    {
        return Some(PACKAGES);
    }
    if in_standard_library(file, module) {
        return Some(STANDARD);
    }
    is_console_script(file).then_some("console script")
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

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

fn starts_segment(path: &[u8], at: usize) -> bool {
    at == 0 || is_separator(path[at - 1])
}

fn ends_segment(path: &[u8], at: usize) -> bool {
    path.get(at).is_some_and(|byte| is_separator(*byte))
}

/// Whether a folder of the path has this ending.
fn has_segment_ending(path: &[u8], ending: &[u8]) -> bool {
    memchr::memmem::find_iter(path, ending).any(|at| ends_segment(path, at + ending.len()))
}

/// `lib/python3.12/`, `lib64/python3/`, `python312.zip/`, `Python.framework/.../lib/python3.12/`, and on Windows `Python312\Lib\`.
fn in_standard_library(file: &str, module: &str) -> bool {
    let bytes = file.as_bytes();
    PYTHON.find_iter(bytes).any(|at| {
        let name_start = at.saturating_sub(1);
        if !matches!(bytes[name_start], b'p' | b'P') || !starts_segment(bytes, name_start) {
            return false;
        }
        let version = bytes[at + "ython".len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b't'))
            .count();
        let end = at + "ython".len() + version;
        let rest = &bytes[end..];
        let before = bytes[..name_start]
            .strip_suffix(b"/")
            .or(bytes[..name_start].strip_suffix(b"\\"));
        let in_lib = before.is_some_and(|before| {
            [&b"lib"[..], b"lib64"].iter().any(|lib| {
                before.ends_with(lib) && starts_segment(before, before.len() - lib.len())
            })
        });
        if version > 0 && in_lib && rest.first().is_some_and(|byte| is_separator(*byte)) {
            return true;
        }
        if bytes[at + "ython".len()..end].ends_with(b".") && rest.starts_with(b"zip") {
            return ends_segment(rest, 3);
        }
        // A folder named Lib is common enough that the module has to agree.
        rest.get(1..4)
            .is_some_and(|lib| lib.eq_ignore_ascii_case(b"lib"))
            && ends_segment(rest, 4)
            && is_standard_module(module)
    })
}

/// A script in `bin` or `Scripts` that an installer wrote: it has no `.py`.
fn is_console_script(file: &str) -> bool {
    let mut parts = file.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or("");
    let folder = parts.next().unwrap_or("");
    let script = !name.contains('.') || name.ends_with(".exe") || name.ends_with("-script.py");
    script && (folder == "bin" || folder.eq_ignore_ascii_case("scripts"))
}

fn is_standard_module(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or("");
    STANDARD_MODULES.binary_search(&top).is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{STANDARD_MODULES, not_in_app};

    #[test]
    fn the_interpreter_and_packages_are_not_in_app() {
        for (file, module, expected) in [
            ("/srv/shop/cart.py", "shop.cart", None),
            ("cart.py", "__main__", None),
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
