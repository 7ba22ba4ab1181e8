//! The message of an exception: what `str()` would give, without running any of the program's code.
//!
//! The built-in exceptions format their messages in C from fields and args; the same is done here, chosen by the very function that
//! the type has for `str()`. A type with a `__str__` of its own has a message that only it could tell: the args then stand for
//! it, and the exception is marked as such.

use pyo3_ffi as ffi;
use stillframe_core::tape::{TapeWriter, TextFlags};

use super::capture::Walk;
use super::number::Integer;
use super::object::{Bytes, Exception, Int, Obj, Str};
use super::render::{Render, escaped};
use super::rules::Rules;
use super::text::{Scratch, Text};
use super::{Facts, layout};

/// Longest message that is made; one that is a string already is not copied.
const MADE_MAX: usize = 8192;

/// A message, where it is or as it was made.
pub(super) enum Message<'g> {
    /// The text of the only arg.
    Arg(Str<'g>),
    Made {
        text: String,
        known: bool,
    },
}

impl<'g> Message<'g> {
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Made { known: false, .. })
    }

    /// Whether it is this very object.
    pub(super) fn is(&self, object: Option<Obj<'g>>) -> bool {
        matches!((self, object), (Self::Arg(text), Some(object)) if text.0 == object)
    }

    pub(super) fn write<const DIRECT: bool>(&self, out: &mut TapeWriter, scratch: &mut Scratch) {
        match self {
            Self::Arg(text) => text.text::<DIRECT>(scratch).write(out),
            Self::Made { text, .. } => out.utf8(text, TextFlags::NONE),
        }
    }
}

/// Which C function a type has for `str()`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StrFunctions {
    base: usize,
    key: usize,
    os: usize,
    import: usize,
    syntax: usize,
    decode: usize,
    encode: usize,
    translate: usize,
    group: usize,
}

impl StrFunctions {
    pub(super) fn find() -> Self {
        let of = |exception: *mut ffi::PyObject| {
            // SAFETY: a static exception type of the interpreter.
            unsafe { super::object::Class::new(exception.cast()) }
                .map_or(0, |class| class.str_function())
        };
        // SAFETY: these statics hold the interpreter's exception types.
        unsafe {
            Self {
                base: of(ffi::PyExc_BaseException),
                key: of(ffi::PyExc_KeyError),
                os: of(ffi::PyExc_OSError),
                import: of(ffi::PyExc_ImportError),
                syntax: of(ffi::PyExc_SyntaxError),
                decode: of(ffi::PyExc_UnicodeDecodeError),
                encode: of(ffi::PyExc_UnicodeEncodeError),
                translate: of(ffi::PyExc_UnicodeTranslateError),
                #[cfg(Py_3_11)]
                group: of(ffi::PyExc_BaseExceptionGroup),
                #[cfg(not(Py_3_11))]
                group: 0,
            }
        }
    }
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn message(&self, exception: Exception<'g>) -> Message<'g> {
        let room = (self.out.text_bound() * 4).clamp(256, MADE_MAX);
        message::<DIRECT>(exception, self.facts, self.rules, room, 0)
    }
}

fn message<'g, const DIRECT: bool>(
    exception: Exception<'g>,
    facts: &Facts,
    rules: Rules<'_>,
    room: usize,
    depth: u32,
) -> Message<'g> {
    let function = exception.0.class().str_function();
    let names = &facts.str_functions;
    let mut render = Render::new(room, facts, rules);
    let own = |index| {
        // SAFETY: the function for `str()` is that of a built-in type, so the exception begins with that type's fields.
        unsafe { exception.own(index) }
    };
    let made = if function == names.base {
        None
    } else if function == names.key {
        key_error::<DIRECT>(exception, &mut render)
    } else if function == names.os {
        os_error::<DIRECT>(own, &mut render)
    } else if function == names.import {
        match own(0).filter(|text| text.class().is(&raw const ffi::PyUnicode_Type)) {
            Some(text) => Str::of(text).map(|text| render.plain::<DIRECT>(text)),
            None => None,
        }
    } else if function == names.syntax {
        syntax_error::<DIRECT>(own, &mut render);
        Some(())
    } else if [names.decode, names.encode, names.translate].contains(&function) {
        unicode_error::<DIRECT>(exception, function, names, &mut render)
    } else if function == names.group && names.group != 0 {
        group::<DIRECT>(own, &mut render)
    } else {
        render.known = false;
        None
    };
    if made.is_none() {
        match from_args::<DIRECT>(exception, &mut render, facts, rules, depth) {
            Some(text) if render.known => return Message::Arg(text),
            Some(text) => render.plain::<DIRECT>(text),
            None => {}
        }
    }
    Message::Made {
        known: render.known,
        text: String::from_utf8_lossy(&render.text).into_owned(),
    }
}

/// What `BaseException` makes of its args; the text itself if that is all there is.
fn from_args<'g, const DIRECT: bool>(
    exception: Exception<'g>,
    render: &mut Render<'_>,
    facts: &Facts,
    rules: Rules<'_>,
    depth: u32,
) -> Option<Str<'g>> {
    let args = exception.args()?;
    let items = args.items::<DIRECT>();
    match (items.length, items.get(0)) {
        (0, _) => None,
        (1, Some(only)) => {
            if only.class().is(&raw const ffi::PyUnicode_Type) {
                return Str::of(only);
            }
            match Exception::of(only) {
                // An exception made of another: its text.
                Some(inner) if depth < 3 => {
                    match message::<DIRECT>(inner, facts, rules, MADE_MAX, depth + 1) {
                        Message::Arg(text) => render.plain::<DIRECT>(text),
                        Message::Made { text, known } => {
                            render.known &= known;
                            render.push(&text);
                        }
                    }
                }
                _ => render.str::<DIRECT>(only),
            }
            None
        }
        _ => {
            render.repr::<DIRECT>(args.0, 0);
            None
        }
    }
}

