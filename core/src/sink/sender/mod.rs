//! The sender: one thread per destination, which delivers what waits in its outbox.
//!
//! The thread starts with the first item (or when a dead process left some), takes no signals, and gets the time that the program
//! leaves. It waits a fifth of a second for a batch to fill, keeps one connection open, and after a failure rests for a random part of a
//! pause that doubles from 1 to 60 seconds. What a person should know is told once for each cause, and once when it works again.
//!
//! Nothing waits for it but [`Sender::settle_by`] and [`Sender::stop`], and those only until their deadline.

mod back_off;
mod by_hand;
mod run;

use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use crate::lock::{Condvar, Mutex};

pub use self::by_hand::{Delivery, send_waiting};

use self::run::Run;
use super::http::Client;
use super::outbox::{Outbox, Reader};
use super::wire::Protocol;
use crate::background;

/// Bytes of the thread's stack. TLS handshakes are the deepest that it does.
const STACK: usize = 1 << 20;

/// The handle of one destination's thread.
pub(crate) struct Sender {
    name: &'static str,
    control: Arc<Control>,
    client: Arc<Client>,
    outbox: Arc<Outbox>,
    /// Until the thread starts.
    protocol: Mutex<Option<Box<dyn Protocol>>>,
    /// Called if the thread panics.
    panicked: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What others ask of the thread, and what it answers.
#[derive(Default)]
struct Control {
    asked: Mutex<Asked>,
    /// Something was asked.
    changed: Condvar,
    /// Something was answered.
    answered: Condvar,
}

#[derive(Default)]
struct Asked {
    /// Something was written since the thread last looked.
    news: bool,
    /// How often somebody asked that all be sent at once, and how often that was done, or found not to be possible now.
    settles: u64,
    settled: u64,
    stop_by: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    NotStarted,
    Runs,
    Ended,
}

impl Sender {
    pub(crate) fn new(
        protocol: Box<dyn Protocol>,
        client: Client,
        outbox: Arc<Outbox>,
        panicked: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            name: protocol.name(),
            control: Arc::default(),
            client: Arc::new(client),
            outbox,
            protocol: Mutex::new(Some(protocol)),
            panicked,
        }
    }

    /// Says that something waits, and starts the thread if it does not run.
    pub(crate) fn wake(&self) {
        let mut asked = self.control.asked.lock();
        asked.news = true;
        match asked.state {
            State::NotStarted => {
                asked.state = State::Runs;
                drop(asked);
                self.start();
            }
            State::Runs => {
                self.control.changed.notify_one();
            }
            State::Ended => {}
        }
    }

    #[cold]
    fn start(&self) {
        let Some(protocol) = self.protocol.lock().take() else {
            return;
        };
        let run = Run::new(
            protocol,
            Arc::clone(&self.client),
            Arc::clone(&self.outbox),
            Reader::new(Arc::clone(&self.outbox)),
            Arc::clone(&self.control),
        );
        let (control, panicked) = (Arc::clone(&self.control), Arc::clone(&self.panicked));
        let started = background::spawn(&format!("stillframe-{}", self.name), STACK, move || {
            if run.run().is_err() {
                panicked();
            }
            let mut asked = control.asked.lock();
            asked.state = State::Ended;
            control.answered.notify_all();
        });
        if let Err(error) = started {
            (self.outbox.tell)(&format!(
                "cannot start the thread that sends ({error}): what is stored is sent by the next process"
            ));
            self.control.asked.lock().state = State::Ended;
        }
    }

    /// Has all that waits sent at once, and waits until that is done, cannot be done now, or `deadline` has passed. Whether nothing
    /// would be lost if the process ended here: all was sent, or waits in files.
    pub(crate) fn settle_by(&self, deadline: Instant) -> bool {
        let mut asked = self.control.asked.lock();
        if asked.state == State::Runs {
            asked.settles += 1;
            let mine = asked.settles;
            self.control.changed.notify_one();
            let over = |asked: &Asked| asked.settled >= mine || asked.state != State::Runs;
            asked = self.wait_until(asked, deadline, over);
        }
        drop(asked);
        !self.outbox.memory_waits()
    }

    /// Has the thread send what it can by `deadline` and end. Returns at once; [`Sender::wait_until_ended`] waits.
    pub(crate) fn stop(&self, deadline: Instant) {
        let mut asked = self.control.asked.lock();
        asked.stop_by = Some(deadline);
        if asked.state == State::NotStarted {
            asked.state = State::Ended;
        }
        self.control.changed.notify_one();
    }

    /// Waits for the end that [`Sender::stop`] asked for, and at its deadline cuts short whatever the thread waits for. Whether nothing
    /// is lost.
    pub(crate) fn wait_until_ended(&self, deadline: Instant) -> bool {
        let asked = self.control.asked.lock();
        drop(self.wait_until(asked, deadline, |asked| asked.state != State::Runs));
        self.client.close();
        self.outbox.give_up_memory() == 0
    }

    fn wait_until<'a>(
        &self,
        mut asked: MutexGuard<'a, Asked>,
        deadline: Instant,
        over: impl Fn(&Asked) -> bool,
    ) -> MutexGuard<'a, Asked> {
        let mut late = false;
        while !late && !over(&asked) {
            (asked, late) = self.control.answered.wait_until(asked, deadline);
        }
        asked
    }

    /// Whether something waits that other processes wrote.
    pub(crate) fn has_left_over(&self) -> bool {
        self.outbox.is_in_use()
    }

    /// In a forked child: gives up what only the parent may use.
    pub(crate) fn leave_to_parent(&self) {
        self.outbox.leave_to_parent();
    }
}
