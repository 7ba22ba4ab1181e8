//! The gate: may this exception be captured now?
//!
//! The first stage, on the raising thread, for every exception that a host sees. It refuses as early as it can; a refusal is an
//! outcome, counted by reason, not an error. It takes no lock, allocates nothing, and never waits.
//!
//! ```text
//! host ── refuse_early ── site hash ── admit ──────────────────────────────────────────────────▶ Permit ── walk
//!            │                           │ disabled?  closed?  deeper?  site table   rules   token
//!            ▼ 0.5 ns                    ▼ loads, one clock read                         one CAS
//!         disabled, closed           refused: site, rate, rule, reentrant
//! ```
//!
//! # What is admitted
//!
//! * **One capture a second** per process, from the *global* bucket.
//! * **New errors first**: a site that was never captured may also draw from a *novelty reserve* (5 tokens, one more each second),
//!   so a flood of one error cannot hide another one. An error that is only reached by a new path (same class and raising frame, other
//!   callers) may not take the last two tokens of the reserve: a flood through ever new paths leaves them to real news.
//! * **Each site** by a schedule: three captures at once, then six every ten minutes, then one an hour. It is checked before
//!   a token is taken, so a site that has had its share costs the others nothing.
//! * **Deeper next time** ([`Gate::request_deeper`]): the next exception of that origin is captured whatever schedule and buckets say.
//! * **Explicit calls** ([`Gate::admit_explicit`]) are not limited.
//!
//! A site is remembered when it is captured, not when it is refused: an error that found no token is still new the next time.
//!
//! # The closed gate
//!
//! When an exception finds the global bucket and the whole reserve empty, nothing can be admitted for a while, and the
//! gate closes: from then on [`Gate::refuse_early`] refuses with one relaxed load, before the host hashes anything. It stays open
//! while the reserve has a token, because the next exception may be new; a site that floods it is then refused by the table.
//! [`Gate::tick`], called by the engine's background thread, reopens it. A gate that nobody ticks does not close.
//!
//! # Costs
//!
//! `is_closed` 0.5 ns; `refuse_early` with its count about 4 ns; a refusal by the table about 12 ns, most of it the
//! clock; hashing a site less than 1 ns per frame (`benches/gate.rs`).

mod bucket;
mod clock;
mod closed;
mod deeper;
mod permit;
mod rules;
mod schedule;
mod site;
mod site_table;

use std::cell::LazyCell;
use std::sync::Arc;
use std::time::Duration;

pub use bucket::Bucket;
pub use clock::{Clock, CoarseClock, ManualClock};
pub use closed::{ClosedFlag, FlagState};
pub use deeper::{Depth, NamedOrigin};
pub use permit::{Permit, is_capturing};
pub use rules::ExcludeRule;
pub use site::{Raised, SiteHash, SiteHasher};
pub use site_table::{Found, Inserted, SiteInfo, SiteTable, State};

use crate::stats::{Counter, Outcome, Stats};
use crate::sync::{AtomicU64, Ordering, fence};
use deeper::Requests;
use rules::Rules;
use schedule::Schedule;

/// Tokens of the reserve that are left to errors whose class and raising frame were never captured.
const KEPT_FOR_NEW_ORIGINS: u32 = 2;
/// A gate that was not ticked for this long does not close: nobody would reopen it.
const TICK_LEASE: u64 = 1_000_000_000;

