//! Which images are loaded and how their functions are unwound: collected when captures need it, used without locks.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use framehop::{ExplicitModuleSectionInfo, Module, MustNotAllocateDuringUnwind, Unwinder};
use stillframe_core::native::{Images, loader, section_of};

use super::memory::Memory;
use crate::fork::OwnMutex;

type Bytes = &'static [u8];
pub(crate) type Unwinding = framehop::UnwinderNative<Bytes, MustNotAllocateDuringUnwind>;

/// The images of one moment.
pub(crate) struct Loaded {
    pub(crate) unwinder: Unwinding,
    /// By address.
    ranges: Vec<(Range<u64>, bool)>,
    marks: Vec<Mark>,
    /// How often images were loaded and unloaded before.
    changes: (u64, u64),
}

/// Bytes of an image that tell it from another one in its place: the beginning of the index of its unwinding rules.
struct Mark {
    image: Range<u64>,
    at: usize,
    bytes: Box<[u8]>,
}

/// As many of them.
const MARK: usize = 64;

impl Loaded {
    /// Whether the image that was at an address still is, for who uses the images of an earlier moment: what was unloaded has no rules.
    pub(crate) fn is_there(&self, address: u64, memory: &mut Memory) -> bool {
        let mut marks = self.marks.iter();
        let Some(mark) = marks.find(|mark| mark.image.contains(&address)) else {
            return true;
        };
        let mut now = [0; MARK];
        let Some(now) = now.get_mut(..mark.bytes.len()) else {
            return false;
        };
        memory.read(mark.at, now) == now.len() && *now == *mark.bytes
    }

    /// Whether an address is in an image.
    pub(crate) fn has(&self, address: u64) -> bool {
        self.find(address).is_some()
    }

    /// Whether an address is in an image of the system; `None`: in no image.
    pub(crate) fn find(&self, address: u64) -> Option<bool> {
        let after = self
            .ranges
            .partition_point(|(range, _)| range.start <= address);
        let (range, is_system) = self.ranges.get(after.checked_sub(1)?)?;
        range.contains(&address).then_some(*is_system)
    }
}

static CURRENT: AtomicPtr<Loaded> = AtomicPtr::new(std::ptr::null_mut());
/// Threads that use what `CURRENT` names or named.
static USERS: AtomicUsize = AtomicUsize::new(0);
/// Held while images are collected. What `CURRENT` named before, until nobody can use it any more.
static RETIRED: OwnMutex<Vec<Retired>> = OwnMutex::new();

struct Retired(*mut Loaded);
// SAFETY: nobody writes to what it points to.
unsafe impl Send for Retired {}

