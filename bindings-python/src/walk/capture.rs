//! One walk: values onto the tape, level by level, under limits.
//!
//! ```text
//! exceptions (chain) -> their frames -> variables -> what those hold -> ...
//! ```
//!
//! Each container is written where it is met as one opcode and waits in a first-in-first-out queue until its turn comes to have its
//! contents written. When values, bytes or time run out, what is missing is therefore always the deepest.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyo3_ffi as ffi;
use stillframe_core::fingerprint::InApp;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{ContainerId, TapeWriter, TypeId};

use super::code::Loose;
use super::identity::Identity;
use super::number::float;
use super::object::{Bytes, Dict, Int, List, Obj, Set, Str, Tuple};
use super::plan::{Kind, Plan, Plans};
use super::replay::Chosen;
use super::rules::{Memo, Rules};
use super::text::Scratch;
use super::{Facts, chain, frames};

/// Values between two looks at the clock.
const TICK: u32 = 64;

/// Types found without a look at their state.
const RECENT: usize = 64;

/// A container whose contents are still to be written.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    object: *mut ffi::PyObject,
    what: Contents,
    depth: u32,
}

/// How the contents of a container are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    List,
    Tuple,
    /// A tuple with named items, as the fields of an object.
    NamedTuple,
    Dict,
    Set,
    /// Fields with their names.
    Fields,
    /// Fields in the order of the shape.
    Shaped,
    /// Fields of an exception that is a value.
    ExceptionValue,
    /// Exception number `n` of the chain.
    Exception(u32),
    /// Frame number `n`.
    Frame(u32),
    /// A part of an object of a known type, decoded by its own page; 0: all of it.
    Known(u8),
}

/// What outlives a capture: memory that is reused, and what was learned.
pub(super) struct State {
    pub(super) plans: Plans,
    /// Plans used in the capture `tape`, by the address of the type alone: while a walk runs no type changes or goes.
    recent: [Option<(usize, u64, Rc<Plan>)>; RECENT],
    /// Plans of code objects that hold for this capture only.
    pub(super) loose: Loose,
    /// Number of the rules in force, different in all walkers of the process.
    pub(super) epoch: u64,
    pub(super) memo: Memo,
    pub(super) identity: Identity,
    pub(super) scratch: Scratch,
    /// Whether the rules hide one of the built-in types; asked once.
    strict: Option<bool>,
    queue: Vec<Pending>,
    /// Number of the capture; 0 belongs to none.
    pub(super) tape: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            plans: Plans::default(),
            recent: [const { None }; RECENT],
            loose: Loose::default(),
            epoch: next_epoch(),
            memo: Memo::default(),
            identity: Identity::default(),
            scratch: Scratch::default(),
            strict: None,
            queue: Vec::with_capacity(256),
            tape: 0,
        }
    }
}

impl State {
    /// Forgets everything that was decided by rules.
    pub(super) fn forget(&mut self) {
        self.plans.forget();
        self.memo.forget();
        self.strict = None;
        self.epoch = next_epoch();
    }
}

fn next_epoch() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Most that one stretch between two looks at the clock counts. Reading that many values takes microseconds: a longer stretch means that
/// the system ran something else meanwhile, and cutting the snapshot would give the program nothing back.
const STRETCH: Duration = Duration::from_micros(250);

/// A walk stops after so many hard times whatever the system did.
const PATIENCE: u32 = 10;

/// The clock of one walk.
pub(super) struct Clock {
    start: Instant,
    last: Instant,
    /// Time that counts against the limits.
    spent: Duration,
    soft: Duration,
    hard: Duration,
    left: u32,
    /// No further container is opened.
    soft_over: bool,
    /// The walk stops.
    hard_over: bool,
}