/// What the gate admits. `Default` is what the module's page says.
#[derive(Debug, Clone, PartialEq)]
pub struct GateConfig {
    /// Whether anything is admitted at all.
    pub enabled: bool,
    /// Captures per second and process. 0: only from the reserve.
    pub rate_per_second: f64,
    /// Captures at once, after a quiet time.
    pub burst: u32,
    /// Size of the reserve for new sites. 0: no reserve.
    pub novelty_burst: u32,
    /// How many tokens the reserve gets back per second.
    pub novelty_per_second: f64,
    /// Captures of one site before the intervals begin, 1 to 4088.
    pub site_first: u32,
    /// Interval of the next six captures of a site.
    pub site_interval: Duration,
    /// Interval of all later ones.
    pub site_later_interval: Duration,
    /// Sites remembered; rounded up to a power of two.
    pub sites: usize,
    /// What is never captured.
    pub exclude: Vec<ExcludeRule>,
    /// The service that this process is, for [`ExcludeRule::service`].
    pub service: String,
    /// The environment that it runs in, for [`ExcludeRule::env`].
    pub env: String,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rate_per_second: 1.0,
            burst: 1,
            novelty_burst: 5,
            novelty_per_second: 1.0,
            site_first: 3,
            site_interval: Duration::from_secs(10 * 60),
            site_later_interval: Duration::from_secs(60 * 60),
            sites: 4096,
            exclude: Vec::new(),
            service: String::new(),
            env: String::new(),
        }
    }
}

/// What exclusion rules and requests by name ask about an exception. Known without reading any value of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteFacts<'a> {
    /// The full name of its type.
    pub type_name: &'a str,
    /// The module (or class) of its raising frame.
    pub module: &'a str,
    /// The own name of the function of that frame.
    pub function: &'a str,
}

/// The gate's answer.
#[derive(Debug)]
pub enum Admission {
    /// Capture it while the permit lives.
    Admitted(Permit),
    /// Leave it.
    Refused(Refusal),
}

impl Admission {
    /// The permit, if there is one.
    #[must_use]
    pub fn permit(self) -> Option<Permit> {
        match self {
            Self::Admitted(permit) => Some(permit),
            Self::Refused(_) => None,
        }
    }

    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Admitted(_) => None,
            Self::Refused(refusal) => Some(*refusal),
        }
    }
}

/// Why an exception is not captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Capturing is switched off.
    Disabled,
    /// The gate is closed: nothing can be admitted now.
    Closed,
    /// The site was captured often or recently enough.
    Site,
    /// No token is left.
    Rate,
    /// The exclusion rule at this position matches.
    Rule(u32),
    /// A capture runs on this thread.
    Reentrant,
}

impl Refusal {
    /// Under which word it is counted.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Disabled => Outcome::RefusedDisabled,
            Self::Closed => Outcome::RefusedClosed,
            Self::Site => Outcome::RefusedSite,
            Self::Rate => Outcome::RefusedRate,
            Self::Rule(_) => Outcome::RefusedRule,
            Self::Reentrant => Outcome::RefusedReentrant,
        }
    }
}

/// The gate of one engine. All methods may be called from any thread at any time.
///
/// ```
/// use std::sync::Arc;
/// use stillframe_core::gate::{Admission, Gate, GateConfig, ManualClock, SiteFacts, SiteHash};
/// use stillframe_core::stats::Stats;
///
/// let clock = ManualClock::default();
/// let gate = Gate::with(&GateConfig::default(), clock.clone(), Arc::new(Stats::new()));
/// let site = SiteHash::from_parts(1, 1);
/// let facts = SiteFacts { type_name: "ValueError", module: "shop.cart", function: "total" };
///
/// if gate.refuse_early().is_none() {
///     match gate.admit(site, &facts) {
///         Admission::Admitted(permit) => assert!(permit.is_novel()), // walk, then drop the permit
///         Admission::Refused(refusal) => panic!("{refusal:?}"),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Gate<C: Clock = CoarseClock> {
    flag: ClosedFlag,
    clock: C,
    schedule: Schedule,
    sites: SiteTable,
    origins: SiteTable,
    rules: Rules,
    stats: Arc<Stats>,
    requests: Requests,
    global: Bucket,
    novelty: Bucket,
    /// When it was last ticked; 0 is never.
    ticked: AtomicU64,
}

impl Gate {
    /// A gate on the coarse clock, with counters of its own.
    #[must_use]
    pub fn new(config: &GateConfig) -> Self {
        Self::with(config, CoarseClock::new(), Arc::new(Stats::new()))
    }
}

