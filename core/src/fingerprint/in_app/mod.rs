//! Whether a frame is the program's own: configured patterns, then what the host says, then the language's defaults.

mod packages;
mod python;
mod python_modules;

use std::borrow::Cow;

use crate::glob::{GlobSet, Kind};
use crate::language::Language;

use super::FingerprintConfig;
use super::input::FrameInput;

/// Why a frame without any rule against it is in-app.
const DEFAULT: &str = "application";
const HOST: &str = "host";

/// The rules of one configuration, compiled.
///
/// ```
/// use stillframe_core::fingerprint::{FingerprintConfig, InApp};
/// use stillframe_core::language::Language;
///
/// let config = FingerprintConfig {
///     in_app_include: vec!["acme_*".to_owned()],
///     ..FingerprintConfig::default()
/// };
/// let in_app = InApp::new(&config);
/// let decide = |file, module| in_app.decide(Language::Python, file, module);
/// assert_eq!(decide("/srv/shop/cart.py", "shop.cart"), (true, "application"));
/// assert_eq!(decide("/venv/lib/python3.12/site-packages/flask/app.py", "flask.app"), (false, "site-packages"));
/// assert_eq!(decide("/venv/lib/python3.12/site-packages/acme_db/x.py", "acme_db.x"), (true, "acme_*"));
/// ```
#[derive(Debug, Clone)]
pub struct InApp {
    include: Patterns,
    exclude: Patterns,
}

#[derive(Debug, Clone)]
struct Patterns {
    names: GlobSet,
    paths: GlobSet,
}

impl Patterns {
    fn new(patterns: &[String]) -> Self {
        Self {
            names: GlobSet::new(Kind::Name, patterns),
            paths: GlobSet::new(Kind::Path, patterns),
        }
    }

    #[inline]
    fn find(&self, file: &str, module: &str) -> Option<&str> {
        if self.names.is_empty() {
            return None;
        }
        self.names.find(module).or_else(|| self.paths.find(file))
    }
}

impl Default for InApp {
    fn default() -> Self {
        Self::new(&FingerprintConfig::default())
    }
}

impl InApp {
    /// Compiles the patterns of a configuration.
    #[must_use]
    pub fn new(config: &FingerprintConfig) -> Self {
        Self {
            include: Patterns::new(&config.in_app_include),
            exclude: Patterns::new(&config.in_app_exclude),
        }
    }

    /// Whether a frame of this file and module is in-app, with the pattern or the default that says so.
    #[must_use]
    pub fn decide(&self, language: Language, file: &str, module: &str) -> (bool, &str) {
        self.configured(file, module)
            .unwrap_or_else(|| by_default(language, file, module, ""))
    }

    /// The same for a frame, whose host may have decided already and whose function may tell more than its module.
    pub(super) fn decide_frame(
        &self,
        language: Language,
        frame: &FrameInput<'_>,
    ) -> (bool, Cow<'static, str>) {
        if let Some((in_app, pattern)) = self.configured(frame.file, frame.module) {
            return (in_app, Cow::Owned(pattern.to_owned()));
        }
        let (in_app, why) = match frame.in_app {
            Some(in_app) => (in_app, HOST),
            None => by_default(language, frame.file, frame.module, frame.function),
        };
        (in_app, Cow::Borrowed(why))
    }

    #[inline]
    fn configured(&self, file: &str, module: &str) -> Option<(bool, &str)> {
        if let Some(pattern) = self.include.find(file, module) {
            return Some((true, pattern));
        }
        self.exclude
            .find(file, module)
            .map(|pattern| (false, pattern))
    }
}

