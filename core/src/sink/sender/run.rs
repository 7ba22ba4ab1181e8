//! The thread's loop: load a batch, make a request, do what the answer means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::back_off::BackOff;
use super::{Asked, Control};
use crate::engine::now_ns;
use crate::sink::http::{Answer, Client, Http, HttpError, HttpErrorKind, Request};
use crate::sink::outbox::{Batched, Outbox, Reader};
use crate::sink::wire::{Batch, Bounds, Protocol, Trouble, Verdict};
use crate::stats::count;

/// How long a batch may wait for more.
const LINGER: Duration = Duration::from_millis(200);
/// How often the folder is looked at for what other processes wrote or left.
const LOOK: Duration = Duration::from_secs(1);
/// After such a pause, another process may be the one that sends.
const LONG: Duration = Duration::from_secs(8);
/// Least time for a request.
const LEAST_TIME: Duration = Duration::from_millis(10);
/// Longest text of an answer in a message.
const LONGEST_WHY: usize = 300;

/// The thread's own state.
pub(super) struct Run {
    protocol: Box<dyn Protocol>,
    client: Arc<Client>,
    outbox: Arc<Outbox>,
    reader: Reader,
    control: Arc<Control>,
    outage: Option<Outage>,
    /// Most items of the next batch, after the destination found one too large.
    cap: usize,
    /// The destination was not what it should be, and has taken nothing since: a single item is enough to try.
    probing: bool,
    /// Requests in a row that were sent elsewhere.
    elsewhere: u32,
    /// The last request was cut off and made again at once.
    cut_off: bool,
    /// When the last request was made.
    sent_at: Option<Instant>,
    /// Causes that were told.
    told: Vec<String>,
}

/// It does not work now.
struct Outage {
    since: Instant,
    retry_at: Instant,
    back_off: BackOff,
    /// Whether a person was told.
    told: bool,
}

/// What the loop does next.
enum Next {
    /// Look again at once.
    Go,
    Stop,
}

impl Run {
    pub(super) fn new(
        protocol: Box<dyn Protocol>,
        client: Arc<Client>,
        outbox: Arc<Outbox>,
        reader: Reader,
        control: Arc<Control>,
    ) -> Self {
        Self {
            protocol,
            client,
            outbox,
            reader,
            control,
            outage: None,
            cap: usize::MAX,
            probing: false,
            elsewhere: 0,
            cut_off: false,
            sent_at: None,
            told: Vec::new(),
        }
    }

    /// Runs until it is asked to stop. An error is a panic.
    pub(super) fn run(mut self) -> Result<(), ()> {
        let outcome = catch_unwind(AssertUnwindSafe(|| while let Next::Go = self.step() {}));
        self.reader.release();
        outcome.map_err(drop)
    }

    fn step(&mut self) -> Next {
        let (settles, urgent, stop_by) = {
            let asked = self.control.asked.lock();
            (asked.settles, asked.settles > asked.settled, asked.stop_by)
        };
        if stop_by.is_some_and(|by| Instant::now() >= by) {
            return Next::Stop;
        }
        if let Some(outage) = &self.outage
            && Instant::now() < outage.retry_at
        {
            // What is in files waits for the next process; what is not gets one more chance.
            let last_chance = stop_by.is_some() && self.outbox.memory_waits();
            if stop_by.is_some() && !last_chance {
                return Next::Stop;
            }
            if !last_chance {
                let retry_at = outage.retry_at;
                self.answer(settles);
                self.wait(retry_at, |asked| asked.settles > asked.settled);
                return Next::Go;
            }
        }
        if !urgent
            && stop_by.is_none()
            && let Some(sent_at) = self.sent_at
            && sent_at.elapsed() < LINGER
        {
            self.wait(sent_at + LINGER, |asked| asked.settles > asked.settled);
            return Next::Go;
        }
        let bounds = self.protocol.bounds();
        let most = if self.probing { 1 } else { self.cap };
        let bounds = Bounds {
            items: bounds.items.min(most).max(1),
            ..bounds
        };
        match self.reader.load(bounds) {
            Some(batch) => {
                let failed = self.outage.is_some();
                self.deliver(batch, stop_by);
                // One more chance is one.
                if failed && self.outage.is_some() && stop_by.is_some() {
                    return Next::Stop;
                }
            }
            None => {
                self.answer(settles);
                if stop_by.is_some() {
                    return Next::Stop;
                }
                let news = self.wait(Instant::now() + LOOK, |asked| {
                    asked.news || asked.settles > asked.settled
                });
                if news {
                    // The first of several, probably.
                    self.sent_at = Some(Instant::now());
                }
            }
        }
        Next::Go
    }

