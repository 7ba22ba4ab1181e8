//! The addresses of a thread's callers, and where their frames lie.

use framehop::{
    CacheNative, FrameAddress, MustNotAllocateDuringUnwind, UnwindRegsNative, Unwinder,
};

use super::images::Loaded;
use super::memory::Memory;

/// Frames that are followed.
pub(crate) const MAX_FRAMES: usize = 256;
/// Behind a larger frame the stack is read with care: it may be another one.
const MAX_FRAME_BYTES: u64 = 64 << 10;

pub(crate) type Cache = CacheNative<MustNotAllocateDuringUnwind>;

/// Where a thread is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    pub(crate) ip: u64,
    pub(crate) sp: u64,
    pub(crate) fp: u64,
    /// Where it returns to, on machines that keep that in a register.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(dead_code, reason = "there it is on the stack")
    )]
    pub(crate) lr: u64,
}

impl Registers {
    /// Those of the function that this is put into.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (ip, sp, fp, lr): (u64, u64, u64, u64);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only copies registers.
        unsafe {
            std::arch::asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {fp}, rbp",
                ip = out(reg) ip,
                sp = out(reg) sp,
                fp = out(reg) fp,
                options(nomem, nostack, preserves_flags),
            );
            lr = 0;
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: only copies registers.
        unsafe {
            std::arch::asm!(
                "adr {ip}, .",
                "mov {sp}, sp",
                "mov {fp}, x29",
                "mov {lr}, x30",
                ip = out(reg) ip,
                sp = out(reg) sp,
                fp = out(reg) fp,
                lr = out(reg) lr,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { ip, sp, fp, lr }
    }

    fn unwind(self) -> UnwindRegsNative {
        #[cfg(target_arch = "x86_64")]
        return UnwindRegsNative::new(self.ip, self.sp, self.fp);
        #[cfg(target_arch = "aarch64")]
        return UnwindRegsNative::new(self.lr, self.sp, self.fp);
    }
}

/// One frame of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NativeFrame {
    /// An address in the call, or in the instruction that failed.
    pub(crate) lookup: u64,
    /// Where it returns to; in the innermost frame, where it is.
    pub(crate) address: u64,
    /// Where its frame begins: what `__builtin_dwarf_cfa` says in it. 0: not known, because unwinding ended here.
    pub(crate) cfa: u64,
    pub(crate) is_system: bool,
}

pub(crate) struct Stack {
    frames: Box<[NativeFrame; MAX_FRAMES]>,
    count: usize,
    /// The frames reach to the thread's first one.
    pub(crate) is_whole: bool,
    /// More frames follow than are looked at: nobody knows how many.
    pub(crate) is_cut: bool,
    cache: Cache,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            frames: Box::new([NativeFrame::default(); MAX_FRAMES]),
            count: 0,
            is_whole: false,
            is_cut: false,
            cache: Cache::new_in(),
        }
    }

    pub(crate) fn frames(&self) -> &[NativeFrame] {
        &self.frames[..self.count]
    }

    /// Follows the callers from `registers` on, and tells `memory` which part of the stack that is. `live`: the registers are those of
    /// this thread, now, in a function that does not return before the capture is over. `is_current`: no image was unloaded since the
    /// images were collected, so none has to be looked at again.
    pub(crate) fn unwind(
        &mut self,
        registers: Registers,
        loaded: &Loaded,
        memory: &mut Memory,
        live: bool,
        is_current: bool,
    ) {
        self.count = 0;
        self.is_whole = false;
        let mut regs = registers.unwind();
        let mut address = FrameAddress::InstructionPointer(registers.ip);
        let mut below = registers.sp;
        while let Some(frame) = self.frames.get_mut(self.count) {
            let lookup = address.address_for_lookup();
            *frame = NativeFrame {
                lookup,
                address: address.address(),
                cfa: 0,
                is_system: loaded.find(lookup).unwrap_or(false),
            };
            self.count += 1;
            if !is_current && !loaded.is_there(lookup, memory) {
                break;
            }
            let mut read = |at: u64| memory.get::<u64>(at as usize).ok_or(());
            let next = loaded
                .unwinder
                .unwind_frame(address, &mut regs, &mut self.cache, &mut read);
            let Ok(Some(next)) = next else {
                self.is_whole = next.is_ok();
                break;
            };
            let cfa = regs.sp();
            frame.cfa = cfa;
            // Only code of an image is followed further: else its frame was guessed.
            if cfa <= below || !loaded.has(lookup) {
                break;
            }
            below = cfa;
            match FrameAddress::from_return_address(next) {
                Some(next) => address = next,
                None => {
                    self.is_whole = true;
                    break;
                }
            }
        }
        self.is_cut = self.count == MAX_FRAMES && !self.is_whole;
        if live {
            let mut top = registers.sp;
            for frame in self.frames() {
                if frame.cfa <= top || frame.cfa - top > MAX_FRAME_BYTES {
                    break;
                }
                top = frame.cfa;
            }
            // SAFETY: from this thread's stack pointer up to the frames of functions that called us, all on one stack: none of them is
            // larger than what any stack holds between two mappings. They stay until we return.
            unsafe { memory.set_stack(registers.sp as usize..top as usize) };
        }
    }

    /// Drops the frames inside of the one that `address`, an address that it returns to, belongs to; none if no frame does.
    pub(crate) fn begin_at(&mut self, address: u64) {
        let first = self
            .frames()
            .iter()
            .position(|frame| frame.address == address);
        self.drop_first(first.unwrap_or(0));
    }

    /// Drops the innermost frames that are the system's, if others follow: how a program ends says less than where.
    pub(crate) fn begin_in_program(&mut self, ours: impl Fn(&NativeFrame) -> bool) {
        let first = self
            .frames()
            .iter()
            .position(|frame| !frame.is_system && !ours(frame));
        self.drop_first(first.unwrap_or(0));
    }

    fn drop_first(&mut self, count: usize) {
        self.frames.copy_within(count..self.count, 0);
        self.count -= count;
    }
}
