//! Reads of the program's memory that cannot crash, whatever the address.
//!
//! What lies in the running part of the stack is there and is read as it is. All else goes through the kernel, a page at a time:
//! `process_vm_readv` on ourselves, or `/proc/self/mem` where a sandbox forbids that. Pages are kept for one capture, because what is read
//! lies together: descriptions, names, the members of a struct.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::layout::Plain;

const PAGE: usize = 4096;
const PAGES: usize = 16;

struct Page {
    /// Its address; 1: none.
    at: usize,
    readable: bool,
    bytes: [u8; PAGE],
}

/// How pages are had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Unknown,
    Call,
    File(i32),
    None,
}

pub(crate) struct Memory {
    stack: Range<usize>,
    pages: Box<[Page]>,
    next: usize,
    pid: i32,
    way: Way,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let page = || Page {
            at: 1,
            readable: false,
            bytes: [0; PAGE],
        };
        Self {
            stack: 0..0,
            pages: (0..PAGES).map(|_| page()).collect(),
            next: 0,
            pid: 0,
            way: Way::Unknown,
        }
    }

    /// Begins a capture.
    pub(crate) fn begin(&mut self) {
        // A forked child must not read its parent.
        // SAFETY: a system call without arguments that cannot fail.
        self.pid = unsafe { libc::getpid() };
        self.stack = 0..0;
        for page in &mut *self.pages {
            page.at = 1;
        }
    }

    /// Says which part of this thread's stack is in use.
    ///
    /// # Safety
    ///
    /// All of it is mapped and stays so until [`Memory::end`].
    pub(crate) unsafe fn set_stack(&mut self, stack: Range<usize>) {
        self.stack = stack;
    }

    /// Ends a capture.
    pub(crate) fn end(&mut self) {
        self.stack = 0..0;
        if let Way::File(file) = self.way {
            // SAFETY: it is the file that `through_file` opened, and nobody else knows it.
            unsafe { libc::close(file) };
            self.way = Way::Unknown;
        }
    }

    /// A struct at an address; `None`: it cannot be read.
    pub(crate) fn get<T: Plain>(&mut self, at: usize) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: as many bytes as `T` has, which lie in `value`; zeroed, they are initialised.
        let bytes = unsafe {
            value.as_mut_ptr().write_bytes(0, 1);
            std::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<u8>(), size_of::<T>())
        };
        // SAFETY: every pattern of bits is a `T`.
        (self.read(at, bytes) == size_of::<T>()).then(|| unsafe { value.assume_init() })
    }

    /// Copies from an address; returns how many bytes could be read before the first that could not.
    pub(crate) fn read(&mut self, at: usize, out: &mut [u8]) -> usize {
        let Some(end) = at.checked_add(out.len()) else {
            return 0;
        };
        if self.stack.contains(&at) && end <= self.stack.end {
            for (offset, byte) in out.iter_mut().enumerate() {
                // Not `memcpy`: that of a sanitizer has opinions about what lies between variables.
                // SAFETY: within the stack, which is mapped.
                *byte = unsafe { ((at + offset) as *const u8).read_volatile() };
            }
            return out.len();
        }
        let mut done = 0;
        while done < out.len() {
            let here = at + done;
            let Some(page) = self.page(here & !(PAGE - 1)) else {
                break;
            };
            let from = here % PAGE;
            let length = (PAGE - from).min(out.len() - done);
            out[done..done + length].copy_from_slice(&page[from..from + length]);
            done += length;
        }
        done
    }

    /// Whether all of these bytes can be read.
    pub(crate) fn is_readable(&mut self, at: usize, length: usize) -> bool {
        let Some(last) = at.checked_add(length.saturating_sub(1)) else {
            return false;
        };
        if self.stack.contains(&at) && self.stack.contains(&last) {
            return true;
        }
        let mut page = at & !(PAGE - 1);
        while page <= last {
            if self.page(page).is_none() {
                return false;
            }
            page += PAGE;
        }
        true
    }

    /// The page at an address, from memory or from before; `None`: it cannot be read.
    fn page(&mut self, at: usize) -> Option<&[u8; PAGE]> {
        let known = self.pages.iter().position(|page| page.at == at);
        let index = match known {
            Some(index) => index,
            None => {
                let index = self.next;
                self.next = (index + 1) % PAGES;
                self.fetch(index, at);
                index
            }
        };
        let page = &self.pages[index];
        page.readable.then_some(&page.bytes)
    }

    fn fetch(&mut self, index: usize, at: usize) {
        let pid = self.pid;
        let way = self.way;
        let page = &mut self.pages[index];
        page.at = at;
        page.readable = false;
        if matches!(way, Way::Unknown | Way::Call) {
            let local = libc::iovec {
                iov_base: page.bytes.as_mut_ptr().cast(),
                iov_len: PAGE,
            };
            let remote = libc::iovec {
                iov_base: at as *mut c_void,
                iov_len: PAGE,
            };
            // SAFETY: the local side is the page's own buffer; the kernel checks the other one, which is this very process.
            let got = unsafe {
                libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0)
            };
            if got == PAGE as isize {
                page.readable = true;
                self.way = Way::Call;
                return;
            }
            // SAFETY: this thread's errno.
            let error = unsafe { *libc::__errno_location() };
            if way == Way::Call || error == libc::EFAULT {
                return;
            }
            // SAFETY: a text that ends with a zero, and flags.
            let file = unsafe {
                libc::open(
                    c"/proc/self/mem".as_ptr(),
                    libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOCTTY,
                )
            };
            self.way = if file < 0 { Way::None } else { Way::File(file) };
        }
        if let Way::File(file) = self.way {
            // Through the file debuggers read what a program itself may not.
            if !is_ours_to_read(at) {
                return;
            }
            let page = &mut self.pages[index];
            // SAFETY: the buffer is as long as is said; the kernel checks the address, which is the file's offset.
            let got = unsafe {
                libc::pread(
                    file,
                    page.bytes.as_mut_ptr().cast(),
                    PAGE,
                    at as libc::off_t,
                )
            };
            page.readable = got == PAGE as isize;
        }
    }
}

