//! The fingerprint: which exceptions are the same problem.
//!
//! Runs in the background, on what the redact stage left. Its input is borrowed and has no form of its own: the tape's
//! reader fills an [`ErrorInput`], and so can anything else that has types, messages and frames.
//!
//! ```text
//! ErrorInput ─▶ chain (cause → effect) ─▶ frames: in-app? normalise, collapse ─▶ Explanation ─▶ SipHash-128 ─▶ key
//! ```
//!
//! The hash is computed *from* the [`Explanation`], a tree of every part with the verdict "used" or "ignored" and its reason, so the
//! explanation cannot say anything else than what happened.
//!
//! # Algorithm, version 1
//!
//! 1. **Override.** A list of texts from the application or a rule replaces what follows. `{{ default }}`, `{{ type }}`,
//!    `{{ function }}`, `{{ module }}` and `{{ message }}` are substituted. The service is part of every key.
//! 2. **Chain.** Causes come before effects; cycles are cut. A group whose members are all alike is replaced by its member;
//!    other groups contribute the sorted, distinct keys of their members.
//! 3. **In-app frames.** Configured patterns decide first, then the host, then the language's defaults ([`InApp`]). Without any
//!    in-app frame the 8 nearest the raise are used.
//! 4. **Names.** A frame is its module (or the base name of its file) and its function, normalised per language: no line, no
//!    address, no path, no generated number ([`normalise`]).
//! 5. **Recursion.** Repeated cycles of up to 8 frames count once.
//! 6. **Key.** Of every exception its type and its raising frame; of the innermost one with frames also up to 12 further frames.
//!    Without any frame: types and parameterised messages ([`parameterise`]).
//! 7. **Hash.** SipHash-2-4 with 128 bits and a fixed key, over length-prefixed parts, separated by the version of the algorithm
//!    ([`hash`](Explanation::key)). Shown as 32 lower-case hex digits; the first 8 are the short form.
//!    With [`FingerprintConfig::by_message`] the parameterised messages are part of the key, too.
//! 8. **Sub-key.** The same plus the normalised text of the raising source line: the raise sites within one issue.
//! 9. **Versions.** [`Fingerprinter::previous`] gives the key of the version before, so that an upgrade finds what it stored.
//!
//! The key stays the same when lines shift, folders are renamed, packages get a new version, lambdas are renumbered, ids in messages
//! change, recursion goes deeper or a framework adds frames. It changes with the raising function, the type and the cause.
//! `conformance/fingerprints` holds vectors for all of this.
//!
//! # Costs
//!
//! Less than 5 µs for 30 frames (`benches/fingerprint.rs`). Work is bounded whatever the input: at most [`MAX_EXCEPTIONS`]
//! exceptions and [`MAX_FRAMES`] frames of each are looked at.

mod chain;
mod explanation;
mod frames;
mod hash;
mod in_app;
mod input;
mod line;
mod message;
pub mod normalise;
mod overrides;

use serde::{Deserialize, Serialize};

pub use chain::MAX_EXCEPTIONS;
pub use explanation::{
    ExceptionPart, Explanation, FramePart, LinePart, MemberPart, MessagePart, OverridePart,
    Verdict, Why,
};
pub use frames::{FALLBACK_FRAMES, FURTHER_FRAMES, MAX_CYCLE, MAX_FRAMES};
pub use in_app::InApp;
pub use input::{ErrorInput, ExceptionInput, FrameInput};
pub use line::source_line;
pub use message::parameterise;

/// The version of the algorithm that new keys are made with.
pub const VERSION: u8 = 1;

/// How errors are grouped. The default is the algorithm as the module's page describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FingerprintConfig {
    /// Whether the parameterised messages are part of the key, as in Datadog's Error Tracking.
    pub by_message: bool,
    /// Patterns of what is in-app although the defaults say otherwise: a module or a package that it is in (`acme_*`), or a path
    /// (`vendor/acme/*`). `*` is any text, `?` any one character. They come before `in_app_exclude`.
    pub in_app_include: Vec<String>,
    /// Patterns of what is not in-app although the defaults say it is.
    pub in_app_exclude: Vec<String>,
}

