//! From a stack and its scopes to a tape: breadth-first, within the limits.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::redact::{AliasKey, Redactor};
use stillframe_core::tape::{FrameFlags, Link, Location, Message, Section, TypeId};

use super::images::Loaded;
use super::layout::{Field, Slot, Var, stillframe_thread};
use super::recorder::{Recorder, Tools};
use super::scopes::OpenScope;
use super::stack::{NativeFrame, Registers, Stack};
use super::text::Short;
use super::value::{Given, Known};

/// Variables of one scope that are looked at.
pub(crate) const MAX_VARS: usize = 256;
/// Frames of the tape, those of the system among them.
const MAX_TAPE_FRAMES: usize = 64;
/// Bytes that a frame may take on a tape.
const MAX_FRAME: usize = 1600;
/// How often the time is asked for: every so many values.
const TIME_EVERY: u32 = 64;

/// What shall be captured.
pub(crate) struct Order<'o> {
    pub(crate) type_name: &'o str,
    /// `None`: it comes later, or there is none.
    pub(crate) message: Option<Message<'o>>,
    pub(crate) registers: Registers,
    /// The registers are this thread's, now.
    pub(crate) live: bool,
    /// The images are those of now: none was unloaded since they were collected.
    pub(crate) is_current: bool,
    /// The innermost frame shown is the one that this return address belongs to; 0: all.
    pub(crate) caller: u64,
    /// Frames of the system, and of these functions' images, in front of the program's are left out.
    pub(crate) skip_system: bool,
    pub(crate) thread: *const stillframe_thread,
    pub(crate) limits: &'o Limits,
    pub(crate) redactor: &'o Redactor,
    /// For what names hide; `None`: its copies are not looked for.
    pub(crate) alias_key: Option<&'o AliasKey>,
    /// Copies are hidden here: the tape is stored before anything is scanned.
    pub(crate) hides_copies: bool,
}

/// What a container's group holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Fields,
    Items { count: usize },
}

/// A container whose contents are still to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    known: Known,
    address: usize,
    content: Content,
    depth: u32,
}

/// A frame of the tape.
#[derive(Clone, Copy)]
struct Shown {
    frame: NativeFrame,
    /// First and number of its scopes among all.
    scopes: (usize, usize),
    /// It is in the same frame of the machine as the one before.
    same: bool,
    /// Frames are missing in front of it, and how many, where that is known.
    omitted: Option<Option<u32>>,
}

/// One capture at work.
pub(crate) struct Walk<'w> {
    pub(crate) tools: &'w mut Tools,
    pub(crate) limits: &'w Limits,
    pub(crate) redactor: &'w Redactor,
    pub(crate) loaded: &'w Loaded,
    pub(crate) alias_key: Option<&'w AliasKey>,
    pub(crate) hides_copies: bool,
    began: Instant,
    /// Why it ends before everything was written.
    stop: Option<Reason>,
    asked: u32,
    /// Pointers followed to get to the value that is being written.
    pub(crate) followed: u32,
}

/// Writes the tape of one capture into the recorder. The bytes are in its writer until the next capture. Returns how long it took.
pub(crate) fn record<'r>(
    recorder: &'r mut Recorder,
    loaded: &Loaded,
    order: &Order<'_>,
) -> Option<(&'r [u8], Duration)> {
    let began = Instant::now();
    let Recorder {
        stack,
        scopes,
        tools,
    } = recorder;
    tools.memory.begin();
    tools.aliases.clear();
    let (live, is_current) = (order.live, order.is_current);
    stack.unwind(order.registers, loaded, &mut tools.memory, live, is_current);
    scopes.collect(order.thread, stack, &mut tools.memory);
    if order.caller != 0 {
        stack.begin_at(order.caller);
    }
    if order.skip_system {
        let has_scopes = |frame: &NativeFrame| !scopes.of(frame.cfa).is_empty();
        stack.begin_in_program(|frame| frame.is_system && !has_scopes(frame));
    }
    let mut stop = walk(tools, stack, scopes.all(), loaded, order, began);
    if !tools.aliases.is_empty() {
        // Their copies may stand before them.
        let again = Instant::now();
        stop = walk(tools, stack, scopes.all(), loaded, order, again);
    }
    tools.memory.end();
    let duration = began.elapsed();
    tools
        .writer
        .finish(stop, duration)
        .map(|tape| (tape, duration))
}