impl Clock {
    pub(super) fn start(limits: &Limits) -> Self {
        let start = Instant::now();
        Self {
            start,
            last: start,
            spent: Duration::ZERO,
            soft: limits.soft_time,
            hard: limits.hard_time,
            left: TICK,
            soft_over: false,
            hard_over: false,
        }
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self) {
        self.left = TICK;
        let now = Instant::now();
        self.spent += now.duration_since(self.last).min(STRETCH);
        self.last = now;
        self.soft_over = self.spent >= self.soft;
        self.hard_over = self.spent >= self.hard
            || now.duration_since(self.start) >= self.hard.saturating_mul(PATIENCE);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

pub(super) struct Walk<'w, 'g, const DIRECT: bool> {
    pub(super) out: &'w mut TapeWriter,
    pub(super) state: &'w mut State,
    pub(super) rules: Rules<'w>,
    pub(super) facts: &'w Facts,
    pub(super) in_app: &'w InApp,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// Frames that somebody chose, instead of those that this walker would choose.
    pub(super) chosen: Option<Chosen<'w>>,
    /// A rule hides one of the built-in types, so that even their instances need a plan.
    strict: bool,
    /// Next of the queue.
    head: usize,
    gil: PhantomData<&'g ()>,
}

impl<'w, 'g, const DIRECT: bool> Walk<'w, 'g, DIRECT> {
    pub(super) fn new(
        out: &'w mut TapeWriter,
        state: &'w mut State,
        rules: Rules<'w>,
        facts: &'w Facts,
        in_app: &'w InApp,
        limits: Limits,
    ) -> Self {
        state.tape += 1;
        state.queue.clear();
        state.loose.clear();
        state.identity.begin();
        // SAFETY: the type `object` is static.
        if let Some(object) = unsafe { super::object::Class::new(&raw mut ffi::PyBaseObject_Type) }
        {
            state.plans.begin(object);
        }
        let strict = *state.strict.get_or_insert_with(|| {
            BUILT_IN
                .iter()
                .any(|name| rules.type_name(name.as_bytes()).is_some())
        });
        Self {
            out,
            state,
            rules,
            facts,
            in_app,
            limits,
            clock: Clock::start(&limits),
            chosen: None,
            strict,
            head: 0,
            gil: PhantomData,
        }
    }

    /// The whole walk; why it ended early, if it did.
    pub(super) fn all(
        &mut self,
        exception: super::object::Exception<'g>,
        traceback: Option<super::object::Traceback<'g>>,
    ) -> Option<Reason> {
        let links = self.chain(exception, traceback);
        if let Some(chosen) = &mut self.chosen {
            chosen.place(&links);
        }
        let mut frames = frames::Frames::default();
        self.drain(&links, &mut frames)
    }

    /// Writes the contents of all containers of the queue, in its order; why it stopped before, if it did.
    fn drain(
        &mut self,
        exceptions: &[chain::Link<'g>],
        frames: &mut frames::Frames<'g>,
    ) -> Option<Reason> {
        while let Some(&pending) = self.state.queue.get(self.head) {
            if let Some(reason) = self.stopped() {
                return Some(reason);
            }
            self.head += 1;
            // SAFETY: the object was put into the queue during this walk, in which nothing is freed.
            let Some(object) = (unsafe { Obj::new(pending.object) }) else {
                continue;
            };
            self.contents(pending.what, object, pending.depth, exceptions, frames);
            self.out.end_group();
        }
        self.stopped()
    }

    fn contents(
        &mut self,
        what: Contents,
        object: Obj<'g>,
        depth: u32,
        exceptions: &[chain::Link<'g>],
        frames: &mut frames::Frames<'g>,
    ) {
        match what {
            Contents::Dict => {
                if let Some(dict) = Dict::of(object) {
                    self.entries(dict, depth);
                }
                self.attributes_beside(object);
            }
            Contents::List => {
                if let Some(list) = List::of(object) {
                    self.sequence(list.items::<DIRECT>(), depth);
                }
                self.attributes_beside(object);
            }
            Contents::Tuple => {
                if let Some(tuple) = Tuple::of(object) {
                    self.sequence(tuple.items::<DIRECT>(), depth);
                }
                self.attributes_beside(object);
            }
            Contents::Set => {
                if let Some(set) = Set::of(object) {
                    self.members(set, depth);
                }
                self.attributes_beside(object);
            }
            Contents::NamedTuple => {
                self.named_items(object, depth);
                self.attributes_beside(object);
            }
            Contents::Fields => self.fields(object, depth),
            Contents::Shaped => self.shaped(object, depth),
            Contents::ExceptionValue => self.exception_value(object, depth),
            Contents::Exception(index) => self.exception(index, exceptions, frames),
            Contents::Frame(index) => self.frame(index, frames),
            Contents::Known(part) => self.known_contents(object, part, depth),
        }
    }

    /// Why the walk must end now, if it must.
    #[inline]
    pub(super) fn stopped(&self) -> Option<Reason> {
        if self.out.is_full() {
            Some(Reason::Budget)
        } else if self.clock.hard_over {
            Some(Reason::Timeout)
        } else {
            None
        }
    }

    #[inline]
    pub(super) fn halted(&self) -> bool {
        self.out.is_full() || self.clock.hard_over
    }

    /// Says that items are missing because the walk had to stop, if that is why.
    pub(super) fn cut(&mut self, missing: Option<usize>) {
        if let Some(reason) = self.stopped() {
            self.gap(reason, missing);
        }
    }

    pub(super) fn gap(&mut self, reason: Reason, missing: Option<usize>) {
        if missing != Some(0) {
            self.out.gap(
                reason,
                missing.map(|count| u32::try_from(count).unwrap_or(u32::MAX - 1)),
            );
        }
    }

    /// Counts one value, and looks at the clock when it is time to.
    #[inline]
    pub(super) fn tick(&mut self) {
        self.clock.left -= 1;
        if self.clock.left == 0 {
            self.clock.look();
        }
    }

    /// One value, whatever it is. `depth` references lead to it.
    #[inline]
    pub(super) fn value(&mut self, object: Obj<'g>, depth: u32) {
        self.tick();
        if self.strict {
            return self.other(object, depth);
        }
        let class = object.class();
        if let Some(text) = Str::exact(object) {
            text.text::<DIRECT>(&mut self.state.scratch).write(self.out);
        } else if let Some(int) = Int::exact(object) {
            self.int(int);
        } else if let Some(dict) = Dict::exact(object) {
            self.dict(dict, None, depth);
        } else if class.is(&raw const ffi::PyFloat_Type) {
            self.out.float(float(object));
        } else if let Some(list) = List::exact(object) {
            self.list(list, None, depth);
        } else if Tuple::exact(object).is_some() {
            self.tuple(object, Contents::Tuple, None, depth);
        } else if class.is(&raw const ffi::PyBool_Type) {
            self.out.bool(object.is(self.facts.true_object));
        } else {
            self.other(object, depth);
        }
    }

    #[inline]
    fn int(&mut self, int: Int<'g>) {
        if !int.value::<DIRECT>().write(self.out) {
            let type_id = self.type_id(int.0);
            self.out.skipped(Reason::Unreadable, type_id, None);
        }
    }

    /// The plan of an object's type.
    #[inline]
    pub(super) fn plan(&mut self, object: Obj<'g>) -> Rc<Plan> {
        let address = object.class().pointer() as usize;
        let slot = (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT.ilog2());
        if let Some((known, tape, plan)) = &self.state.recent[slot]
            && (*known, *tape) == (address, self.state.tape)
        {
            return Rc::clone(plan);
        }
        let plan = self.find_plan(object);
        self.state.recent[slot] = Some((address, self.state.tape, Rc::clone(&plan)));
        plan
    }

    #[inline(never)]
    fn find_plan(&mut self, object: Obj<'g>) -> Rc<Plan> {
        self.state
            .plans
            .get::<DIRECT>(object.class(), self.state.tape, &self.rules, self.facts)
    }

    /// The number on the tape of a planned type.
    pub(super) fn type_of(&mut self, plan: &Plan) -> TypeId {
        if let Some(id) = plan.type_id(self.state.tape) {
            return id;
        }
        let id = self.out.define_type(&plan.name);
        if !self.out.is_full() {
            plan.set_type_id(self.state.tape, id);
        }
        id
    }

    /// The number on the tape of an object's type.
    #[cold]
    #[inline(never)]
    pub(super) fn type_id(&mut self, object: Obj<'g>) -> TypeId {
        let plan = self.plan(object);
        self.type_of(&plan)
    }

    /// A value of a type that is not among the plainest.
    #[inline(never)]
    fn other(&mut self, object: Obj<'g>, depth: u32) {
        if object.is(self.facts.none) && !self.strict {
            return self.out.null();
        }
        let plan = self.plan(object);
        if let Some(rule) = &plan.hidden {
            let type_id = self.type_of(&plan);
            return self.out.redacted(Reason::RedactedType, type_id, rule, None);
        }
        match &plan.kind {
            Kind::None => self.out.null(),
            Kind::Bool => self.out.bool(object.is(self.facts.true_object)),
            Kind::Int => {
                self.mark(object, &plan, &raw const ffi::PyLong_Type);
                if let Some(int) = Int::of(object) {
                    self.int(int);
                }
            }
            Kind::Float => {
                self.mark(object, &plan, &raw const ffi::PyFloat_Type);
                self.out.float(float(object));
            }
            Kind::Str => {
                self.mark(object, &plan, &raw const ffi::PyUnicode_Type);
                if let Some(text) = Str::of(object) {
                    text.text::<DIRECT>(&mut self.state.scratch).write(self.out);
                }
            }
            Kind::Bytes => {
                self.mark(object, &plan, &raw const ffi::PyBytes_Type);
                if let Some(bytes) = Bytes::of(object) {
                    self.out.binary(bytes.data::<DIRECT>());
                }
            }
            Kind::Dict => {
                if let Some(dict) = Dict::of(object) {
                    let own = object.class().is(&raw const ffi::PyDict_Type);
                    self.dict(dict, (!own).then_some(&*plan), depth);
                }
            }
            Kind::List => {
                if let Some(list) = List::of(object) {
                    let own = object.class().is(&raw const ffi::PyList_Type);
                    self.list(list, (!own).then_some(&*plan), depth);
                }
            }
            Kind::Tuple => self.tuple(object, Contents::Tuple, Some(&plan), depth),
            Kind::NamedTuple => self.tuple(object, Contents::NamedTuple, Some(&plan), depth),
            Kind::Set => {
                if let Some(set) = Set::of(object) {
                    let size = set.length::<DIRECT>();
                    self.open(object, Some(size), depth, Some(&plan), |walk, type_id| {
                        Some((walk.out.list(type_id, size)?, Contents::Set))
                    });
                }
            }
            Kind::Exception => {
                self.open(object, None, depth, Some(&plan), |walk, type_id| {
                    Some((walk.out.object(type_id)?, Contents::ExceptionValue))
                });
            }
            Kind::Instance => self.instance(object, &plan, depth),
            Kind::Opaque => {
                let type_id = self.type_of(&plan);
                self.out.opaque(type_id);
            }
            Kind::Known(known) => self.known(object, *known, &plan, depth),
        }
    }

    /// Says the type of the scalar that follows, where it is a subclass.
    pub(super) fn mark(&mut self, object: Obj<'g>, plan: &Plan, own: *const ffi::PyTypeObject) {
        if !object.class().is(own) {
            let type_id = self.type_of(plan);
            self.out.as_type(type_id);
        }
    }

    fn list(&mut self, list: List<'g>, plan: Option<&Plan>, depth: u32) {
        let size = list.items::<DIRECT>().length;
        self.open(list.0, Some(size), depth, plan, |walk, type_id| {
            Some((walk.out.list(type_id, size)?, Contents::List))
        });
    }

    fn tuple(&mut self, object: Obj<'g>, what: Contents, plan: Option<&Plan>, depth: u32) {
        let Some(tuple) = Tuple::of(object) else {
            return;
        };
        let size = tuple.items::<DIRECT>().length;
        let planned;
        let plan = match plan {
            Some(plan) => plan,
            None => {
                planned = self.plan(object);
                &*planned
            }
        };
        self.open(object, Some(size), depth, Some(plan), |walk, type_id| {
            let id = if what == Contents::NamedTuple {
                walk.out.object(type_id)?
            } else {
                walk.out.list(type_id, size)?
            };
            Some((id, what))
        });
    }

    fn dict(&mut self, dict: Dict<'g>, plan: Option<&Plan>, depth: u32) {
        let size = dict.length::<DIRECT>();
        self.open(dict.0, Some(size), depth, plan, |walk, type_id| {
            Some((walk.out.map(type_id, size)?, Contents::Dict))
        });
    }

    /// Writes a container's opcode, or why it is not followed, or that it stands on the tape already. `plan` is of its
    /// type, none for the opcode's own.
    #[inline]
    pub(super) fn open(
        &mut self,
        object: Obj<'g>,
        size: Option<usize>,
        depth: u32,
        plan: Option<&Plan>,
        write: impl FnOnce(&mut Self, TypeId) -> Option<(ContainerId, Contents)>,
    ) {
        // An empty one is shown where it is: it costs nothing, and many are one shared object.
        let empty = size == Some(0);
        if !empty {
            if let Some(id) = self.state.identity.get(object.address()) {
                return self.out.reference(id);
            }
            if depth >= self.limits.depth || self.clock.soft_over {
                return self.closed(object, size, depth);
            }
        }
        let type_id = plan.map_or_else(TypeId::default, |plan| self.type_of(plan));
        if let Some((id, what)) = write(self, type_id) {
            if !empty {
                self.state.identity.insert(object.address(), id);
            }
            self.push(object, what, depth + 1);
        }
    }

    #[cold]
    #[inline(never)]
    fn closed(&mut self, object: Obj<'g>, size: Option<usize>, depth: u32) {
        let reason = if depth >= self.limits.depth {
            Reason::Depth
        } else {
            Reason::Timeout
        };
        let type_id = self.type_id(object);
        self.out.skipped(reason, type_id, size);
    }

    pub(super) fn push(&mut self, object: Obj<'g>, what: Contents, depth: u32) {
        self.state.queue.push(Pending {
            object: object.pointer(),
            what,
            depth,
        });
    }
}

/// Types that are read without a plan.
const BUILT_IN: [&str; 8] = [
    "str", "int", "dict", "float", "list", "tuple", "bool", "NoneType",
];
