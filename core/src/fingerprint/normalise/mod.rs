//! Names of frames and types without what changes from build to build: versions, hashes, addresses, generated numbers.
//!
//! A frame becomes a module (or the base name of its file) and a function; line, column, address and folder are never part
//! of it. Each language has its own rules; what no rule touches is borrowed, not copied.

mod dotnet;
mod java;
mod native;
mod path;
mod python;

use std::borrow::Cow;

use crate::language::Language;

use super::input::FrameInput;

pub use path::base_name;

/// What a frame is called in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name<'a> {
    /// Its module and function. One of them may be empty.
    Frame {
        /// Module, class or base name of the file.
        module: Cow<'a, str>,
        /// Function.
        function: Cow<'a, str>,
    },
    /// The compiler or a library made it as a step to the frame before it.
    Generated,
    /// Nothing of it has a name.
    Unnamed,
}

/// The name of a frame.
#[must_use]
pub fn frame<'a>(language: Language, frame: &FrameInput<'a>) -> Name<'a> {
    let name = match language {
        Language::Python => python::frame(frame),
        Language::Java => java::frame(frame),
        Language::Dotnet => dotnet::frame(frame),
        Language::Native => native::frame(frame),
        Language::Unknown => Some((module_or_file(frame), Cow::Borrowed(frame.function))),
    };
    match name {
        None => Name::Generated,
        Some((module, function)) if module.is_empty() && function.is_empty() => Name::Unnamed,
        Some((module, function)) => Name::Frame { module, function },
    }
}

/// The name of an exception's type.
#[must_use]
pub fn type_name(language: Language, name: &str) -> Cow<'_, str> {
    match language {
        Language::Python => python::type_name(name),
        Language::Java => java::class(name).0,
        Language::Dotnet => dotnet::type_name(name),
        Language::Native => native::symbol(name),
        Language::Unknown => Cow::Borrowed(name),
    }
}

/// The name of a type of which the host tells the package apart from the name.
#[must_use]
pub fn type_in_module<'a>(language: Language, module: &str, name: Cow<'a, str>) -> Cow<'a, str> {
    let is_builtin = language == Language::Python && module == "builtins";
    let has_module = name
        .strip_prefix(module)
        .is_some_and(|rest| rest.starts_with('.'));
    if is_builtin || has_module {
        return name;
    }
    Cow::Owned(format!("{}.{name}", path::without_hashes(module)))
}

fn module_or_file<'a>(frame: &FrameInput<'a>) -> Cow<'a, str> {
    if frame.module.is_empty() {
        base_name(frame.file)
    } else {
        path::without_hashes(frame.module)
    }
}
