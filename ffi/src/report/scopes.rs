//! Which frame an open scope belongs to, and whether it still runs.
//!
//! A scope that was left by `longjmp`, or that lies on the stack of a coroutine that does not run, is still among the thread's. It is known
//! by its frame: a function's frame begins at one address while it runs, and unwinding tells at which addresses the running ones begin.
//! That a record was overwritten since is seen by its own members.

use super::layout::{OPEN_SCOPES, Open, Place, Scope, stillframe_thread};
use super::memory::Memory;
use super::stack::Stack;

/// A scope that runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenScope {
    pub(crate) cfa: u64,
    /// Where its record is.
    pub(crate) at: usize,
    pub(crate) place: Place,
    pub(crate) vars: usize,
}

/// The scopes of one thread that run, the newest first.
pub(crate) struct Scopes {
    scopes: Box<[OpenScope; OPEN_SCOPES]>,
    count: usize,
}

impl Scopes {
    pub(crate) fn new() -> Self {
        Self {
            scopes: Box::new([OpenScope::default(); OPEN_SCOPES]),
            count: 0,
        }
    }

    pub(crate) fn all(&self) -> &[OpenScope] {
        &self.scopes[..self.count]
    }

    /// Those of a frame.
    pub(crate) fn of(&self, cfa: u64) -> &[OpenScope] {
        let from = self.all().iter().position(|scope| scope.cfa == cfa);
        let rest = &self.all()[from.unwrap_or(self.count)..];
        let end = rest.iter().position(|scope| scope.cfa != cfa);
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Reads a thread's scopes, those that run. `thread` is null or the record of a thread that stands still while this is done.
    pub(crate) fn collect(
        &mut self,
        thread: *const stillframe_thread,
        stack: &Stack,
        memory: &mut Memory,
    ) {
        self.count = 0;
        if thread.is_null() {
            return;
        }
        // SAFETY: not null, so the record of a thread that lives: it is the one that this runs on.
        let depth = unsafe { (&raw const (*thread).depth).read_volatile() };
        let oldest = depth.saturating_sub(OPEN_SCOPES as u64);
        for number in (oldest..depth).rev() {
            let seat = number as usize % OPEN_SCOPES;
            // SAFETY: as above; the seat is one of the record's.
            let Open {
                cfa,
                caller,
                scope: at,
            } = unsafe { (&raw const (*thread).open[seat]).read_volatile() };
            if !runs(cfa as u64, caller as u64, stack) {
                continue;
            }
            let Some(scope) = memory.get::<Scope>(at) else {
                continue;
            };
            let is_whole = scope.thread == thread.addr() && scope.depth == number;
            let place = memory.get::<Place>(scope.place);
            let (true, Some(place)) = (is_whole, place) else {
                continue;
            };
            self.scopes[self.count] = OpenScope {
                cfa: cfa as u64,
                at,
                place,
                vars: scope.vars,
            };
            self.count += 1;
        }
    }
}

/// Whether a frame runs that begins there and returns there. Where unwinding ended early, those outside of what it saw may.
fn runs(cfa: u64, caller: u64, stack: &Stack) -> bool {
    let frames = stack.frames();
    let at = frames.iter().position(|frame| frame.cfa == cfa);
    if let Some(at) = at {
        let outer = frames.get(at + 1);
        return outer.is_none_or(|outer| outer.address == caller);
    }
    let seen = frames.iter().map(|frame| frame.cfa).max().unwrap_or(0);
    !stack.is_whole && cfa > seen
}
