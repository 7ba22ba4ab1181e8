//! Which library this is.

use std::ffi::{CStr, c_char};

use crate::guard::guard;
use crate::status::{self, stillframe_status};

/// Version of the binary interface that this header describes: major << 16 | minor. A new minor version only adds.
pub const STILLFRAME_ABI_VERSION: u32 = 1;

/// Version, compiler and parts, in one line.
const BUILD: &str = concat!(
    "stillframe ",
    env!("CARGO_PKG_VERSION"),
    ", abi 0.1, tape 1, snapshot 1\0"
);

/// The version of the library's binary interface: major << 16 | minor. A caller compares it with its own STILLFRAME_ABI_VERSION before
/// anything else, and goes without the library if the major versions differ or the library's minor version is the smaller one.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_abi_version() -> u32 {
    guard!(else 0, { STILLFRAME_ABI_VERSION })
}

/// One line of text about this build: its version and those of the formats. Terminated, static.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_build_info() -> *const c_char {
    guard!(else c"".as_ptr(), {
        CStr::from_bytes_with_nul(BUILD.as_bytes()).unwrap_or(c"").as_ptr()
    })
}

/// The name of a status, as "STILLFRAME_ERROR_NULL". Terminated, static; empty for a number that this version does not know.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_status_name(status: stillframe_status) -> *const c_char {
    guard!(else c"".as_ptr(), { status::name(status).as_ptr() })
}