impl<C: Clock> Gate<C> {
    /// A gate on any clock, with shared counters.
    #[must_use]
    pub fn with(config: &GateConfig, clock: C, stats: Arc<Stats>) -> Self {
        Self {
            flag: ClosedFlag::new(config.enabled),
            clock,
            schedule: Schedule::new(
                config.site_first,
                config.site_interval,
                config.site_later_interval,
            ),
            sites: SiteTable::new(config.sites),
            origins: SiteTable::new(config.sites),
            rules: Rules::new(&config.exclude, &config.service, &config.env),
            stats,
            requests: Requests::new(),
            global: Bucket::new(config.rate_per_second, config.burst),
            novelty: Bucket::new(config.novelty_per_second, config.novelty_burst),
            ticked: AtomicU64::new(0),
        }
    }

    /// Whether nothing can be admitted now: disabled, or closed as of the last tick. One relaxed load; counts nothing.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.flag.is_set()
    }

    /// The first thing a host asks, before it computes a site: refuses, and counts it, if the gate is disabled or
    /// closed.
    #[inline]
    pub fn refuse_early(&self) -> Option<Refusal> {
        let refusal = match self.flag.get() {
            FlagState::Open => return None,
            FlagState::ClosedUntil(_) => Refusal::Closed,
            FlagState::Disabled => Refusal::Disabled,
        };
        self.stats.refusal(refusal.outcome());
        Some(refusal)
    }

    /// Decides about one exception and counts the outcome if it is a refusal.
    #[inline]
    pub fn admit(&self, site: SiteHash, facts: &SiteFacts<'_>) -> Admission {
        self.admit_with(site, || *facts)
    }

    /// Like [`Gate::admit`], for hosts that have to work for the facts: they are asked for, once, only if the site is new and rules
    /// exist, or if a request by name waits.
    #[inline]
    pub fn admit_with<'f>(
        &self,
        site: SiteHash,
        facts: impl FnOnce() -> SiteFacts<'f>,
    ) -> Admission {
        self.answer(self.decide(site, facts))
    }

    /// Decides about a call that is not rate limited: refuses only if disabled, excluded by a rule, or within a capture.
    pub fn admit_explicit(&self, site: SiteHash, facts: &SiteFacts<'_>) -> Admission {
        let decide = || {
            if self.flag.get() == FlagState::Disabled {
                return Err(Refusal::Disabled);
            }
            if let Some(rule) = self.rules.find(|| *facts) {
                return Err(Refusal::Rule(rule));
            }
            let permit = Permit::begin().ok_or(Refusal::Reentrant)?;
            self.stats.add(Counter::AdmittedExplicit, 1);
            Ok(match self.take_request(site, || *facts) {
                Some(depth) => permit.deeper_by(depth),
                None => permit,
            })
        };
        self.answer(decide())
    }

    /// Switches capturing on or off.
    pub fn set_enabled(&self, enabled: bool) {
        self.flag.set_enabled(enabled);
    }

    /// Whether capturing is switched on.
    pub fn is_enabled(&self) -> bool {
        self.flag.get() != FlagState::Disabled
    }

    /// Asks that the next exception of this site's origin (class and raising frame, whatever path led there) be
    /// captured, with limits raised by `depth`, whatever the schedule and the buckets say. Once. False if 16 origins wait already.
    ///
    /// Somebody who knows issues asks for the sites at which an issue was seen.
    #[must_use]
    pub fn request_deeper(&self, site: SiteHash, depth: Depth) -> bool {
        let added = self.requests.add(site.origin(), depth);
        if added {
            self.flag.reopen();
        }
        added
    }

    /// The same for an origin that this process has perhaps not met yet. False if 16 wait already.
    #[must_use]
    pub fn request_deeper_named(&self, origin: NamedOrigin, depth: Depth) -> bool {
        let added = self.requests.add_named(origin, depth);
        if added {
            self.flag.reopen();
        }
        added
    }

    /// Takes a request for a site's origin back. Whether it was there.
    pub fn cancel_deeper(&self, site: SiteHash) -> bool {
        self.requests.take(site.origin()).is_some()
    }

    /// Takes a request by name back. Whether it was there.
    pub fn cancel_deeper_named(&self, origin: &NamedOrigin) -> bool {
        self.requests.cancel_named(origin)
    }

    /// Reopens the gate if its time has come, and tells how long it stays closed otherwise. To be called regularly by the
    /// background thread, every 20 to 200 ms; what is too late here delays the first capture after a flood.
    pub fn tick(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.ticked.store(now.max(1), Ordering::Relaxed);
        let until = self.flag.tick(now)?;
        Some(Duration::from_nanos(until - now))
    }

    /// To be called in the child after a fork, before anything else: the thread that ticks and any that was capturing are gone.
    pub fn after_fork(&self) {
        self.ticked.store(0, Ordering::Relaxed);
        self.flag.reopen();
        self.sites.after_fork();
        self.origins.after_fork();
    }

    /// What the gate remembers of a site.
    pub fn site(&self, site: SiteHash) -> Option<SiteInfo> {
        self.sites.info(site.path())
    }

    /// How many captures a site has left before it has to wait: all of the first ones if it is not known.
    pub fn captures_left(&self, site: SiteHash) -> u32 {
        let captures = self.site(site).map_or(0, |info| info.captures);
        self.schedule.left(captures)
    }

    /// How many exceptions each rule refused, in the order of the configuration.
    pub fn rule_counts(&self) -> Vec<u64> {
        self.rules.counts()
    }

    /// The counters it counts into.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    #[inline]
    fn answer(&self, decision: Result<Permit, Refusal>) -> Admission {
        match decision {
            Ok(permit) => {
                self.stats.add(Counter::Admitted, 1);
                Admission::Admitted(permit)
            }
            Err(refusal) => {
                if let Refusal::Rule(rule) = refusal {
                    self.rules.count(rule);
                }
                self.stats.refusal(refusal.outcome());
                Admission::Refused(refusal)
            }
        }
    }

    #[inline]
    fn decide<'f>(
        &self,
        site: SiteHash,
        facts: impl FnOnce() -> SiteFacts<'f>,
    ) -> Result<Permit, Refusal> {
        match self.flag.get() {
            FlagState::Open => {}
            FlagState::Disabled => return Err(Refusal::Disabled),
            // Whoever comes this far although the gate is closed has not asked first; the clock tells the truth.
            FlagState::ClosedUntil(_) => {
                if self.flag.tick(self.clock.now()).is_some() {
                    return Err(Refusal::Closed);
                }
            }
        }
        let now = self.clock.now();
        let facts = LazyCell::new(facts);
        if self.requests.any()
            && let Some(permit) = self.admit_deeper(site, || *facts, now)?
        {
            return Ok(permit);
        }
        match self.sites.find(site.path()) {
            Some(found) if found.state.rule().is_some() || !found.state.is_due(now) => {
                self.sites.touch(&found, now);
                Err(found.state.rule().map_or(Refusal::Site, Refusal::Rule))
            }
            Some(found) => self.admit_known(site, found, now),
            None => self.admit_new(site, || *facts, now),
        }
    }

    /// A site that was captured before and is due again: it needs a token of the global bucket.
    #[cold]
    fn admit_known(&self, site: SiteHash, found: Found, now: u64) -> Result<Permit, Refusal> {
        let permit = Permit::begin().ok_or(Refusal::Reentrant)?;
        if !self.global.try_take(now) {
            return Err(Refusal::Rate);
        }
        if self.advance(site, found, now) {
            Ok(permit)
        } else {
            self.global.refund();
            Err(Refusal::Site)
        }
    }

    /// A site that the table does not know: rules, then a token of either bucket.
    #[cold]
    fn admit_new<'f>(
        &self,
        site: SiteHash,
        facts: impl FnOnce() -> SiteFacts<'f>,
        now: u64,
    ) -> Result<Permit, Refusal> {
        if let Some(rule) = self.rules.find(facts) {
            self.sites
                .insert(site.path(), State::excluded(rule, now), now);
            return Err(Refusal::Rule(rule));
        }
        let permit = Permit::begin().ok_or(Refusal::Reentrant)?;
        // The ordinary token first: the reserve is for when it is gone.
        let bucket = if self.global.try_take(now) {
            &self.global
        } else {
            let keep = match self.origins.find(site.origin()) {
                Some(_) => KEPT_FOR_NEW_ORIGINS,
                None => 0,
            };
            if !self.novelty.try_take_leaving(now, keep) {
                self.close(now);
                return Err(Refusal::Rate);
            }
            &self.novelty
        };
        match self.sites.insert(site.path(), self.captured(1, now), now) {
            Inserted::New | Inserted::GaveUp => {
                let first = State::captured(1, 0, now);
                let _ = self.origins.insert(site.origin(), first, now);
                self.stats.add(Counter::AdmittedNovel, 1);
                Ok(permit.novel())
            }
            // Another thread captures the same site at this moment; it may have a second capture.
            Inserted::Exists(found) if self.advance(site, found, now) => Ok(permit),
            Inserted::Exists(_) => {
                bucket.refund();
                Err(Refusal::Site)
            }
        }
    }

    /// A capture that somebody asked for, if one was asked for this origin.
    #[cold]
    fn admit_deeper<'f>(
        &self,
        site: SiteHash,
        facts: impl FnOnce() -> SiteFacts<'f>,
        now: u64,
    ) -> Result<Option<Permit>, Refusal> {
        let permit = Permit::begin().ok_or(Refusal::Reentrant)?;
        let Some(depth) = self.take_request(site, facts) else {
            return Ok(None);
        };
        // It is admitted anyway, but it counts.
        let _ = self.global.try_take(now);
        match self.sites.find(site.path()) {
            Some(found) => {
                let state = self.captured(found.state.captures() + 1, now);
                let _ = self.sites.advance(&found, state, now);
            }
            None => {
                let _ = self.sites.insert(site.path(), self.captured(1, now), now);
            }
        }
        Ok(Some(permit.deeper_by(depth)))
    }

    /// Takes what was asked for this origin, by hash or by name, and counts it.
    fn take_request<'f>(
        &self,
        site: SiteHash,
        facts: impl FnOnce() -> SiteFacts<'f>,
    ) -> Option<Depth> {
        if !self.requests.any() {
            return None;
        }
        let depth = self
            .requests
            .take(site.origin())
            .or_else(|| self.requests.take_named(site.origin(), facts))?;
        self.stats.add(Counter::AdmittedDeeper, 1);
        Some(depth)
    }

    /// Counts one more capture of a known site, unless another thread just used the last one that was due.
    fn advance(&self, site: SiteHash, mut found: Found, now: u64) -> bool {
        loop {
            if found.state.rule().is_some() || !found.state.is_due(now) {
                return false;
            }
            let state = self.captured(found.state.captures() + 1, now);
            if self.sites.advance(&found, state, now) {
                return true;
            }
            match self.sites.find(site.path()) {
                Some(again) => found = again,
                None => return true,
            }
        }
    }

    fn captured(&self, captures: u32, now: u64) -> State {
        let captures = captures.min(self.schedule.settled());
        State::captured(captures, self.schedule.wait(captures), now)
    }

    /// Closes the gate if nothing at all can be admitted for a while and somebody is there to reopen it.
    fn close(&self, now: u64) {
        let ticked = self.ticked.load(Ordering::Relaxed);
        let until = self.global.next_at().min(self.novelty.next_at());
        if ticked == 0 || now.saturating_sub(ticked) > TICK_LEASE || until <= now {
            return;
        }
        self.flag.close(until);
        // A request that came in between did not see the gate closed; either it reopens it, or this does.
        fence(Ordering::SeqCst);
        if self.requests.any() {
            self.flag.reopen();
        }
    }
}
