//! Java's stack trace: the captured exception first, then what it suppressed and what caused it; frames that a cause shares with what it
//! caused are counted, not repeated.

use super::{Step, Trace, message, missing, qualified};
use crate::snapshot::{Exception, Frame};

pub(super) fn write(trace: &mut Trace<'_>) {
    let mut next = Some((0, String::new()));
    let mut enclosing: Vec<Step<'_>> = Vec::new();
    while let Some((index, caption)) = next.take() {
        let Some(exception) = trace.take(index) else {
            return;
        };
        let steps = trace.frames(exception);
        one(trace, exception, &caption, "", &steps, &enclosing);
        next = exception
            .cause
            .map(|cause| (cause, "Caused by: ".to_owned()));
        enclosing = steps;
    }
}

/// One exception and what it suppressed.
fn one<'s>(
    trace: &mut Trace<'s>,
    exception: &'s Exception,
    caption: &str,
    indent: &str,
    steps: &[Step<'s>],
    enclosing: &[Step<'s>],
) {
    let mut title = format!("{caption}{}", name(exception));
    if let Some(said) = message(exception) {
        title.push_str(": ");
        title.push_str(&said);
    }
    trace.push(indent);
    trace.push(&title);
    trace.push("\n");
    let shared = shared(steps, enclosing);
    for step in &steps[..steps.len() - shared] {
        trace.push(indent);
        match step {
            Step::Frame(_, frame) => {
                trace.push("\tat ");
                trace.push(&qualified(frame, "."));
                trace.push(&place(frame));
            }
            Step::Gap(gap) => trace.push(&format!("\t... {}", missing(gap))),
        }
        trace.push("\n");
        if trace.is_full() {
            return;
        }
    }
    if shared > 0 {
        trace.push(&format!("{indent}\t... {shared} more\n"));
    }
    for &member in &exception.members {
        let (mut index, mut caption) = (member, "Suppressed: ");
        let inner = format!("{indent}\t");
        let mut around = steps.to_vec();
        while let Some(suppressed) = (inner.len() < 16).then(|| trace.take(index)).flatten() {
            let steps = trace.frames(suppressed);
            one(trace, suppressed, caption, &inner, &steps, &around);
            around = steps;
            let Some(cause) = suppressed.cause else { break };
            (index, caption) = (cause, "Caused by: ");
        }
    }
}

fn name(exception: &Exception) -> &str {
    match exception.type_name.as_str() {
        "" => "<unknown>",
        name => name,
    }
}

/// `(Cart.java:42)`
fn place(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("({file}:{line})"),
        (Some(file), None) => format!("({file})"),
        (None, _) => "(Unknown Source)".to_owned(),
    }
}

/// How many of the outermost frames are those of the exception around it.
fn shared(steps: &[Step<'_>], enclosing: &[Step<'_>]) -> usize {
    let pairs = steps.iter().rev().zip(enclosing.iter().rev());
    pairs.take_while(|(one, other)| is_same(one, other)).count()
}

fn is_same(one: &Step<'_>, other: &Step<'_>) -> bool {
    let place = |frame: &Frame| (frame.file.clone(), frame.line);
    match (one, other) {
        (Step::Frame(_, one), Step::Frame(_, other)) => {
            one.function == other.function
                && one.module == other.module
                && place(one) == place(other)
        }
        _ => false,
    }
}