fn key_error<const DIRECT: bool>(exception: Exception<'_>, render: &mut Render<'_>) -> Option<()> {
    let args = exception.args()?.items::<DIRECT>();
    if args.length != 1 {
        return None;
    }
    render.repr::<DIRECT>(args.get(0)?, 0);
    Some(())
}

fn os_error<'g, const DIRECT: bool>(
    own: impl Fn(usize) -> Option<Obj<'g>>,
    render: &mut Render<'_>,
) -> Option<()> {
    let (number, text, file, other) = (own(0), own(1), own(2), own(3));
    if file.is_none() && (number.is_none() || text.is_none()) {
        return None;
    }
    let or_none = |render: &mut Render<'_>, value: Option<Obj<'g>>| match value {
        Some(value) => render.str::<DIRECT>(value),
        None => render.push("None"),
    };
    render.push("[Errno ");
    or_none(render, number);
    render.push("] ");
    or_none(render, text);
    if let Some(file) = file {
        render.push(": ");
        render.repr::<DIRECT>(file, 0);
        if let Some(other) = other {
            render.push(" -> ");
            render.repr::<DIRECT>(other, 0);
        }
    }
    Some(())
}

fn syntax_error<'g, const DIRECT: bool>(
    own: impl Fn(usize) -> Option<Obj<'g>>,
    render: &mut Render<'_>,
) {
    match own(0) {
        Some(text) => render.str::<DIRECT>(text),
        None => render.push("None"),
    }
    let file = own(1).and_then(Str::of).map(|file| {
        let path = file.to_utf8::<DIRECT>(4096);
        let from = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(0, |at| at + 1);
        String::from_utf8_lossy(&path[from..]).into_owned()
    });
    let line = own(2)
        .filter(|line| line.class().is(&raw const ffi::PyLong_Type))
        .and_then(Int::of)
        .and_then(|line| match line.value::<DIRECT>() {
            Integer::Small(line) => Some(line),
            _ => None,
        });
    match (file, line) {
        (Some(file), Some(line)) => render.push(&format!(" ({file}, line {line})")),
        (Some(file), None) => render.push(&format!(" ({file})")),
        (None, Some(line)) => render.push(&format!(" (line {line})")),
        (None, None) => {}
    }
}

fn unicode_error<const DIRECT: bool>(
    exception: Exception<'_>,
    function: usize,
    names: &StrFunctions,
    render: &mut Render<'_>,
) -> Option<()> {
    const POINTER: usize = 8;
    // SAFETY: errors of this kind begin with two objects, two sizes and an object.
    let (encoding, object, start, end, reason) = unsafe {
        (
            exception.own(0),
            exception.own(1)?,
            exception
                .0
                .read::<isize>(layout::EXCEPTION_OWN + 2 * POINTER),
            exception
                .0
                .read::<isize>(layout::EXCEPTION_OWN + 3 * POINTER),
            exception.own(4)?,
        )
    };
    let (what, verb) = if function == names.decode {
        ("byte", "decode")
    } else if function == names.encode {
        ("character", "encode")
    } else {
        ("character", "translate")
    };
    if function != names.translate {
        render.push("'");
        render.plain::<DIRECT>(Str::of(encoding?)?);
        render.push("' codec ");
    }
    render.push("can't ");
    render.push(verb);
    let first = usize::try_from(start)
        .ok()
        .and_then(|start| unit_at::<DIRECT>(object, start));
    match first {
        Some(unit) if end == start + 1 => {
            let shown = if what == "byte" {
                format!("0x{unit:02x}")
            } else {
                format!("'{}'", escaped(unit))
            };
            render.push(&format!(" {what} {shown} in position {start}: "));
        }
        _ => render.push(&format!(" {what}s in position {start}-{}: ", end - 1)),
    }
    render.str::<DIRECT>(reason);
    Some(())
}

/// One byte or character of what could not be converted.
fn unit_at<const DIRECT: bool>(object: Obj<'_>, index: usize) -> Option<u32> {
    if let Some(bytes) = Bytes::of(object) {
        return bytes.data::<DIRECT>().get(index).map(|&byte| byte.into());
    }
    let mut scratch = Scratch::default();
    match Str::of(object)?.text::<DIRECT>(&mut scratch) {
        Text::Ascii(bytes) | Text::Latin1(bytes) => bytes.get(index).map(|&byte| byte.into()),
        Text::Two(bytes) => {
            let unit = bytes.get(2 * index..2 * index + 2)?;
            Some(u16::from_le_bytes([unit[0], unit[1]]).into())
        }
        Text::Four(bytes, _) => {
            let unit = bytes.get(4 * index..4 * index + 4)?;
            Some(u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))
        }
        Text::NotReady => None,
    }
}

fn group<'g, const DIRECT: bool>(
    own: impl Fn(usize) -> Option<Obj<'g>>,
    render: &mut Render<'_>,
) -> Option<()> {
    let members = super::object::Tuple::of(own(1)?)?.items::<DIRECT>().length;
    render.str::<DIRECT>(own(0)?);
    let plural = if members > 1 { "s" } else { "" };
    render.push(&format!(" ({members} sub-exception{plural})"));
    Some(())
}