/// The group of one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The key of the issue.
    pub key: [u8; 16],
    /// The key of the raise site within the issue.
    pub sub_key: [u8; 16],
    /// The version of the algorithm.
    pub version: u8,
    /// Whether the application or a rule chose the key.
    pub overridden: bool,
    /// What the keys were made of.
    pub explanation: Explanation<'static>,
}

impl Fingerprint {
    /// The key as 32 lower-case hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hash::hex(self.key)
    }

    /// The sub-key as 32 lower-case hex digits.
    #[must_use]
    pub fn sub_hex(&self) -> String {
        hash::hex(self.sub_key)
    }

    /// The first 8 digits of the key, for people.
    #[must_use]
    pub fn short_id(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(8);
        hex
    }
}

/// Groups errors by one configuration, whose patterns are compiled once.
///
/// ```
/// use stillframe_core::fingerprint::{ErrorInput, ExceptionInput, Fingerprinter, FrameInput};
/// use stillframe_core::language::Language;
///
/// let frame = |function, file| FrameInput { function, file, ..FrameInput::default() };
/// let error = |frames| ErrorInput {
///     language: Language::Python,
///     exceptions: vec![ExceptionInput { type_name: "ValueError", frames, ..ExceptionInput::default() }],
///     ..ErrorInput::default()
/// };
/// let fingerprinter = Fingerprinter::default();
/// let here = fingerprinter.fingerprint(&error(vec![frame("total", "/srv/shop/cart.py")]));
/// let there = fingerprinter.fingerprint(&error(vec![frame("total", "/home/me/shop/cart.py")]));
/// assert_eq!(here.key, there.key);
/// assert_eq!(here.explanation.summary(), "ValueError in cart.total");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Fingerprinter {
    by_message: bool,
    in_app: InApp,
}

impl Fingerprinter {
    /// Compiles a configuration.
    #[must_use]
    pub fn new(config: &FingerprintConfig) -> Self {
        Self {
            by_message: config.by_message,
            in_app: InApp::new(config),
        }
    }

    /// The group of an error, by the current version of the algorithm.
    #[must_use]
    pub fn fingerprint(&self, input: &ErrorInput<'_>) -> Fingerprint {
        let explanation = self.explain(input);
        let (key, sub_key) = explanation.keys();
        Fingerprint {
            key,
            sub_key,
            version: VERSION,
            overridden: explanation.is_overridden(),
            explanation: explanation.into_owned(),
        }
    }

    /// The group of the same error by the version before, under which an older release may have stored it. `None` while there is no
    /// such version.
    #[must_use]
    pub fn previous(&self, _input: &ErrorInput<'_>) -> Option<Fingerprint> {
        const { assert!(VERSION == 1, "the version before has to stay available") };
        None
    }

    /// The parts of an error's key, borrowed from it.
    #[must_use]
    pub fn explain<'a>(&self, input: &ErrorInput<'a>) -> Explanation<'a> {
        let chain = chain::build(input, &self.in_app, self.by_message);
        let mut explanation = Explanation::new(input.service, chain);
        explanation.overrides = overrides::substitute(input, &explanation);
        explanation
    }

    /// Whether a frame is in-app, and why: see [`InApp::decide`].
    #[must_use]
    pub fn in_app(&self) -> &InApp {
        &self.in_app
    }
}

/// The group of one error. Compiles the configuration's patterns each time; whoever groups many errors keeps a
/// [`Fingerprinter`].
#[must_use]
pub fn fingerprint(input: &ErrorInput<'_>, config: &FingerprintConfig) -> Fingerprint {
    Fingerprinter::new(config).fingerprint(input)
}

/// Whether a frame is in-app, and why. Compiles the configuration's patterns each time; whoever asks often keeps an
/// [`InApp`].
#[must_use]
pub fn in_app(
    language: crate::language::Language,
    file: &str,
    module: &str,
    config: &FingerprintConfig,
) -> (bool, String) {
    let in_app = InApp::new(config);
    let (verdict, why) = in_app.decide(language, file, module);
    (verdict, why.to_owned())
}
