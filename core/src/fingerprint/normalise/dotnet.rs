//! .NET: state machines of async and iterator methods, closures, local functions, generics.

use std::borrow::Cow;

use super::path::base_name;
use crate::fingerprint::input::FrameInput;

pub(super) fn frame<'a>(frame: &FrameInput<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let function = frame.function.split('(').next().unwrap_or("").trim_end();
    if frame.module.is_empty() && !function.contains('<') {
        return Some((base_name(frame.file), generic_free(function)));
    }
    let generated = |text: &str| text.contains(['<', '`', '[', '+', '/']);
    if !generated(frame.module) && !generated(function) {
        return Some((Cow::Borrowed(frame.module), Cow::Borrowed(function)));
    }
    let mut types: Vec<Cow<'a, str>> = Vec::new();
    let mut method: Option<String> = None;
    let module = without_arguments(frame.module);
    // `<>c__DisplayClass5_0.<Run>b__3`: some renderings put the closure's class before the method.
    let (closure, function) = match function.find(">b__").or_else(|| function.find(">g__")) {
        Some(at) => match function[..at].rfind(".<") {
            Some(dot) => (&function[..dot], &function[dot + 1..]),
            None => ("", function),
        },
        None => ("", function),
    };
    for part in module
        .split(['+', '/'])
        .chain(Some(closure))
        .filter(|part| !part.is_empty())
    {
        match decode(part) {
            Decoded::Plain => types.push(Cow::Owned(generic_free(part).into_owned())),
            Decoded::Method(name) => method = Some(name),
            Decoded::Closure => {}
        }
    }
    let function = match (decode(function), method) {
        (Decoded::Method(name), _) => Cow::Owned(name),
        // `MoveNext` and what else a state machine has are the method that it was made for.
        (_, Some(method)) => Cow::Owned(method),
        _ => Cow::Owned(generic_free(function).into_owned()),
    };
    Some((Cow::Owned(types.join("+")), function))
}

/// A type without generic arity and arguments.
pub(super) fn type_name(name: &str) -> Cow<'_, str> {
    match without_arguments(name) {
        Cow::Borrowed(name) => generic_free(name),
        Cow::Owned(name) => Cow::Owned(generic_free(&name).into_owned()),
    }
}

enum Decoded {
    /// A name as it was written.
    Plain,
    /// What stands for a method: a state machine, a lambda, a local function.
    Method(String),
    /// A class that only holds captured variables.
    Closure,
}

/// `<Run>d__3`, `<Run>b__0`, `<Run>g__Local|5_0`, `<<Run>b__0>d`, `<>c`, `<>c__DisplayClass5_0`, `<Main>$`.
fn decode(part: &str) -> Decoded {
    if part.starts_with("<>c") {
        return Decoded::Closure;
    }
    let Some(inner_and_suffix) = part.strip_prefix('<') else {
        return Decoded::Plain;
    };
    let Some(end) = inner_and_suffix.rfind('>') else {
        return Decoded::Plain;
    };
    let (inner, suffix) = (&inner_and_suffix[..end], &inner_and_suffix[end + 1..]);
    let inner = match decode(inner) {
        Decoded::Method(name) => name,
        Decoded::Plain | Decoded::Closure => inner.to_owned(),
    };
    if suffix.starts_with("b__") {
        return Decoded::Method(format!("{inner}.lambda"));
    }
    if let Some(local) = suffix.strip_prefix("g__") {
        let local = local.split('|').next().unwrap_or(local);
        return Decoded::Method(format!("{inner}.{local}"));
    }
    Decoded::Method(inner)
}

/// Without `[[System.Int32, mscorlib]]`.
fn without_arguments(name: &str) -> Cow<'_, str> {
    if !name.contains('[') {
        return Cow::Borrowed(name);
    }
    let mut depth = 0usize;
    let mut clean = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => clean.push(character),
            _ => {}
        }
    }
    Cow::Owned(clean)
}

/// Without `` `1 `` behind names.
fn generic_free(name: &str) -> Cow<'_, str> {
    if !name.contains('`') {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split('`');
    let mut clean = parts.next().unwrap_or("").to_owned();
    for part in parts {
        clean.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    Cow::Owned(clean)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{frame, type_name};
    use crate::fingerprint::FrameInput;

    fn name(module: &str, function: &str) -> Option<String> {
        let input = FrameInput {
            function,
            module,
            ..FrameInput::default()
        };
        frame(&input).map(|(module, function)| format!("{module}:{function}"))
    }

    #[test]
    fn generated_names() {
        for (module, function, expected) in [
            ("Acme.Cart", "Total", "Acme.Cart:Total"),
            ("Acme.Cart", "Total(Int32 count)", "Acme.Cart:Total"),
            ("Acme.Cart", ".ctor", "Acme.Cart:.ctor"),
            (
                "Acme.Cart+<PlaceAsync>d__12",
                "MoveNext",
                "Acme.Cart:PlaceAsync",
            ),
            (
                "Acme.Cart/<PlaceAsync>d__3",
                "MoveNext()",
                "Acme.Cart:PlaceAsync",
            ),
            (
                "Acme.Cart+<>c__DisplayClass5_0",
                "<Run>b__3",
                "Acme.Cart:Run.lambda",
            ),
            ("Acme.Cart+<>c", "<Run>b__0_1", "Acme.Cart:Run.lambda"),
            (
                "Acme.Cart",
                "<>c__DisplayClass5_0.<Run>b__3",
                "Acme.Cart:Run.lambda",
            ),
            ("Acme.Cart", "<Run>g__Local|5_0", "Acme.Cart:Run.Local"),
            ("Acme.Cart+<<Run>b__0>d", "MoveNext", "Acme.Cart:Run.lambda"),
            (
                "Acme.Cart+<>c__DisplayClass1_0+<<Run>b__0>d",
                "MoveNext",
                "Acme.Cart:Run.lambda",
            ),
            (
                "Acme.Cart+<<Run>g__Local|0>d",
                "MoveNext",
                "Acme.Cart:Run.Local",
            ),
            ("Program", "<Main>$", "Program:Main"),
            ("Acme.Store`1[[Acme.Item, Acme]]", "Get", "Acme.Store:Get"),
            ("Acme.Store`2+Node", "Add`1", "Acme.Store+Node:Add"),
            ("Acme.Outer+Inner", "Run", "Acme.Outer+Inner:Run"),
            ("", "Run", ":Run"),
            (
                "Acme.Cart+<broken",
                "MoveNext",
                "Acme.Cart+<broken:MoveNext",
            ),
        ] {
            assert_eq!(
                name(module, function).as_deref(),
                Some(expected),
                "{module} {function}"
            );
        }
    }

    #[test]
    fn types_lose_their_arguments() {
        assert_eq!(
            type_name("Acme.Fault`1[[System.Int32, mscorlib]]"),
            "Acme.Fault"
        );
        assert_eq!(
            type_name("System.InvalidOperationException"),
            "System.InvalidOperationException"
        );
    }
}