/// Writes the tape, and returns why it ends before everything was written.
fn walk(
    tools: &mut Tools,
    stack: &Stack,
    scopes: &[OpenScope],
    loaded: &Loaded,
    order: &Order<'_>,
    began: Instant,
) -> Option<Reason> {
    tools.seen.clear();
    tools.known.clear();
    tools.queue.clear();
    let mut walk = Walk {
        tools,
        limits: order.limits,
        redactor: order.redactor,
        loaded,
        alias_key: order.alias_key,
        hides_copies: order.hides_copies,
        began,
        stop: None,
        asked: 0,
        followed: 0,
    };
    walk.all(stack, scopes, order);
    walk.stop
}

impl Walk<'_> {
    fn all(&mut self, stack: &Stack, scopes: &[OpenScope], order: &Order<'_>) {
        let mut shown = [const { None }; MAX_TAPE_FRAMES];
        let count = choose(stack, scopes, self.limits.frames as usize, &mut shown);
        let shown = &shown[..count];
        let writer = &mut self.tools.writer;
        writer.begin(Language::Native, order.limits);
        let type_id = writer.define_type(order.type_name.as_bytes());
        let _ = writer.exception(type_id, Link::Root, 0, order.message.is_none());
        writer.end_group();

        if let Some(message) = order.message {
            writer.section(Section::Message);
            writer.message(message);
        }
        writer.section(Section::Frames);
        let mut written = 0;
        for frame in shown.iter().flatten() {
            if let Some(omitted) = frame.omitted {
                self.tools.writer.gap(Reason::Frames, omitted);
            }
            // A frame that finds no room would leave something else in its place.
            let room = self.limits.tape_bytes as usize;
            let full = self.tools.writer.is_full() || self.tools.writer.bytes() + MAX_FRAME > room;
            if full || !self.frame(frame, scopes) {
                let left = (count - written) as u32;
                self.tools.writer.gap(Reason::Budget, Some(left));
                break;
            }
            written += 1;
        }
        if stack.is_cut && written == count {
            self.tools.writer.gap(Reason::Frames, None);
        }
        self.tools.writer.end_group();

        for frame in shown.iter().flatten().take(written) {
            if self.ended() {
                return;
            }
            let (first, count) = frame.scopes;
            self.variables(&scopes[first..first + count]);
        }
        let mut next = 0;
        while let Some(pending) = self.tools.queue.get(next).copied() {
            if self.ended() {
                return;
            }
            self.contents(&pending);
            next += 1;
        }
        self.stop = self
            .stop
            .or(self.tools.writer.is_full().then_some(Reason::Budget));
    }

    /// Whether the tape ends here: no further group is written.
    fn ended(&mut self) -> bool {
        if self.tools.writer.is_full() {
            self.stop = Some(Reason::Budget);
        } else if self.began.elapsed() >= self.limits.soft_time {
            self.stop = Some(Reason::Timeout);
        }
        self.stop.is_some()
    }

    /// Whether the next item of a group must wait for another capture, and why.
    fn enough(&mut self) -> Option<Reason> {
        if self.tools.writer.is_full() {
            return Some(Reason::Budget);
        }
        self.asked += 1;
        let late =
            self.asked.is_multiple_of(TIME_EVERY) && self.began.elapsed() >= self.limits.hard_time;
        if late {
            self.stop = Some(Reason::Timeout);
        }
        late.then_some(Reason::Timeout)
    }

    /// Writes a frame; `false`: the budget is spent.
    fn frame(&mut self, shown: &Shown, scopes: &[OpenScope]) -> bool {
        let place = scopes.get(shown.scopes.0).filter(|_| shown.scopes.1 > 0);
        let place = place.map(|scope| scope.place).unwrap_or_default();
        let (mut name, mut file) = (Short::<200>::new(), Short::<1024>::new());
        let mut function = Short::<256>::new();
        let named = place.function != 0 && name.read(&mut self.tools.memory, place.function);
        if place.file != 0 {
            let _ = file.read(&mut self.tools.memory, place.file);
        }
        if shown.frame.lookup != 0 {
            let _ = write!(function, "{:#x}", shown.frame.lookup);
        }
        if named {
            let before = match (shown.frame.lookup, shown.same) {
                (0, _) => "",
                (_, false) => " ",
                (_, true) => " ^",
            };
            let _ = write!(function, "{before}{}", name.as_str());
        }
        let flags = match shown.frame.is_system {
            true => FrameFlags::default(),
            false => FrameFlags::IN_APP,
        };
        let location = Location {
            line: place.line,
            ..Location::default()
        };
        // Where the address is unknown, nothing is left to be found out.
        let module = if shown.frame.lookup == 0 { "?" } else { "" };
        self.tools
            .writer
            .frame(
                flags,
                location,
                function.as_str().as_bytes(),
                module.as_bytes(),
                file.as_str().as_bytes(),
            )
            .is_some()
    }

    /// The variables of a frame, innermost scope first, each scope in the order of its source.
    fn variables(&mut self, scopes: &[OpenScope]) {
        if scopes.iter().any(|scope| scope.vars != 0) {
            self.tools.writer.section(Section::Locals);
        }
        for scope in scopes {
            // Out of the tools while they are worked on; nothing is allocated.
            let mut vars = std::mem::take(&mut self.tools.vars);
            vars.clear();
            let mut at = scope.vars;
            let mut missing = None;
            while at != 0 && missing.is_none() {
                let var = self.tools.memory.get::<Var>(at);
                let var = var.filter(|var| var.scope == scope.at && !is_in(&vars, scope.vars, at));
                let slot = var.and_then(|var| self.tools.memory.get::<Slot>(var.slot));
                match var.zip(slot) {
                    None => missing = Some(Reason::Unreadable),
                    Some(_) if vars.len() >= MAX_VARS => missing = Some(Reason::Budget),
                    Some(found) => {
                        vars.push(found);
                        at = found.0.next;
                    }
                }
            }
            for (done, (var, slot)) in vars.iter().rev().enumerate() {
                if let Some(reason) = self.enough() {
                    let left = (vars.len() - done) as u32;
                    self.tools.writer.gap(reason, Some(left));
                    break;
                }
                let given = Given {
                    address: var.address,
                    kind: slot.kind,
                    size: if var.count > 0 { 0 } else { slot.size },
                    count: not_negative(var.count),
                    depth: 0,
                };
                self.named(slot.name, given);
            }
            self.tools.vars = vars;
            if let Some(reason) = missing {
                self.tools.writer.gap(reason, None);
            }
        }
        self.tools.writer.end_group();
    }

    /// A variable or a member, or that its name hides it.
    fn named(&mut self, name_at: usize, given: Given) {
        let mut name = Short::<256>::new();
        if !name.read(&mut self.tools.memory, name_at) {
            name.clear();
            let _ = name.write_str("?");
        }
        // The budget is spent: the gap behind says so.
        if !self.tools.writer.name(name.as_str().as_bytes()) {
            return;
        }
        if let Some(hit) = self.redactor.name(name.as_str().as_bytes()) {
            let kind = self.kind_of(&given);
            if hit.hides(kind) {
                let id = self.known(given.kind).map_or(TypeId::OWN, |known| known.id);
                let alias = self.alias(&given);
                let writer = &mut self.tools.writer;
                return writer.redacted(Reason::RedactedIdent, id, hit.word(), alias);
            }
        }
        self.value(given);
    }

    /// The contents of a container.
    fn contents(&mut self, pending: &Pending) {
        match pending.content {
            Content::Fields => self.fields(pending),
            Content::Items { count } => self.items_of(pending, count),
        }
        self.tools.writer.end_group();
    }

    fn fields(&mut self, pending: &Pending) {
        let layout = pending.known.layout;
        let most = layout.field_count.min(self.limits.fields as usize);
        for index in 0..most {
            let left = Some((layout.field_count - index) as u32);
            if let Some(reason) = self.enough() {
                return self.tools.writer.gap(reason, left);
            }
            let at = layout.fields.wrapping_add(index * size_of::<Field>());
            let Some(field) = self.tools.memory.get::<Field>(at) else {
                return self.tools.writer.gap(Reason::Unreadable, left);
            };
            let address = pending.address.wrapping_add(field.offset);
            let (address, size, count) = match field.count_size {
                0 => (address, field.size, 0),
                size => {
                    let count =
                        self.count_at(pending.address.wrapping_add(field.count_offset), size);
                    let items = self.tools.memory.get::<usize>(address).unwrap_or(0);
                    (items, 0, if items == 0 { 0 } else { count })
                }
            };
            self.named(
                field.name,
                Given {
                    address,
                    kind: field.kind,
                    size,
                    count,
                    depth: pending.depth,
                },
            );
        }
        if layout.field_count > most {
            let left = (layout.field_count - most) as u32;
            self.tools.writer.gap(Reason::FieldCount, Some(left));
        }
    }

    /// A member that counts.
    fn count_at(&mut self, at: usize, size: usize) -> usize {
        let mut bytes = [0_u8; 8];
        let size = size.min(8);
        if self.tools.memory.read(at, &mut bytes[..size]) < size {
            return 0;
        }
        let count = u64::from_le_bytes(bytes) as usize;
        match size {
            // Its sign is not described. Nobody has so many items; smaller counters do hold 200 or 40,000.
            4 if count > i32::MAX as usize => 0,
            _ => not_negative(count),
        }
    }

    fn items_of(&mut self, pending: &Pending, count: usize) {
        let size = pending.known.layout.size as usize;
        let most = count.min(self.limits.items as usize);
        for index in 0..most {
            if let Some(reason) = self.enough() {
                return self.tools.writer.gap(reason, Some(clamp(count - index)));
            }
            self.value(Given {
                address: pending.address.wrapping_add(index.wrapping_mul(size)),
                kind: pending.known.at,
                size,
                count: 0,
                depth: pending.depth,
            });
        }
        if count > most {
            let left = clamp(count - most);
            self.tools.writer.gap(Reason::CollectionSize, Some(left));
        }
    }

    /// Keeps a container for later.
    pub(crate) fn later(&mut self, known: Known, address: usize, content: Content, depth: u32) {
        // There is room for as many as the tape has values.
        if self.tools.queue.len() < self.tools.queue.capacity() {
            self.tools.queue.push(Pending {
                known,
                address,
                content,
                depth,
            });
        }
    }

    /// The description at an address, with its name defined on the tape; `None`: it cannot be read.
    pub(crate) fn known(&mut self, at: usize) -> Option<Known> {
        if let Some(known) = self.tools.known.iter().find(|known| known.at == at) {
            return Some(*known);
        }
        let layout = self.tools.memory.get::<super::layout::Type>(at)?;
        let mut name = Short::<256>::new();
        if !name.read(&mut self.tools.memory, layout.name) {
            return None;
        }
        let plain = without_struct(name.as_str());
        let known = Known {
            at,
            layout,
            id: self.tools.writer.define_type(name.as_str().as_bytes()),
            is_hidden: self.redactor.type_name(plain).is_some(),
        };
        if self.tools.known.len() < self.tools.known.capacity() {
            self.tools.known.push(known);
        }
        Some(known)
    }
}