    /// Answers those who had asked that all be sent before this step began: it is, or cannot be now.
    fn answer(&self, settles: u64) {
        let mut asked = self.control.asked.lock();
        asked.settled = settles;
        self.control.answered.notify_all();
    }

    /// Waits until something is asked that `matters`, or `until`. Whether something new was written.
    fn wait(&self, until: Instant, matters: impl Fn(&Asked) -> bool) -> bool {
        let mut asked = self.control.asked.lock();
        let mut late = false;
        while !late && asked.stop_by.is_none() && !matters(&asked) {
            (asked, late) = self.control.changed.wait_until(asked, until);
        }
        std::mem::take(&mut asked.news)
    }

    fn deliver(&mut self, batch: Batched, stop_by: Option<Instant>) {
        let sent_at = Instant::now();
        // The next may go at once if this one was full.
        self.sent_at = (!batch.full).then_some(sent_at);
        let http = Timed {
            client: &self.client,
            by: stop_by,
        };
        let items = batch.items();
        let asked = Batch {
            route: batch.route(),
            items: &items,
        };
        let request = match self.protocol.request(&asked, &http) {
            Ok(request) => request,
            Err(trouble) => {
                self.reader.settle(batch, 0);
                self.elsewhere = 0;
                return match trouble {
                    Trouble::Http(error) => self.failed(&error.why, None, is_lasting(&error)),
                    Trouble::Unsupported(why) => self.failed(&why, None, true),
                };
            }
        };
        drop(items);
        match http.send(&request) {
            Ok(answer) => {
                self.cut_off = false;
                let verdict = self.protocol.judge(&answer);
                self.settle(batch, verdict, &answer);
            }
            Err(error) => {
                let items = batch.len();
                self.reader.settle(batch, 0);
                // A connection that was idle may be closed just when it is used again, which is no failure of anybody.
                if error.kind == HttpErrorKind::Closed && !self.cut_off {
                    self.cut_off = true;
                    self.sent_at = None;
                    count(&self.outbox.counters.retries, 1);
                } else {
                    // Perhaps it is more than the connection takes in that time, or than the other side wants to read.
                    if matches!(error.kind, HttpErrorKind::Timeout | HttpErrorKind::Closed)
                        && stop_by.is_none()
                    {
                        self.cap = (items / 2).max(1);
                    }
                    self.failed(&error.why, None, is_lasting(&error));
                }
            }
        }
    }

    /// Does what an answer means.
    fn settle(&mut self, batch: Batched, verdict: Verdict, answer: &Answer) {
        let items = batch.len();
        let counters = Arc::clone(&self.outbox.counters);
        let elsewhere = std::mem::take(&mut self.elsewhere);
        match verdict {
            Verdict::Delivered => {
                self.reader.settle(batch, items);
                self.works(items as u64);
            }
            Verdict::Partly { rejected, why } => {
                self.reader.settle(batch, items);
                let rejected = rejected.min(items as u64);
                self.rejected(rejected, &format!("it does not take all: {}", plain(&why)));
                self.works(items as u64 - rejected);
            }
            Verdict::Retry { after } => {
                self.reader.settle(batch, 0);
                self.failed(&format!("it answers {}", answer.status), after, false);
            }
            Verdict::Elsewhere => {
                self.reader.settle(batch, 0);
                self.elsewhere = elsewhere + 1;
                if self.elsewhere > 2 {
                    self.elsewhere = 0;
                    self.failed(&format!("it answers {}", answer.status), None, false);
                } else {
                    self.sent_at = None;
                }
            }
            Verdict::Wrong { why } => {
                self.reader.settle(batch, 0);
                self.probing = true;
                self.failed(&why, None, true);
            }
            Verdict::Split if items > 1 => {
                self.reader.settle(batch, 0);
                count(&counters.retries, 1);
                self.cap = items / 2;
                self.sent_at = None;
            }
            Verdict::Split => {
                self.reader.settle(batch, items);
                self.rejected(1, "a single snapshot is larger than it takes");
                self.reachable();
            }
            Verdict::Refused { why } => {
                self.reader.settle(batch, items);
                self.rejected(
                    items as u64,
                    &format!("it refuses snapshots: {}", plain(&why)),
                );
                self.reachable();
            }
        }
    }