/// The right to use the images of one moment.
pub(crate) struct Using(&'static Loaded);

impl std::ops::Deref for Using {
    type Target = Loaded;
    fn deref(&self) -> &Loaded {
        self.0
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        USERS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The images as they were last collected. For signal handlers too.
pub(crate) fn using() -> Option<Using> {
    USERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null or from a box that is freed only while nobody uses it: whoever frees took it out of `CURRENT` first and saw no user
    // afterwards, so a later user sees another one here.
    match unsafe { CURRENT.load(Ordering::SeqCst).as_ref() } {
        Some(loaded) => Some(Using(loaded)),
        None => {
            USERS.fetch_sub(1, Ordering::SeqCst);
            None
        }
    }
}

/// Collects the images anew if some were loaded or unloaded. Returns whether what `CURRENT` names from now on is as new as this call: not
/// while another thread is at it, which must not be waited for. Takes the dynamic loader's lock; not for signal handlers.
pub(crate) fn refresh() -> bool {
    let Some(now) = changes() else {
        return false;
    };
    if using().is_some_and(|using| using.changes == now) {
        return true;
    }
    // Whoever else is at it does the same work.
    let Some(mut retired) = RETIRED.try_lock() else {
        return false;
    };
    let Some(loaded) = collect(now) else {
        return false;
    };
    let before = CURRENT.swap(Box::into_raw(Box::new(loaded)), Ordering::SeqCst);
    if !before.is_null() {
        retired.push(Retired(before));
    }
    if USERS.load(Ordering::SeqCst) == 0 {
        for Retired(old) in retired.drain(..) {
            // SAFETY: from `Box::into_raw`, no longer in `CURRENT`, and nobody uses it, see `using`.
            drop(unsafe { Box::from_raw(old) });
        }
    }
    true
}

/// What the dynamic loader counts; `None`: it cannot be asked now.
fn changes() -> Option<(u64, u64)> {
    unsafe extern "C" fn first(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        out: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader's own record, and what `changes` passed.
        unsafe { *out.cast() = ((*info).dlpi_adds, (*info).dlpi_subs) };
        1
    }
    let mut changes = (0, 0);
    // SAFETY: the callback takes `changes`, and is done with it when the call returns.
    unsafe { loader::list(first, (&raw mut changes).cast()) }.then_some(changes)
}

fn collect(changes: (u64, u64)) -> Option<Loaded> {
    let images = Images::of_this_process();
    let ranges = images
        .iter()
        .map(|image| (image.start..image.end, image.is_system));
    let mut loaded = Loaded {
        unwinder: Unwinding::new(),
        ranges: ranges.collect(),
        marks: Vec::new(),
        changes,
    };
    // SAFETY: the callback takes `loaded`, and is done with it when the call returns.
    unsafe { loader::list(add, (&raw mut loaded).cast()) }.then_some(loaded)
}

/// Tells the unwinder about one image.
unsafe extern "C" fn add(info: *mut libc::dl_phdr_info, _size: usize, out: *mut c_void) -> c_int {
    // SAFETY: the loader's own record, and what `collect` passed.
    let (info, loaded) = unsafe { (&*info, &mut *out.cast::<Loaded>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: as many headers stand there as the record says.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let segments = || {
        headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
    };
    let (Some(start), Some(end)) = (
        segments().map(|header| header.p_vaddr).min(),
        segments()
            .map(|header| header.p_vaddr + header.p_memsz)
            .max(),
    ) else {
        return 0;
    };
    let bias = info.dlpi_addr;
    let within = |address: u64| {
        segments()
            .find(|header| (header.p_vaddr..header.p_vaddr + header.p_filesz).contains(&address))
            .map(|header| header.p_vaddr + header.p_filesz)
    };
    let bytes = |section: &Range<u64>| -> Bytes {
        let at = bias.wrapping_add(section.start) as usize as *const u8;
        // SAFETY: within a loaded segment. It is used only while it is loaded: a capture collects anew after any change, and looks up
        // addresses of functions that run. Who could not collect (a signal handler, for one) asks `Loaded::is_there`.
        unsafe { std::slice::from_raw_parts(at, (section.end - section.start) as usize) }
    };
    let index = headers
        .iter()
        .find(|header| header.p_type == libc::PT_GNU_EH_FRAME);
    let sections = match index {
        Some(index) => {
            let Some(frames) = frames_of(bias, index) else {
                return 0;
            };
            // The size of the section is not told: it ends with its segment at the latest, and with a zero before that.
            let Some(frames_end) = within(frames) else {
                return 0;
            };
            let index = index.p_vaddr..index.p_vaddr + index.p_memsz;
            let beginning = index.start..index.end.min(index.start + MARK as u64);
            loaded.marks.push(Mark {
                image: bias.wrapping_add(start)..bias.wrapping_add(end),
                at: bias.wrapping_add(index.start) as usize,
                bytes: bytes(&beginning).into(),
            });
            ExplicitModuleSectionInfo {
                eh_frame: Some(bytes(&(frames..frames_end))),
                eh_frame_svma: Some(frames..frames_end),
                eh_frame_hdr: Some(bytes(&index)),
                eh_frame_hdr_svma: Some(index),
                ..ExplicitModuleSectionInfo::default()
            }
        }
        // A program that is linked with -static has none: its file tells.
        None if is_program(info) => {
            let section = section_of(Path::new("/proc/self/exe"), ".eh_frame");
            let Some(frames) = section.filter(|frames| {
                within(frames.start)
                    .is_some_and(|end| frames.start < frames.end && frames.end <= end)
            }) else {
                return 0;
            };
            ExplicitModuleSectionInfo {
                eh_frame: Some(bytes(&frames)),
                eh_frame_svma: Some(frames),
                ..ExplicitModuleSectionInfo::default()
            }
        }
        None => return 0,
    };
    loaded.unwinder.add_module(Module::new(
        String::new(),
        bias.wrapping_add(start)..bias.wrapping_add(end),
        bias,
        sections,
    ));
    0
}

/// Whether it is the program itself, which the loader gives no name.
fn is_program(info: &libc::dl_phdr_info) -> bool {
    // SAFETY: NULL, or a text that ends with a zero.
    info.dlpi_name.is_null() || unsafe { *info.dlpi_name } == 0
}

/// Where `.eh_frame` begins, as the index before it says.
fn frames_of(bias: u64, index: &libc::Elf64_Phdr) -> Option<u64> {
    /// A signed offset of four bytes from where it stands, which all linkers write.
    const RELATIVE: u8 = 0x1b;
    if index.p_memsz < 8 {
        return None;
    }
    let at = bias.wrapping_add(index.p_vaddr) as usize as *const [u8; 8];
    // SAFETY: the header lies in a loaded segment and is as long as was checked.
    let head = unsafe { at.read_unaligned() };
    (head[0] == 1 && head[1] == RELATIVE).then(|| {
        let offset = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        (index.p_vaddr + 4).wrapping_add_signed(offset.into())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::memory::Memory;
    use super::super::stack::{Registers, Stack};
    use super::{CURRENT, RETIRED, changes, collect, refresh};

    #[test]
    fn a_child_collects_whoever_was_at_it_in_its_parent() {
        let _held = RETIRED.lock();
        // SAFETY: the child calls what is tested, and ends without anything that its parent's other threads could have locked.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // Not the same images any more, as far as it knows.
            CURRENT.store(std::ptr::null_mut(), Ordering::SeqCst);
            let code = if refresh() { 55 } else { 56 };
            // SAFETY: it ends the process and does not return.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: its own child, and a place of its own for the status.
        let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(ended, child);
        assert!(
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 55,
            "{status:#x}"
        );
    }

    #[test]
    fn what_is_no_longer_there_has_no_callers() {
        let mut loaded = collect(changes().expect("asked")).expect("listed");
        let mut memory = Memory::new();
        let mut stack = Stack::new();
        let mut count = |is_current: bool, loaded: &super::Loaded| {
            memory.begin();
            let registers = Registers::here();
            stack.unwind(registers, loaded, &mut memory, true, is_current);
            memory.end();
            stack.frames().len()
        };
        let whole = count(true, &loaded);
        assert!(whole > 3);
        assert_eq!(count(false, &loaded), whole, "all are there");
        // As if each were another image now.
        for mark in &mut loaded.marks {
            mark.bytes[0] ^= 1;
        }
        assert_eq!(count(false, &loaded), 1);
    }
}
