//! Printing: results to standard output, remarks to standard error.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::render::{Line, Page, Style, Terminal};
use crate::store::Progress;

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Output {
    stdout: Terminal,
    stderr: Terminal,
    interactive: bool,
}

impl Output {
    /// The streams of this process.
    pub(super) fn of_process() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        Self {
            stdout: Terminal::detect(&io::stdout(), variable),
            stderr: Terminal::detect(&io::stderr(), variable),
            interactive: io::IsTerminal::is_terminal(&io::stderr()),
        }
    }

    /// The terminal that results go to, `width` columns wide if somebody said so.
    pub(super) fn terminal(&self, width: Option<usize>) -> Terminal {
        Terminal {
            width: width.unwrap_or(self.stdout.width),
            ..self.stdout
        }
        .within_reason()
    }

    /// Prints a result.
    ///
    /// # Errors
    ///
    /// It could not be written, for another reason than that nobody reads it any more.
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write the result: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints plain data.
    pub(super) fn json<T: serde::Serialize>(&self, value: &T) -> Result<ExitCode, Failure> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(format!("cannot write the result as JSON: {error}")))?;
        text.push('\n');
        self.print(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Says something about the result.
    pub(super) fn remark(&self, text: &str) {
        let mut page = Page::new(&self.stderr);
        page.wrapped(Line::of(Style::Dim, &format!("stillframe: {text}")), 2);
        self.say(&page);
    }

    /// Says why there is no result.
    pub(super) fn error(&self, failure: &Failure) {
        let mut page = Page::new(&self.stderr);
        let mut line = Line::of(Style::Error, "stillframe: ");
        line.push(Style::Plain, &failure.what);
        page.wrapped(line, 2);
        for quoted in &failure.quoted {
            let mut line = Line::default();
            page.line(line.space(4).push(Style::Plain, quoted).clone());
        }
        for advice in &failure.advice {
            let mut line = Line::default();
            line.space(2).push(Style::Plain, advice);
            page.wrapped(line, 4);
        }
        self.say(&page);
    }

    fn say(&self, page: &Page<'_>) {
        // There is nobody left to tell if this fails.
        let _ = io::stderr().lock().write_all(page.render().as_bytes());
    }

    /// Tells how far the reading of the store has come, where somebody watches.
    pub(super) fn progress(&self) -> Watch {
        self.watch("reading the store")
    }

    /// Tells how far work has come, where somebody watches.
    pub(super) fn watch(&self, what: &'static str) -> Watch {
        Watch {
            what,
            began: Instant::now(),
            told: None,
            interactive: self.interactive,
        }
    }
}

/// Progress of long work: silent unless it takes long.
pub(super) struct Watch {
    what: &'static str,
    began: Instant,
    told: Option<Instant>,
    interactive: bool,
}

impl Watch {
    const PATIENCE: Duration = Duration::from_millis(700);
    const EVERY: Duration = Duration::from_millis(200);

    fn write(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

impl Progress for Watch {
    fn read(&mut self, done: u64, total: u64) {
        if !self.interactive || self.began.elapsed() < Self::PATIENCE {
            return;
        }
        if self.told.is_none_or(|told| told.elapsed() >= Self::EVERY) {
            self.told = Some(Instant::now());
            let percent = (done.saturating_mul(100)).checked_div(total).unwrap_or(100);
            self.write(&format!("\r{}: {percent} % ", self.what));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.told.is_some() {
            self.write(&format!("\r{}\r", " ".repeat(self.what.len() + 8)));
        }
    }
}