fn by_default(
    language: Language,
    file: &str,
    module: &str,
    function: &str,
) -> (bool, &'static str) {
    let reason = match language {
        Language::Python => python::not_in_app(file, module),
        Language::Java => packages::java(module),
        Language::Dotnet => packages::dotnet(module),
        Language::Native => packages::native(file, module, function),
        Language::Unknown => None,
    };
    reason.map_or((true, DEFAULT), |reason| (false, reason))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::InApp;
    use crate::fingerprint::{FingerprintConfig, FrameInput};
    use crate::language::Language::{self, Dotnet, Java, Native, Python, Unknown};

    #[test]
    fn language_defaults() {
        let in_app = InApp::default();
        let check = |language: Language, file, module, expected| {
            assert_eq!(
                in_app.decide(language, file, module),
                expected,
                "{file} {module}"
            );
        };
        let app = (true, "application");
        check(Unknown, "/usr/lib/python3.11/json/decoder.py", "json", app);

        check(Java, "", "com.acme.shop.Cart", app);
        check(Java, "", "java.util.HashMap", (false, "standard library"));
        check(
            Java,
            "",
            "java.base/java.util.HashMap",
            (false, "standard library"),
        );
        check(Java, "", "javafoo.Bar", app);
        check(Java, "", "app//com.acme.Cart", app);
        check(
            Java,
            "",
            "org.springframework.web.Servlet",
            (false, "framework"),
        );
        check(Java, "", "jdk.proxy2.$Proxy12", (false, "standard library"));
        check(Java, "", "$Proxy12", (false, "generated"));

        check(Dotnet, "", "Acme.Shop.Cart", app);
        check(
            Dotnet,
            "",
            "System.Linq.Enumerable",
            (false, "standard library"),
        );
        check(Dotnet, "", "Systematic.Risk", app);
        check(
            Dotnet,
            "",
            "Microsoft.AspNetCore.Routing.X",
            (false, "framework"),
        );

        check(Native, "/src/cart.cpp", "shop", app);
        check(
            Native,
            "/rustc/59807616/library/core/src/panicking.rs",
            "",
            (false, "standard library"),
        );
        check(
            Native,
            "/home/u/.cargo/registry/src/x/serde-1.0/src/de.rs",
            "",
            (false, "package"),
        );
        check(
            Native,
            "",
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            (false, "system library"),
        );
        check(Native, "", "std::vec", (false, "standard library"));
        check(Native, "", "stdx::vec", app);
    }

    #[test]
    fn the_function_of_a_native_frame_tells_its_package() {
        let in_app = InApp::default();
        let check = |function| {
            let frame = FrameInput {
                function,
                ..FrameInput::default()
            };
            in_app.decide_frame(Native, &frame).0
        };
        assert!(!check("core::panicking::panic_fmt"));
        assert!(!check("std::vector<int>::at(unsigned long)"));
        assert!(!check("__libc_start_main"));
        assert!(!check("rust_begin_unwind"));
        assert!(!check("<alloc::vec::Vec<T> as core::ops::Index>::index"));
        assert!(check("shop::cart::total"));
        assert!(check("stdlib_like::f"));
    }

    #[test]
    fn configuration_wins_over_the_host_and_the_host_over_the_defaults() {
        let config = FingerprintConfig {
            in_app_include: vec!["flask".to_owned()],
            in_app_exclude: vec!["shop.vendored".to_owned(), "generated/*".to_owned()],
            ..FingerprintConfig::default()
        };
        let in_app = InApp::new(&config);
        let decide = |file, module, host| {
            let frame = FrameInput {
                file,
                module,
                in_app: host,
                ..FrameInput::default()
            };
            let (in_app, why) = in_app.decide_frame(Python, &frame);
            (in_app, why.into_owned())
        };
        let is = |in_app: bool, why: &str| (in_app, why.to_owned());
        let site = "/v/site-packages/flask/app.py";
        assert_eq!(decide(site, "flask.app", Some(false)), is(true, "flask"));
        assert_eq!(decide(site, "other.app", Some(true)), is(true, "host"));
        assert_eq!(decide(site, "other.app", None), is(false, "site-packages"));
        assert_eq!(
            decide("/s/a.py", "shop.vendored.x", Some(true)),
            is(false, "shop.vendored")
        );
        assert_eq!(
            decide("/s/generated/a.py", "a", None),
            is(false, "generated/*")
        );
        assert_eq!(decide("/s/a.py", "a", Some(false)), is(false, "host"));
    }
}
