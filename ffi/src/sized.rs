//! Structs that may grow: the first member, `struct_size`, says how much of one the other side knows.
//!
//! A caller with an older header hands over less than we know: what is missing is zero, which always means "as before". One with a newer
//! header hands over more: what we do not know must be zero, otherwise it asks for something that we cannot do and would have to ignore.

use crate::error::Failure;
use crate::status::{STILLFRAME_ERROR_NEWER, STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_STRUCT_SIZE};

/// Larger than any version of a struct will ever be: whoever says so has not set `struct_size`.
const ABSURD: usize = 64 << 10;

/// A struct whose first member is its `struct_size: usize`.
///
/// # Safety
///
/// `repr(C)`, begins with a `usize`, and all zero bytes are a valid value.
pub(crate) unsafe trait Sized_: Copy {
    /// What it is called, for messages.
    const NAME: &'static str;
    /// Bytes of its first version.
    const LEAST: usize;
}

/// Implements [`Sized_`] for a struct: `sized!(stillframe_config, least = directory)` names the last member of the first version.
macro_rules! sized {
    ($name:ident, least = $last:ident: $type:ty) => {
        const _: () = assert!(std::mem::offset_of!($name, struct_size) == 0);
        // SAFETY: `repr(C)`, `struct_size` is its first member as checked above, and the others are numbers, raw pointers,
        // views of them and optional functions, all of which may be zero.
        unsafe impl $crate::sized::Sized_ for $name {
            const NAME: &'static str = stringify!($name);
            const LEAST: usize = std::mem::offset_of!($name, $last) + size_of::<$type>();
        }
    };
}
pub(crate) use sized;

/// All zero, with its size set.
pub(crate) fn zeroed<T: Sized_>() -> T {
    // SAFETY: `Sized_` says that all zero is valid and that the struct begins with a `usize`.
    unsafe {
        let mut it: T = std::mem::zeroed();
        (&raw mut it).cast::<usize>().write(size_of::<T>());
        it
    }
}

fn size_at<T: Sized_>(pointer: *const T) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(Failure::of(STILLFRAME_ERROR_NULL, T::NAME, "NULL"));
    }
    if !pointer.is_aligned() {
        let what = "not aligned as a struct is";
        return Err(Failure::of(STILLFRAME_ERROR_STRUCT_SIZE, T::NAME, what));
    }
    // SAFETY: not NULL and aligned; whoever calls an export with a struct promises at least its `struct_size`.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(T::LEAST..=ABSURD).contains(&size) {
        let what = "struct_size is not set to sizeof the struct";
        let failure = Failure::of(STILLFRAME_ERROR_STRUCT_SIZE, T::NAME, what);
        return Err(failure.with_detail(size));
    }
    Ok(size)
}

/// Reads a struct that the caller may know an older or newer version of.
///
/// # Safety
///
/// `pointer` is NULL or points to an initialised `struct_size` and as many readable bytes as that says.
pub(crate) unsafe fn read<T: Sized_>(pointer: *const T) -> Result<T, Failure> {
    let size = size_at(pointer)?;
    let mut it = zeroed::<T>();
    let known = size.min(size_of::<T>());
    let bytes = pointer.cast::<u8>();
    // SAFETY: the caller's promise for `size` bytes; `it` has room for `known`, and any bytes of the caller's are as valid in it as there.
    unsafe { bytes.copy_to_nonoverlapping((&raw mut it).cast(), known) };
    for at in known..size {
        // SAFETY: `at` is below the size that the caller promises.
        if unsafe { bytes.add(at).read() } != 0 {
            let what = "has something set that this version does not know; the header is newer than the library";
            return Err(Failure::of(STILLFRAME_ERROR_NEWER, T::NAME, what).with_detail(at));
        }
    }
    Ok(it)
}

/// Checks a struct that is going to be written, before anything is done.
///
/// # Safety
///
/// As [`read`].
pub(crate) unsafe fn check<T: Sized_>(pointer: *const T) -> Result<(), Failure> {
    size_at(pointer).map(drop)
}

/// Writes as much of `value` as the caller knows, but for its `struct_size`. What the caller knows beyond us becomes zero.
///
/// # Safety
///
/// As [`read`], and the bytes are writable.
pub(crate) unsafe fn write<T: Sized_>(pointer: *mut T, value: &T) -> Result<(), Failure> {
    let size = size_at(pointer)?;
    let known = size.min(size_of::<T>());
    let skip = size_of::<usize>();
    let from = std::ptr::from_ref(value).cast::<u8>();
    let to = pointer.cast::<u8>();
    // SAFETY: `size` bytes are the caller's and writable; `known` is no more than either has.
    unsafe {
        to.add(skip)
            .copy_from_nonoverlapping(from.add(skip), known - skip);
        to.add(known).write_bytes(0, size - known);
    }
    Ok(())
}