/// Whether the program may read at an address: the kernel copies a set of signals from there before it refuses to do with it what is no
/// request at all. For signal handlers too.
fn is_ours_to_read(at: usize) -> bool {
    const NOTHING: libc::c_int = -1;
    const SET_BYTES: usize = 8;
    let (from, to) = (at as *const c_void, std::ptr::null_mut::<c_void>());
    // SAFETY: the kernel checks the address, and the call changes nothing.
    let failed = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, NOTHING, from, to, SET_BYTES) };
    // SAFETY: this thread's errno.
    failed == 0 || unsafe { *libc::__errno_location() } != libc::EFAULT
}

#[cfg(test)]
mod tests {
    use super::{Memory, PAGE, Way};

    /// Two pages of which only the first can be read.
    fn half() -> usize {
        // SAFETY: a new mapping at an address of the kernel's choice, of which the second half is given back.
        unsafe {
            let at = libc::mmap(
                std::ptr::null_mut(),
                2 * PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(at, libc::MAP_FAILED);
            libc::memset(at, 7, PAGE);
            assert_eq!(libc::munmap(at.byte_add(PAGE), PAGE), 0);
            at.addr()
        }
    }

    /// A page that is there, and that nobody may read.
    fn guard() -> usize {
        let at = half();
        // SAFETY: its own mapping.
        let done = unsafe { libc::mprotect(at as *mut _, PAGE, libc::PROT_NONE) };
        assert_eq!(done, 0);
        at
    }

    fn checks(memory: &mut Memory) {
        let at = half();
        let mut out = [0; 64];
        assert_eq!(memory.read(at + PAGE - 10, &mut out), 10);
        assert_eq!(out[..11], [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0]);
        for bad in [0, 16, at + PAGE, guard(), usize::MAX - 3, 1 << 63] {
            assert_eq!(memory.read(bad, &mut out), 0, "{bad:#x}");
            assert_eq!(memory.get::<u64>(bad), None);
            assert!(!memory.is_readable(bad, 8));
        }
        let value = [0x1122_3344_5566_7788_u64; 2];
        assert_eq!(memory.get::<u64>(value.as_ptr().addr()), Some(value[0]));
        assert!(memory.is_readable(value.as_ptr().addr(), 16));
        assert!(!memory.is_readable(at + PAGE - 8, 9));
        memory.end();
    }

    #[test]
    fn reads_what_is_there_and_tells_what_is_not() {
        let mut memory = Memory::new();
        memory.begin();
        checks(&mut memory);
        assert!(
            memory.way == Way::Call,
            "this test's own sandbox forbids it"
        );
    }

    #[test]
    fn reads_through_the_file_where_the_call_is_forbidden() {
        let mut memory = Memory::new();
        memory.begin();
        // Nobody may read that process's memory by the call.
        memory.pid = -1;
        checks(&mut memory);
    }

    #[test]
    fn the_stack_is_read_as_it_is() {
        let mut memory = Memory::new();
        memory.begin();
        let local = [1_u8, 2, 3, 4];
        let at = local.as_ptr().addr();
        // SAFETY: the array lives until the end.
        unsafe { memory.set_stack(at..at + 4) };
        memory.way = Way::None;
        let mut out = [0; 4];
        assert_eq!(memory.read(at, &mut out), 4);
        assert_eq!(out, local);
        assert_eq!(memory.read(at + 1, &mut out), 0, "reaches over its end");
    }
}
