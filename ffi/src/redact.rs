//! What a host's walker asks before it reads a value: is this name or type one that hides it?

use stillframe_core::redact::ValueKind;

use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_engine;
use crate::status::{
    STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_TOO_MUCH, STILLFRAME_ERROR_VALUE, STILLFRAME_NONE,
    STILLFRAME_OK, STILLFRAME_REDACTED, stillframe_status,
};
use crate::text::{slice, stillframe_text};

/// Text, bytes, anything that is none of the others.
pub const STILLFRAME_KIND_OTHER: u32 = 0;
/// Null.
pub const STILLFRAME_KIND_NULL: u32 = 1;
/// True or false.
pub const STILLFRAME_KIND_BOOL: u32 = 2;
/// An integer or another number.
pub const STILLFRAME_KIND_NUMBER: u32 = 3;

/// Fields of one shape.
const FIELDS: usize = 1 << 16;

fn kind_of(kind: u32) -> Result<ValueKind, Failure> {
    match kind {
        STILLFRAME_KIND_OTHER => Ok(ValueKind::Other),
        STILLFRAME_KIND_NULL => Ok(ValueKind::Null),
        STILLFRAME_KIND_BOOL => Ok(ValueKind::Bool),
        STILLFRAME_KIND_NUMBER => Ok(ValueKind::Number),
        _ => Err(Failure::of(
            STILLFRAME_ERROR_VALUE,
            "kind",
            "no such kind of value",
        )),
    }
}

/// Must a value of this kind (STILLFRAME_KIND_*) be hidden under this name? STILLFRAME_OK: no. STILLFRAME_REDACTED: yes; do not read
/// it, write REDACTED with the rule's name, which is put into `rule` (NULL: not wanted) and lives as long as the engine. Any bytes may
/// be asked about.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_name_is_redacted(
    engine: *const stillframe_engine,
    name: stillframe_text,
    kind: u32,
    rule: *mut stillframe_text,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        let inner = stillframe_engine::get(engine)?;
        let kind = kind_of(kind)?;
        // SAFETY: the contract: a view that is valid for this call.
        let name = unsafe { name.bytes("name") }?;
        match inside(|| inner.engine.redactor().name(name)) {
            Some(hit) if hit.hides(kind) => {
                // SAFETY: NULL or the caller's own by the contract.
                unsafe { tell(rule, hit.word()) };
                Ok(STILLFRAME_REDACTED)
            }
            _ => Ok(STILLFRAME_OK),
        }
    })
}

/// The same for a type by its full name, module or package included.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_type_is_redacted(
    engine: *const stillframe_engine,
    type_name: stillframe_text,
    rule: *mut stillframe_text,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        let inner = stillframe_engine::get(engine)?;
        // SAFETY: the contract: a view that is valid for this call.
        let type_name = unsafe { type_name.read("type_name") }?;
        match inside(|| inner.engine.redactor().type_name(type_name)) {
            Some(found) => {
                // SAFETY: NULL or the caller's own by the contract.
                unsafe { tell(rule, found) };
                Ok(STILLFRAME_REDACTED)
            }
            None => Ok(STILLFRAME_OK),
        }
    })
}

/// Plans a shape once, so that its values need not be asked about one by one: sets bit n % 64 of hidden[n / 64] if a value of this kind
/// must be hidden under names[n], and clears it otherwise; `hidden` has (names_len + 63) / 64 words. STILLFRAME_REDACTED: the type
/// itself is hidden, and so are all bits set.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_shape_plan(
    engine: *const stillframe_engine,
    type_name: stillframe_text,
    names: *const stillframe_text,
    names_len: usize,
    kind: u32,
    hidden: *mut u64,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            let kind = kind_of(kind)?;
            if names_len > FIELDS {
                return Err(Failure::of(
                    STILLFRAME_ERROR_TOO_MUCH,
                    "names_len",
                    "more than 65536",
                ));
            }
            if hidden.is_null() && names_len > 0 {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "hidden", "NULL"));
            }
            // SAFETY: the contract: views that are valid for this call.
            let (type_name, names) = unsafe {
                (
                    type_name.read("type_name")?,
                    slice(names, names_len, "names")?,
                )
            };
            for name in names {
                // SAFETY: as above.
                unsafe { name.bytes("names") }?;
            }
            let redactor = inner.engine.redactor();
            let whole = redactor.type_name(type_name).is_some();
            for (at, chunk) in names.chunks(64).enumerate() {
                let mut word = 0;
                for (bit, name) in chunk.iter().enumerate() {
                    // SAFETY: as above.
                    let name = unsafe { name.bytes("names") }?;
                    let hides = whole || redactor.name(name).is_some_and(|hit| hit.hides(kind));
                    word |= u64::from(hides) << bit;
                }
                // SAFETY: the caller's own words by the contract, one for each 64 names.
                unsafe { hidden.add(at).write(word) };
            }
            Ok(if whole {
                STILLFRAME_REDACTED
            } else {
                STILLFRAME_OK
            })
        })
    })
}

/// The keyed hash that stands for a text which a name hid, for the tape's ALIAS: the same text elsewhere in the snapshot is then
/// hidden, too. STILLFRAME_NONE: that is switched off; write REDACTED.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_text_alias(
    engine: *const stillframe_engine,
    text: stillframe_text,
    hash: *mut u64,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            if hash.is_null() {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "hash", "NULL"));
            }
            // SAFETY: the contract: a view that is valid for this call.
            let text = unsafe { text.bytes("text") }?;
            let Some(key) = inner.engine.alias_key() else {
                return Ok(STILLFRAME_NONE);
            };
            // SAFETY: not NULL, and the caller's own by the contract.
            unsafe { hash.write(key.hash(text)) };
            done()
        })
    })
}

/// # Safety
///
/// `rule` is NULL or writable.
unsafe fn tell(rule: *mut stillframe_text, name: &str) {
    if !rule.is_null() {
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { rule.write(stillframe_text::lent(name)) };
    }
}
