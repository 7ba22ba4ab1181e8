//! The handlers of fatal signals: ours writes a record and leaves everything else as it would have been.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use stillframe_core::limits::Limits;
use stillframe_core::redact::{AliasKey, Redactor};
use stillframe_core::sink::fatal;
use stillframe_core::tape::Message;

use super::super::recorder::Recorder;
use super::super::stack::Registers;
use super::super::text::Short;
use super::super::walk::{Order, record};
use super::super::{Errno, images, start, thread};
use super::describe::{address, describe, name_of};
use super::record::{TAPE, WHEN, WHEN_BYTES, WHO, Writer, is_full};
use super::{alternate, import};
use crate::error::{Failure, stillframe_error};
use crate::fork::OwnMutex;
use crate::guard::{done, guard, inside};
use crate::status::{
    STILLFRAME_ERROR_HANDLE, STILLFRAME_ERROR_SYSTEM, STILLFRAME_ERROR_VALUE, stillframe_status,
};

/// Signals in the order of their bits in `stillframe_signals_install`.
const SIGNALS: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];
/// How long a thread that dies as well waits for the record of the first one.
const WAIT_MS: u32 = 3000;

/// What the handler needs, made beforehand: for one engine.
struct Ready {
    recorder: UnsafeCell<Box<Recorder>>,
    redactor: Arc<Redactor>,
    alias_key: Option<AliasKey>,
    limits: Limits,
    /// The folder for records, open.
    folder: OwnedFd,
    /// The part of a record that says who this process is.
    who: Vec<u8>,
}

// SAFETY: the recorder is used by the one thread that took `DYING` from 0.
unsafe impl Sync for Ready {}

/// Null where nothing is installed. A handler looks at it after it set `DYING`, and who takes it away looks at `DYING` afterwards.
static READY: AtomicPtr<Ready> = AtomicPtr::new(std::ptr::null_mut());
/// The thread whose end is being recorded; 0: none, -1: it is written.
static DYING: AtomicI32 = AtomicI32::new(0);
/// The thread whose end was captured otherwise, by a terminate handler for example.
static TOLD: AtomicI32 = AtomicI32::new(0);
/// What was there before, by place in `SIGNALS`.
static BEFORE: [Before; SIGNALS.len()] =
    [const { Before(UnsafeCell::new(MaybeUninit::zeroed()), AtomicI32::new(0)) }; SIGNALS.len()];
static INSTALLING: OwnMutex<()> = OwnMutex::new();

/// A handler that was there before ours, and whether it is kept.
struct Before(UnsafeCell<MaybeUninit<libc::sigaction>>, AtomicI32);

// SAFETY: written under `INSTALLING` before the flag says so, and only read after that.
unsafe impl Sync for Before {}

/// The calling thread's end was captured: the abort that follows is no news.
pub(crate) fn told() {
    TOLD.store(thread::tid(), Ordering::Relaxed);
}

/// Asks for a report when one of these signals ends the program.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_signals_install(
    signals: u32,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        let _errno = Errno::keep();
        inside(|| {
            if signals == 0 || signals >> SIGNALS.len() != 0 {
                let what = "not a sum of STILLFRAME_SIGNAL_...";
                return Err(Failure::of(STILLFRAME_ERROR_VALUE, "signals", what));
            }
            let _installing = INSTALLING.lock();
            prepare()?;
            alternate::provide()?;
            for (bit, signal) in SIGNALS.into_iter().enumerate() {
                if signals >> bit & 1 == 1 && BEFORE[bit].1.load(Ordering::Acquire) == 0 {
                    install(bit, signal)?;
                }
            }
            done()
        })
    })
}

/// Gives the calling thread a stack for signal handlers.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_signals_thread(
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        let _errno = Errno::keep();
        inside(|| {
            alternate::provide()?;
            done()
        })
    })
}

