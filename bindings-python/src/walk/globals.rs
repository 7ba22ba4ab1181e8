//! Globals that code uses: for a frame that the walker chose, those that the line uses where it is, for one that a tracer chose, all that
//! its code names.
//!
//! Only data is shown: neither modules nor classes nor functions. A line's own globals are mostly those, so that most frames get none.

use std::cell::RefCell;
use std::ptr::NonNull;

use pyo3_ffi as ffi;
use smallvec::SmallVec;
use stillframe_core::tape::Section;

use super::capture::Walk;
use super::code::{CodePlan, Owned};
use super::loads;
use super::object::{Class, Code, Dict, Frame, Obj, Str, Tuple, flags};
use super::plan::{Field, Names};
use super::rules::{NAME_MAX, Rules};

/// Globals of one frame that are shown.
const MAX_GLOBALS: usize = 256;
/// Names of a code object that a line can use.
const MAX_NAMES: usize = 4096;
/// Places kept per code object.
const MAX_PLACES: usize = 32;
/// Entries of a module's namespace that are looked at for all names of a code object.
const NAMESPACE_MAX: usize = 8192;
/// Objects of the tracer itself tell nothing of the program.
const TRACER: &[u8] = b"ddtrace.";
/// A global is not opened as deep as a variable: it is often the root of everything.
const DEPTH: u32 = 1;

/// A name that a code object looks up as a global or an attribute.
#[derive(Debug)]
struct Name {
    /// Kept alive by the code object.
    text: NonNull<ffi::PyObject>,
    hash: u64,
    field: Field,
}

/// All names of a code object.
#[derive(Debug, Default)]
pub(super) struct Globals {
    names: Names,
    fields: Vec<Name>,
    /// One bit for six bits of each name's hash.
    bits: u64,
    /// By instruction, which of them its line loads.
    lines: RefCell<Vec<(i32, SmallVec<[u16; 8]>)>>,
}

impl Globals {
    /// Asked once per code object: a plain member, read in C.
    pub(super) fn of<const DIRECT: bool>(code: Code<'_>, rules: &Rules<'_>) -> Self {
        let mut globals = Self::default();
        let Some(names) = Owned::attribute(code.0, c"co_names") else {
            return globals;
        };
        let Some(names) = Tuple::of(names.get()).map(|names| names.items::<DIRECT>()) else {
            return globals;
        };
        for index in 0..names.length.min(MAX_NAMES) {
            let Some(text) = names.get(index).and_then(Str::of) else {
                break;
            };
            // Unknown where it was never asked for: then no namespace has the name.
            let hash = text.hash::<DIRECT>().unwrap_or(0);
            let name = text.to_utf8::<DIRECT>(NAME_MAX);
            let field = globals.names.field(&name, index, rules);
            let Some(text) = NonNull::new(text.0.pointer()) else {
                break;
            };
            globals.fields.push(Name { text, hash, field });
            globals.bits |= bit(hash);
        }
        globals
    }

    /// The values that a namespace has under these names, in the order of the code object.
    fn find<'g, const DIRECT: bool>(
        &self,
        namespace: Dict<'g>,
    ) -> SmallVec<[(usize, Obj<'g>); 16]> {
        let mut found: SmallVec<[(usize, Obj<'g>); 16]> = SmallVec::new();
        if self.fields.is_empty() {
            return found;
        }
        let mut entries = namespace.entries::<DIRECT>();
        for _ in 0..NAMESPACE_MAX {
            let Some((key, value)) = entries.next() else {
                break;
            };
            let Some(key) = Str::of(key) else { continue };
            let hash = key.hash::<DIRECT>();
            if hash.is_some_and(|hash| self.bits & bit(hash) == 0) {
                continue;
            }
            let at = self.fields.iter().take(MAX_GLOBALS).position(|name| {
                hash.is_none_or(|hash| hash == name.hash)
                    && key.to_utf8::<DIRECT>(NAME_MAX) == self.names.get(&name.field)
            });
            if let Some(at) = at {
                found.push((at, value));
            }
        }
        found.sort_unstable_by_key(|(at, _)| *at);
        found
    }

    /// The values that a namespace has under the names that the line of an instruction uses.
    fn find_on_line<'g, const DIRECT: bool>(
        &self,
        namespace: Dict<'g>,
        code: Code<'g>,
        plan: &CodePlan,
        lasti: i32,
    ) -> SmallVec<[(usize, Obj<'g>); 16]> {
        if self.fields.is_empty() {
            return SmallVec::new();
        }
        let mut lines = self.lines.borrow_mut();
        let at = lines.iter().position(|(known, _)| *known == lasti);
        let at = at.unwrap_or_else(|| {
            if lines.len() >= MAX_PLACES {
                lines.clear();
            }
            let loaded = code.with_line::<DIRECT, _>(plan, lasti, |instructions, ranges| {
                loads::globals(instructions, ranges, self.fields.len())
            });
            lines.push((lasti, loaded.unwrap_or_default()));
            lines.len() - 1
        });
        let used = lines[at].1.iter().filter_map(|&index| {
            let name = self.fields.get(usize::from(index))?;
            // SAFETY: the code object, whose plan this is, keeps its names alive.
            let text = unsafe { Obj::new(name.text.as_ptr()) }.and_then(Str::of)?;
            let value = namespace.lookup::<DIRECT>(text)?;
            Some((usize::from(index), value))
        });
        used.collect()
    }
}

const fn bit(hash: u64) -> u64 {
    1 << (hash >> 3 & 63)
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// Whether a namespace is that of a module, which is told as the globals that its code names.
    pub(super) fn is_module(&self, frame: Frame<'g>, namespace: Obj<'g>) -> bool {
        let globals = frame.globals::<DIRECT>();
        self.chosen.is_some() && globals.is_some_and(|globals| globals.0 == namespace)
    }

    /// The globals that a frame uses, which is at the instruction `lasti`.
    pub(super) fn globals(&mut self, frame: Frame<'g>, plan: &'g CodePlan, lasti: i32) {
        // Code of a module has its globals as its variables.
        if self.halted() || (self.chosen.is_none() && !plan.is_function()) {
            return;
        }
        let (Some(code), Some(namespace)) = (frame.code::<DIRECT>(), frame.globals::<DIRECT>())
        else {
            return;
        };
        let globals = plan
            .globals
            .get_or_init(|| Globals::of::<DIRECT>(code, &self.rules));
        let (found, depth) = if self.chosen.is_some() {
            (globals.find::<DIRECT>(namespace), 0)
        } else {
            let found = globals.find_on_line::<DIRECT>(namespace, code, plan, lasti);
            (found, DEPTH)
        };
        let mut begun = false;
        for (at, value) in found {
            let class = value.class();
            let is_left_out = is_definition(class)
                || if self.chosen.is_some() {
                    self.plan(value).name.starts_with(TRACER)
                } else {
                    class.is(&raw const ffi::PyCFunction_Type)
                };
            if is_left_out {
                continue;
            }
            if self.halted() {
                return self.cut(None);
            }
            if !begun {
                begun = true;
                self.out.section(Section::Statics);
            }
            let Some(Name { field, .. }) = globals.fields.get(at) else {
                continue;
            };
            let name = globals.names.get(field);
            if !self.named(name, field.hidden.as_deref(), value, depth) {
                return self.cut(None);
            }
        }
    }
}

fn is_definition(class: Class<'_>) -> bool {
    class.has(flags::TYPE)
        || class.is(&raw const ffi::PyFunction_Type)
        || class.derives(&raw const ffi::PyModule_Type)
}
