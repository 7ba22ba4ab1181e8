//! Python's traceback: what led to the error first, the raising frame last, groups as a tree, drawn as the `traceback` module does.

use super::{Step, Trace, message, missing, source_line};
use crate::snapshot::Exception;

const CAUSE: &str = "The above exception was the direct cause of the following exception:";
const CONTEXT: &str = "During handling of the above exception, another exception occurred:";
/// Groups inside one another that are drawn.
const DEEPEST: usize = 10;
/// Members of a group that are drawn.
const WIDEST: usize = 15;

/// Where in the tree of groups the trace is.
struct Tree<'t, 's> {
    trace: &'t mut Trace<'s>,
    depth: usize,
    /// The line that closes the innermost group is still to be drawn.
    open: bool,
}

pub(super) fn write(trace: &mut Trace<'_>) {
    let mut tree = Tree {
        trace,
        depth: 0,
        open: false,
    };
    tree.chain(0);
}

impl Tree<'_, '_> {
    fn indent(&self) -> String {
        " ".repeat(2 * self.depth)
    }

    fn emit(&mut self, text: &str) {
        let before = match self.depth {
            0 => String::new(),
            _ => self.indent() + "| ",
        };
        self.trace.push_lines(&before, text);
    }

    /// An exception after what led to it.
    fn chain(&mut self, index: u32) {
        let mut chain = Vec::new();
        let mut next = Some(index);
        while let Some(exception) = next.and_then(|index| self.trace.take(index)) {
            chain.push(exception);
            next = exception.cause;
        }
        for position in (0..chain.len()).rev() {
            self.exception(chain[position]);
            if let Some(later) = position.checked_sub(1) {
                let is_cause = chain[later].cause_kind.as_deref() == Some("cause");
                let between = if is_cause { CAUSE } else { CONTEXT };
                self.emit(&format!("\n{between}\n"));
            }
        }
    }

    fn exception(&mut self, exception: &Exception) {
        let is_group = !exception.members.is_empty();
        let is_top = is_group && self.depth == 0;
        let steps = self.trace.frames(exception);
        if is_top {
            self.depth = 1;
        }
        if !steps.is_empty() {
            let group = if is_group { "Exception Group " } else { "" };
            let title = format!("{group}Traceback (most recent call last):");
            if is_top {
                self.trace.push_lines("  + ", &title);
            } else {
                self.emit(&title);
            }
        }
        for step in steps.iter().rev() {
            self.step(step);
            if self.trace.is_full() {
                return;
            }
        }
        self.emit(&last_line(exception));
        for note in &exception.notes {
            if let Some(text) = &note.value {
                self.emit(&text.to_string());
            }
        }
        self.members(exception);
        if is_top {
            self.depth = 0;
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        let frame = match step {
            Step::Gap(gap) => return self.emit(&format!("  [{}]", missing(gap))),
            Step::Frame(_, frame) => frame,
        };
        let file = frame.file.as_deref().unwrap_or("<unknown>");
        let line = frame
            .line
            .map_or_else(|| "?".to_owned(), |line| line.to_string());
        let function = match frame.function.as_str() {
            "" => "<unknown>",
            function => function,
        };
        self.emit(&format!("  File \"{file}\", line {line}, in {function}"));
        if let Some(source) = source_line(frame) {
            self.emit(&format!("    {source}"));
        }
    }

    fn members(&mut self, group: &Exception) {
        let shown = group.members.len().min(WIDEST + 1);
        if shown == 0 {
            return;
        }
        if self.depth > DEEPEST {
            let groups = format!("... (max_group_depth is {DEEPEST})");
            return self.emit(&groups);
        }
        self.open = false;
        for (position, &member) in group.members.iter().enumerate().take(shown) {
            let is_last = position + 1 == shown;
            if is_last {
                self.open = true;
            }
            let branch = if position == 0 { "+-" } else { "  " };
            let title = match position {
                WIDEST => "...".to_owned(),
                _ => (position + 1).to_string(),
            };
            let line = format!("{branch}+---------------- {title} ----------------");
            let indent = self.indent();
            self.trace.push_lines(&indent, &line);
            self.depth += 1;
            if position == WIDEST {
                let more = group.members.len() - WIDEST;
                let plural = if more > 1 { "s" } else { "" };
                self.emit(&format!("and {more} more exception{plural}"));
            } else {
                self.chain(member);
            }
            if is_last && std::mem::take(&mut self.open) {
                let indent = self.indent();
                self.trace
                    .push_lines(&indent, "+------------------------------------");
            }
            self.depth -= 1;
            if self.trace.is_full() {
                return;
            }
        }
    }
}

/// `shop.errors.LookupFailed: no rate`
fn last_line(exception: &Exception) -> String {
    let name = match exception.type_name.as_str() {
        "" => "<unknown>",
        name => name,
    };
    match message(exception) {
        Some(said) if !said.is_empty() => format!("{name}: {said}"),
        _ => name.to_owned(),
    }
}