/// Makes what the handler needs.
fn prepare() -> Result<(), Failure> {
    let Some(using) = start::using() else {
        let what = "stillframe_start() was not called";
        return Err(Failure::new(STILLFRAME_ERROR_HANDLE, what));
    };
    let Some(engine) = using.engine() else {
        let what = "the engine does not work";
        return Err(Failure::new(STILLFRAME_ERROR_HANDLE, what));
    };
    let config = engine.config();
    if !config.spool.enabled {
        let what = "a record of a fatal signal has to be stored, and spool.enabled is false";
        return Err(Failure::new(STILLFRAME_ERROR_VALUE, what));
    }
    images::refresh();
    // SAFETY: null or a box that is freed only under the lock that the caller has.
    let ready = unsafe { READY.load(Ordering::Acquire).as_ref() };
    if ready.is_some_and(|ready| Arc::ptr_eq(&ready.redactor, engine.redactor())) {
        return Ok(());
    }
    let failed = |what: String| Failure::made(STILLFRAME_ERROR_SYSTEM, what);
    let store = config
        .store_dir()
        .map_err(|error| failed(error.to_string()))?;
    let ready = Ready {
        recorder: UnsafeCell::new(Recorder::new(&config.limits)),
        redactor: Arc::clone(engine.redactor()),
        alias_key: engine.alias_key().cloned(),
        limits: config.limits,
        folder: open_folder(&store)?,
        who: import::who(engine),
    };
    replace(Box::into_raw(Box::new(ready)));
    Ok(())
}

/// Opens the folder for records, and makes it where it is missing. Only in a store that is the user's own, as [`fatal`] has it.
fn open_folder(store: &Path) -> Result<OwnedFd, Failure> {
    let folder = store.join(fatal::FOLDER);
    let failed = |path: &Path, what: &str| {
        let what = format!("{}: {what}", path.display());
        Failure::made(STILLFRAME_ERROR_SYSTEM, what)
    };
    let open = |path: &Path, more: c_int| {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed(path, &error.to_string()))?;
        let opened = std::fs::File::options()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | more)
            .open(path);
        let file = opened.map_err(|error| failed(path, &error.to_string()))?;
        let meta = file
            .metadata()
            .map_err(|error| failed(path, &error.to_string()))?;
        // SAFETY: a system call without arguments that cannot fail.
        if meta.uid() != unsafe { libc::geteuid() } {
            return Err(failed(path, "belongs to another user"));
        }
        if meta.mode() & libc::S_IWOTH != 0 {
            return Err(failed(path, "is writable by every user"));
        }
        Ok(file)
    };
    open(store, 0)?;
    Ok(open(&folder, libc::O_NOFOLLOW)?.into())
}

/// Gives handlers something else to work with. Only under `INSTALLING`.
fn replace(ready: *mut Ready) {
    let before = READY.swap(ready, Ordering::SeqCst);
    // A handler that is at work keeps it for ever.
    if !before.is_null() && DYING.load(Ordering::SeqCst) <= 0 {
        // SAFETY: from `Box::into_raw`, and a handler that begins now finds what came after it.
        drop(unsafe { Box::from_raw(before) });
    }
}

fn install(bit: usize, signal: c_int) -> Result<(), Failure> {
    // SAFETY: plain data; the handler has the type that `SA_SIGINFO` asks for. `BEFORE` is written under the lock, by whoever sets its flag.
    let status = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        // Not held back while it runs: a signal of a failed instruction that is held back ends the process at once.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigemptyset(&raw mut action.sa_mask);
        let before = (*BEFORE[bit].0.get()).as_mut_ptr();
        // Kept before ours is there, for a signal that comes in between.
        libc::sigaction(signal, std::ptr::null(), before);
        BEFORE[bit].1.store(1, Ordering::Release);
        libc::sigaction(signal, &raw const action, std::ptr::null_mut())
    };
    if status == 0 {
        return Ok(());
    }
    BEFORE[bit].1.store(0, Ordering::Release);
    let what = std::io::Error::last_os_error().to_string();
    Err(Failure::made(STILLFRAME_ERROR_SYSTEM, what))
}

/// Puts back what was there before, where ours is still in place.
pub(crate) fn uninstall() {
    let _installing = INSTALLING.lock();
    for (bit, signal) in SIGNALS.into_iter().enumerate() {
        if BEFORE[bit].1.load(Ordering::Acquire) == 1 {
            restore(bit, signal, true);
        }
    }
    // Where somebody came after us, our handler is still called.
    replace(std::ptr::null_mut());
}

