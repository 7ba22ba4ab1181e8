//! .NET's `Exception.ToString`: inner exceptions inside the text of the outer one, the members of an aggregate behind it.

use super::{Step, Trace, message, missing, qualified};
use crate::snapshot::{Exception, Frame};

/// Exceptions inside one another that are written. A trace of more would be read by nobody.
const DEEPEST: usize = 32;

pub(super) fn write(trace: &mut Trace<'_>) {
    if let Some(exception) = trace.take(0) {
        one(trace, exception, 0);
        trace.push("\n");
    }
}

fn one(trace: &mut Trace<'_>, exception: &Exception, depth: usize) {
    trace.push(match exception.type_name.as_str() {
        "" => "<unknown>",
        name => name,
    });
    match message(exception) {
        Some(said) if !said.is_empty() => {
            trace.push(": ");
            trace.push(&said);
        }
        _ => {}
    }
    let inner = exception.cause.filter(|_| depth < DEEPEST);
    if let Some(inner) = inner.and_then(|index| trace.take(index)) {
        trace.push("\n ---> ");
        one(trace, inner, depth + 1);
        trace.push("\n   --- End of inner exception stack trace ---");
    }
    for step in trace.frames(exception) {
        trace.push("\n   ");
        match step {
            Step::Frame(_, frame) => {
                trace.push("at ");
                trace.push(&qualified(frame, "."));
                trace.push(&place(frame));
            }
            Step::Gap(gap) => trace.push(&format!("... {}", missing(gap))),
        }
        if trace.is_full() {
            return;
        }
    }
    for (position, &member) in exception.members.iter().enumerate() {
        if depth >= DEEPEST {
            break;
        }
        if let Some(member) = trace.take(member) {
            trace.push(&format!("\n ---> (Inner Exception #{position}) "));
            one(trace, member, depth + 1);
            trace.push("<---\n");
        }
    }
}

/// ` in /src/Cart.cs:line 42`
fn place(frame: &Frame) -> String {
    let call = if frame.function.ends_with(')') {
        ""
    } else {
        "()"
    };
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{call} in {file}:line {line}"),
        (Some(file), None) => format!("{call} in {file}"),
        (None, _) => call.to_owned(),
    }
}