/// `order` of `struct order`: as rules write it.
pub(crate) fn without_struct(name: &str) -> &str {
    let name = name.strip_prefix("struct ").unwrap_or(name);
    name.strip_suffix('*').unwrap_or(name)
}

/// Whether a variable's record, at an address, is one of those that were found before in a list that begins at `first`. A block that `longjmp`
/// left did not take its variables out; when they are registered again, the list leads back to them.
fn is_in(vars: &[(Var, Slot)], first: usize, at: usize) -> bool {
    match vars.split_last() {
        Some((_, before)) => at == first || before.iter().any(|(var, _)| var.next == at),
        None => false,
    }
}

/// A number of items; none if it was negative before the program made a size of it.
fn not_negative(count: usize) -> usize {
    if isize::try_from(count).is_ok() {
        count
    } else {
        0
    }
}

fn clamp(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX - 1)
}

/// Decides which frames are shown: the innermost, as many of the program's own as the limit allows, and its outermost. Returns how many they
/// are.
fn choose(
    stack: &Stack,
    scopes: &[OpenScope],
    limit: usize,
    shown: &mut [Option<Shown>; MAX_TAPE_FRAMES],
) -> usize {
    let frames = stack.frames();
    let mut count = 0;
    let mut own = 0;
    let outermost = frames.iter().rposition(|frame| !frame.is_system);
    for (position, frame) in frames.iter().enumerate() {
        let is_full = own + 1 >= limit.max(2) || count + 4 >= MAX_TAPE_FRAMES;
        if is_full && Some(position) != outermost {
            continue;
        }
        let missing = position - shown_frames(&shown[..count]);
        let first = count;
        count += of_frame(frame, scopes, &mut shown[count..]);
        own += usize::from(!frame.is_system);
        if is_full {
            if missing > 0
                && let Some(Some(shown)) = shown.get_mut(first)
            {
                // A number would be taken for all that are missing.
                shown.omitted = Some((!stack.is_cut).then_some(missing as u32));
            }
            break;
        }
    }
    // Scopes in frames that could not be unwound.
    let last = frames.iter().map(|frame| frame.cfa).max().unwrap_or(0);
    let outside = scopes.iter().position(|scope| scope.cfa > last);
    let mut at = outside;
    while let Some(first) = at {
        if count >= MAX_TAPE_FRAMES {
            break;
        }
        let end = scopes[first..]
            .iter()
            .position(|scope| scope.cfa != scopes[first].cfa);
        let length = end.unwrap_or(scopes.len() - first);
        shown[count] = Some(Shown {
            frame: NativeFrame::default(),
            scopes: (first, length),
            same: false,
            omitted: (stack.is_cut && at == outside).then_some(None),
        });
        count += 1;
        at = (first + length < scopes.len()).then_some(first + length);
    }
    count
}