/// Puts back what was there before. `ours`: only if nobody came after us.
fn restore(bit: usize, signal: c_int, ours: bool) {
    // SAFETY: plain data; `BEFORE` was written, as its flag says.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut now);
        if !ours || now.sa_sigaction == on_signal as *const () as usize {
            let before = (*BEFORE[bit].0.get()).as_ptr();
            libc::sigaction(signal, before, std::ptr::null_mut());
            BEFORE[bit].1.store(0, Ordering::Release);
        }
    }
}

/// The handler.
unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _errno = Errno::keep();
    let tid = thread::tid();
    match DYING.compare_exchange(0, tid, Ordering::SeqCst, Ordering::Acquire) {
        Ok(_) => {
            ORIGINAL.signal.store(signal, Ordering::Relaxed);
            ORIGINAL.info.store(info, Ordering::Relaxed);
            ORIGINAL.context.store(context, Ordering::Relaxed);
            let told = signal == libc::SIGABRT && TOLD.load(Ordering::Relaxed) == tid;
            // SAFETY: null or made by `prepare`, and not freed while `DYING` names a thread.
            let ready = unsafe { READY.load(Ordering::SeqCst).as_ref() };
            if let (Some(ready), false) = (ready, told) {
                // A mistake of ours must not become another way to die.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    // SAFETY: the kernel's own structs, and this thread has `DYING`.
                    unsafe { write(ready, signal, &*info, &*context.cast(), tid) };
                }));
                finish_unfinished();
            }
            DYING.store(-1, Ordering::Release);
        }
        Err(other) if other == tid => {
            // SAFETY: the arguments are the kernel's, and this thread has `DYING`.
            return unsafe { give_up(&*info, &mut *context.cast()) };
        }
        Err(_) => wait(),
    }
    // SAFETY: the arguments are the kernel's.
    unsafe { go_on(signal, info, context) };
}

/// Waits until the record of another thread is written.
fn wait() {
    let pause = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    for _ in 0..WAIT_MS {
        if DYING.load(Ordering::Acquire) == -1 {
            return;
        }
        // SAFETY: the struct is this call's own; being interrupted only makes the wait shorter.
        unsafe { libc::nanosleep(&raw const pause, std::ptr::null_mut()) };
    }
}

/// Writes the record.
///
/// # Safety
///
/// `info` and `context` are the kernel's, and no other thread is here.
unsafe fn write(
    ready: &Ready,
    signal: c_int,
    info: &libc::siginfo_t,
    context: &libc::ucontext_t,
    tid: i32,
) {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the struct is this call's own.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    let nanos = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
    // A server whose workers all die at once, again and again, must not fill the disk.
    if is_full(ready.folder.as_raw_fd(), fatal::MOST) {
        return;
    }
    let mut name = Short::<64>::new();
    // SAFETY: a system call without arguments that cannot fail.
    let pid = unsafe { libc::getpid() };
    let _ = write!(name, "{nanos:020}-{pid}{}\0", fatal::ENDING);
    let Ok(name) = std::ffi::CStr::from_bytes_with_nul(name.as_str().as_bytes()) else {
        return;
    };
    let Some(file) = Writer::create(ready.folder.as_raw_fd(), name) else {
        return;
    };
    file.part(WHO, &ready.who);
    let address = address(signal, info);
    let mut when = [0_u8; WHEN_BYTES];
    when[..8].copy_from_slice(&nanos.to_le_bytes());
    when[8..12].copy_from_slice(&tid.to_le_bytes());
    when[12..16].copy_from_slice(&signal.to_le_bytes());
    when[16..24].copy_from_slice(&address.to_le_bytes());
    // SAFETY: the call writes at most 16 bytes, which are there.
    unsafe { libc::prctl(libc::PR_GET_NAME, when[24..40].as_mut_ptr()) };
    when[40..].copy_from_slice(&pid.to_le_bytes());
    file.part(WHEN, &when);
    let mut message = Short::<200>::new();
    describe(&mut message, signal, info, address);
    if let Some(loaded) = images::using() {
        let order = Order {
            type_name: name_of(signal),
            message: Some(Message::whole(message.as_str())),
            registers: registers(context),
            live: false,
            is_current: false,
            caller: 0,
            skip_system: signal == libc::SIGABRT,
            thread: thread::known(),
            limits: &ready.limits,
            redactor: &ready.redactor,
            alias_key: ready.alias_key.as_ref(),
            hides_copies: true,
        };
        // SAFETY: this thread alone is here.
        let recorder = unsafe { &mut *ready.recorder.get() };
        if let Some((tape, _)) = record(recorder, &loaded, &order) {
            file.part(TAPE, tape);
        }
    }
    file.images();
    file.finish();
}

