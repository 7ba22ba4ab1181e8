//! What a signal says, for people.

use std::ffi::c_int;
use std::fmt::Write as _;

use super::super::text::Short;

/// The address that a signal is about; 0: none.
pub(crate) fn address(signal: c_int, info: &libc::siginfo_t) -> u64 {
    if signal == libc::SIGABRT || info.si_code <= 0 {
        return 0;
    }
    // SAFETY: signals of failed instructions carry an address.
    unsafe { info.si_addr() }.addr() as u64
}

pub(crate) fn name_of(signal: c_int) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        _ => "SIGABRT",
    }
}

/// What happened.
pub(crate) fn describe(
    message: &mut Short<200>,
    signal: c_int,
    info: &libc::siginfo_t,
    address: u64,
) {
    const SEGV_MAPERR: c_int = 1;
    const SEGV_ACCERR: c_int = 2;
    let code = info.si_code;
    let _ = match (signal, code) {
        (_, libc::SI_USER | libc::SI_QUEUE) => {
            // SAFETY: a signal that a process sent carries its number.
            write!(message, "sent by process {}", unsafe { info.si_pid() })
        }
        (libc::SIGABRT, _) => message.write_str("the program aborted itself"),
        (_, libc::SI_TKILL) => message.write_str("raised by the program itself"),
        (libc::SIGSEGV, SEGV_MAPERR) if address < 0x1_0000 => {
            write!(message, "null pointer: nothing is at address {address:#x}")
        }
        (libc::SIGSEGV, SEGV_MAPERR) => write!(message, "nothing is at address {address:#x}"),
        (libc::SIGSEGV, SEGV_ACCERR) => {
            write!(message, "no permission for address {address:#x}")
        }
        (libc::SIGSEGV, _) => message.write_str("invalid access to memory"),
        (libc::SIGBUS, libc::BUS_ADRALN) => write!(message, "misaligned address {address:#x}"),
        (libc::SIGBUS, libc::BUS_ADRERR) => {
            write!(
                message,
                "no memory behind address {address:#x} (a file that became shorter)"
            )
        }
        (libc::SIGBUS, _) => write!(message, "bus error at address {address:#x}"),
        (libc::SIGFPE, 1) => message.write_str("integer division by zero"),
        (libc::SIGFPE, 2) => message.write_str("integer overflow"),
        (libc::SIGFPE, _) => message.write_str("arithmetic error"),
        (libc::SIGILL, _) => write!(message, "illegal instruction at {address:#x}"),
        _ => Ok(()),
    };
}