fn shown_frames(shown: &[Option<Shown>]) -> usize {
    shown.iter().flatten().filter(|frame| !frame.same).count()
}

/// One frame of the machine: one of the tape for each function in it that has scopes, or one without.
fn of_frame(frame: &NativeFrame, scopes: &[OpenScope], shown: &mut [Option<Shown>]) -> usize {
    let first = scopes
        .iter()
        .position(|scope| scope.cfa == frame.cfa && frame.cfa != 0);
    let mut count = 0;
    let mut at = first.unwrap_or(scopes.len());
    while let Some(scope) = scopes.get(at).filter(|scope| scope.cfa == frame.cfa) {
        let function = scope.place.function;
        let same = |other: &&OpenScope| other.cfa == frame.cfa && other.place.function == function;
        let length = scopes[at..].iter().take_while(same).count();
        let Some(seat) = shown.get_mut(count) else {
            break;
        };
        *seat = Some(Shown {
            frame: *frame,
            scopes: (at, length),
            same: count > 0,
            omitted: None,
        });
        count += 1;
        at += length;
    }
    if count == 0
        && let Some(seat) = shown.first_mut()
    {
        *seat = Some(Shown {
            frame: *frame,
            scopes: (0, 0),
            same: false,
            omitted: None,
        });
        count = 1;
    }
    count
}