/// Gives a record that was not finished what can still be had.
fn finish_unfinished() {
    if let Some(file) = Writer::unfinished() {
        file.images();
        file.finish();
    }
}

/// What was being recorded when the recording itself failed.
struct Original {
    signal: AtomicI32,
    info: AtomicPtr<libc::siginfo_t>,
    context: AtomicPtr<c_void>,
}

static ORIGINAL: Original = Original {
    signal: AtomicI32::new(0),
    info: AtomicPtr::new(std::ptr::null_mut()),
    context: AtomicPtr::new(std::ptr::null_mut()),
};

/// Another signal while this thread was in `write`: all goes on as after the first one.
///
/// # Safety
///
/// The arguments are the kernel's, and this thread has `DYING`.
unsafe fn give_up(info: &libc::siginfo_t, context: &mut libc::ucontext_t) {
    // An end that somebody sends is on its way.
    if matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE) {
        return;
    }
    finish_unfinished();
    DYING.store(-1, Ordering::Release);
    let original = ORIGINAL.context.load(Ordering::Relaxed);
    // SAFETY: the kernel's, on the stack that this handler is on as well: the handler they were made for has not returned.
    unsafe {
        let (signal, info) = (&ORIGINAL.signal, &ORIGINAL.info);
        go_on(
            signal.load(Ordering::Relaxed),
            info.load(Ordering::Relaxed),
            original,
        );
        // Not back to what failed here, but to where the program was, or where an earlier handler wants it to be.
        context.uc_mcontext = (*original.cast::<libc::ucontext_t>()).uc_mcontext;
    }
}

/// What happens next without us: the handler that was there before, or the default.
///
/// # Safety
///
/// The arguments are the kernel's.
unsafe fn go_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(bit) = SIGNALS.iter().position(|&known| known == signal) else {
        return;
    };
    // SAFETY: written before ours was installed.
    let before = unsafe { (*BEFORE[bit].0.get()).assume_init_read() };
    restore(bit, signal, false);
    // SAFETY: plain data. Held back is what would be if the earlier handler had been called without us; the kernel puts that right when
    // ours returns.
    unsafe {
        let mut mask = before.sa_mask;
        if before.sa_flags & libc::SA_NODEFER == 0 {
            libc::sigaddset(&raw mut mask, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const mask, std::ptr::null_mut());
    }
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // A failed instruction is run again when we return, and fails again. What was sent must be sent again.
            // SAFETY: the kernel's struct; the call sends a signal to this thread, which comes when this handler returns.
            unsafe {
                if (*info).si_code <= 0 || signal == libc::SIGABRT {
                    libc::syscall(libc::SYS_tgkill, libc::getpid(), thread::tid(), signal);
                }
            }
        }
        // SAFETY: a handler of the program's, of the type that its flags say.
        function => unsafe {
            if before.sa_flags & libc::SA_SIGINFO != 0 {
                let function: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    std::mem::transmute(function);
                function(signal, info, context);
            } else {
                let function: unsafe extern "C" fn(c_int) = std::mem::transmute(function);
                function(signal);
            }
        },
    }
}

fn registers(context: &libc::ucontext_t) -> Registers {
    #[cfg(target_arch = "x86_64")]
    {
        let register = |index: c_int| context.uc_mcontext.gregs[index as usize] as u64;
        Registers {
            ip: register(libc::REG_RIP),
            sp: register(libc::REG_RSP),
            fp: register(libc::REG_RBP),
            lr: 0,
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let machine = &context.uc_mcontext;
        Registers {
            ip: machine.pc,
            sp: machine.sp,
            fp: machine.regs[29],
            lr: machine.regs[30],
        }
    }
}
