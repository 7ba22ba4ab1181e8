//! A backtrace as debuggers of C and C++ print it, below the error, and then the errors that led to it.

use super::{Step, Trace, message, missing};
use crate::snapshot::{Exception, Frame};

pub(super) fn write(trace: &mut Trace<'_>) {
    let mut waiting = vec![(0, "")];
    while let Some((index, caption)) = waiting.pop() {
        let Some(exception) = trace.take(index) else {
            continue;
        };
        trace.push(caption);
        one(trace, exception);
        let members = exception.members.iter().rev();
        waiting.extend(members.map(|&member| (member, "with: ")));
        waiting.extend(exception.cause.map(|cause| (cause, "caused by: ")));
    }
}

fn one(trace: &mut Trace<'_>, exception: &Exception) {
    let name = match exception.type_name.as_str() {
        "" => "<unknown>",
        name => name,
    };
    trace.push(name);
    match message(exception) {
        Some(said) if !said.is_empty() => {
            trace.push(": ");
            trace.push(&said);
        }
        _ => {}
    }
    trace.push("\n");
    let mut number = 0;
    for step in trace.frames(exception) {
        match step {
            Step::Frame(_, frame) => {
                trace.push(&format!("#{number:<2} {}\n", place(frame)));
                number += 1;
            }
            Step::Gap(gap) => {
                trace.push(&format!("    ({})\n", missing(gap)));
                number += gap.count.unwrap_or(0) as usize;
            }
        }
        if trace.is_full() {
            return;
        }
    }
}

/// `convert () at /src/shop.c:12`, or `from` a library where the line is not known.
fn place(frame: &Frame) -> String {
    let function = match frame.function.as_str() {
        "" => "??",
        function => function,
    };
    let call = if function.ends_with(')') { "" } else { " ()" };
    match (&frame.file, frame.line, &frame.module) {
        (Some(file), Some(line), _) => format!("{function}{call} at {file}:{line}"),
        (Some(file), None, _) => format!("{function}{call} at {file}"),
        (None, _, Some(module)) => format!("{function}{call} from {module}"),
        (None, _, None) => format!("{function}{call}"),
    }
}