    /// Items were taken.
    fn works(&mut self, items: u64) {
        self.probing = false;
        let counters = &self.outbox.counters;
        count(&counters.sent, items);
        counters.last_sent_ns.store(now_ns(), Relaxed);
        self.reachable();
    }

    /// It answers, whatever it says.
    fn reachable(&mut self) {
        // After a batch that was too large, a little more is tried each time.
        self.cap = self.cap.saturating_add(self.cap / 8).saturating_add(1);
        if let Some(outage) = self.outage.take()
            && outage.told
        {
            self.told.clear();
            let waiting = self.outbox.counters.waiting.load(Relaxed);
            let rest = match waiting {
                0 => String::new(),
                1 => "; 1 item still waits".to_owned(),
                n => format!("; {n} items still wait"),
            };
            self.tell(&format!(
                "works again after {}{rest}",
                spell(outage.since.elapsed())
            ));
        }
    }

    /// Items are lost.
    fn rejected(&mut self, items: u64, why: &str) {
        if items == 0 {
            return;
        }
        let counters = &self.outbox.counters;
        count(&counters.rejected, items);
        *counters.failure.lock() = Some((why.to_owned(), now_ns()));
        self.tell_once(why);
    }

    /// The request must be made again, later.
    fn failed(&mut self, why: &str, after: Option<Duration>, lasting: bool) {
        // At the end of the process a request is cut short, which says nothing about the destination.
        let stop_by = self.control.asked.lock().stop_by;
        let ended = stop_by.is_some_and(|by| Instant::now() >= by);
        let counters = Arc::clone(&self.outbox.counters);
        count(&counters.retries, 1);
        if !ended {
            *counters.failure.lock() = Some((why.to_owned(), now_ns()));
        }
        let now = Instant::now();
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: now,
            retry_at: now,
            back_off: BackOff::default(),
            told: false,
        });
        let pause = match lasting {
            true => outage.back_off.longest(),
            false => outage.back_off.next(after),
        };
        outage.retry_at = now.checked_add(pause).unwrap_or(now);
        self.sent_at = None;
        // Perhaps it is this process that cannot: another one may try meanwhile.
        if pause > LONG {
            self.reader.release();
        }
        if !ended {
            let told = self.tell_once(&format!("{why}; what is to be sent waits"));
            if let Some(outage) = &mut self.outage {
                outage.told |= told;
            }
        }
    }

    fn tell_once(&mut self, what: &str) -> bool {
        if self.told.iter().any(|known| known == what) {
            return false;
        }
        // Messages quote the destination, which may find new words each time.
        if self.told.len() < 16 {
            self.told.push(what.to_owned());
            self.tell(what);
            return true;
        }
        false
    }

    fn tell(&self, what: &str) {
        let (name, address) = (self.protocol.name(), self.outbox.counters.address());
        (self.outbox.tell)(&format!("{name}, {address}: {what}"));
    }
}

/// Whether trying again soon is of no use.
fn is_lasting(error: &HttpError) -> bool {
    matches!(error.kind, HttpErrorKind::Setup | HttpErrorKind::Tls)
}

/// What somebody else wrote, fit for one line.
fn plain(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_WHY)
        .collect()
}

/// A time for people: `40 s`, `3 min`, `2 h`.
fn spell(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A client whose requests end when the process does.
struct Timed<'c> {
    client: &'c Client,
    by: Option<Instant>,
}

impl Http for Timed<'_> {
    fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let Some(by) = self.by else {
            return self.client.send(request);
        };
        let left = by.saturating_duration_since(Instant::now());
        let timeout = request.timeout.min(left).max(LEAST_TIME);
        self.client.send(&Request {
            timeout,
            ..request.clone()
        })
    }
}
