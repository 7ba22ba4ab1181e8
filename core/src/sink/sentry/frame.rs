//! The frames of an exception: oldest first, with source and variables.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::encode::stacktrace::{self, Step};
use crate::snapshot::{Exception, Frame, Omitted, Snapshot, Source};

/// Most bytes of a line of source; longer ones are cut. Nobody reads more of one, and it may be a whole script.
const LINE_BYTES: usize = 256;

/// The frames of an exception.
#[derive(Debug, Serialize)]
pub(super) struct Stacktrace<'s> {
    pub(super) frames: Vec<SentryFrame<'s>>,
}

/// One frame.
#[derive(Debug, Default, Serialize)]
pub(super) struct SentryFrame<'s> {
    function: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abs_path: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lineno: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colno: Option<u32>,
    in_app: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pre_context: Vec<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context_line: Option<&'s str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) post_context: Vec<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vars: Option<&'s RawValue>,
}

/// The frames of an exception; `variables` are those of all frames, by their index.
pub(super) fn of<'s>(
    snapshot: &'s Snapshot,
    exception: &'s Exception,
    variables: &[Option<&'s RawValue>],
) -> Option<Stacktrace<'s>> {
    let steps = stacktrace::steps(snapshot, exception);
    let frame = |step: Step<'s>| match step {
        Step::Frame(index, frame) => {
            let vars = variables.get(index).copied().flatten();
            one(frame, &snapshot.runtime.language, vars)
        }
        // Sentry has no place for what is missing, and would show frames as neighbours that are none.
        Step::Gap(gap) => SentryFrame {
            function: told(gap),
            ..SentryFrame::default()
        },
    };
    let mut frames: Vec<_> = steps.into_iter().map(frame).collect();
    frames.reverse();
    (!frames.is_empty()).then_some(Stacktrace { frames })
}

fn one<'s>(frame: &'s Frame, language: &str, vars: Option<&'s RawValue>) -> SentryFrame<'s> {
    let file = frame.file.as_deref();
    let is_native = language == "native";
    let mut made = SentryFrame {
        function: match frame.function.as_str() {
            "" => "<unknown>".to_owned(),
            function => function.to_owned(),
        },
        module: frame.module.as_deref().filter(|_| !is_native),
        // What native code was linked into.
        package: frame.module.as_deref().filter(|_| is_native),
        filename: file.map(|file| short(file, frame.module.as_deref(), language)),
        abs_path: file,
        lineno: frame.line,
        colno: frame.column,
        in_app: frame.in_app,
        vars,
        ..SentryFrame::default()
    };
    if let Some((source, line)) = frame
        .source
        .as_ref()
        .zip(frame.line)
        .filter(|(source, _)| !source.stale)
    {
        context(&mut made, source, line);
    }
    made
}

/// The lines around the failing one.
fn context<'s>(frame: &mut SentryFrame<'s>, source: &'s Source, line: u32) {
    let Some(at) = line.checked_sub(source.first_line) else {
        return;
    };
    let at = at as usize;
    if let Some(line) = source.lines.get(at) {
        frame.context_line = Some(cut(line));
        frame.pre_context = source.lines[..at].iter().map(|line| cut(line)).collect();
        frame.post_context = source.lines[at + 1..]
            .iter()
            .map(|line| cut(line))
            .collect();
    }
}

fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(LINE_BYTES)]
}

/// The name of a frame that stands for missing ones.
fn told(gap: &Omitted) -> String {
    let why = gap
        .limit
        .as_ref()
        .map_or(&gap.not_captured_reason, |limit| &limit.name);
    format!("[{}: {why}]", stacktrace::missing(gap))
}

/// The part of a path that is the program's: for Python, that below the folder of its packages; else the name of the file.
fn short(file: &str, module: Option<&str>, language: &str) -> String {
    let separators: &[char] = if language == "dotnet" {
        &['/', '\\']
    } else {
        &['/']
    };
    let parts: Vec<&str> = file.split(separators).collect();
    let Some(name) = parts.last().filter(|name| !name.is_empty()) else {
        return file.to_owned();
    };
    let kept = match module {
        Some(module) if language == "python" && module != "__main__" => {
            // `shop.cart` is two parts below that folder, and three if it is a package.
            let dots = module.bytes().filter(|byte| *byte == b'.').count();
            1 + dots + usize::from(name.starts_with("__init__."))
        }
        _ => 1,
    };
    match parts.len().checked_sub(kept) {
        // A path of fewer parts is not of that module.
        None | Some(0) => file.to_owned(),
        Some(first) => parts[first..].join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened_to_what_is_the_programs() {
        for (language, module, file, short_file) in [
            (
                "python",
                Some("shop.cart"),
                "/srv/app/shop/cart.py",
                "shop/cart.py",
            ),
            (
                "python",
                Some("shop"),
                "/srv/app/shop/__init__.py",
                "shop/__init__.py",
            ),
            ("python", Some("__main__"), "/srv/app/main.py", "main.py"),
            ("python", None, "<string>", "<string>"),
            ("python", Some("a.b.c.d.e"), "x.py", "x.py"),
            ("java", Some("shop.Cart"), "Cart.java", "Cart.java"),
            (
                "dotnet",
                Some("Shop.Cart"),
                "C:\\src\\shop\\Cart.cs",
                "Cart.cs",
            ),
            ("native", Some("libshop.so"), "/src/shop/cart.c", "cart.c"),
        ] {
            assert_eq!(short(file, module, language), short_file);
        }
    }
}
