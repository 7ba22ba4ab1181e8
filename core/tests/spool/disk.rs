//! A disk that is full, or read-only, or limited: counted, told once, retried, never fatal.
//!
//! The disk is a small tmpfs in a mount namespace of its own. Root may mount one; any other user may within a user namespace
//! of its own, where the system allows it. And everywhere, the limit on file sizes takes the place of the full disk, and a file
//! in the way that of the read-only one. Run by root, the tests run twice: as root, and as a user without any right.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stillframe_core::sink::Sink;
use stillframe_core::sink::spool::SpoolConfig;

use crate::*;

const ROLE: &str = "STILLFRAME_TEST_DISK";
const NOBODY: u32 = 65_534;

/// What a child has for a disk.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Disk {
    /// A tmpfs of 4 MiB, mounted by root.
    Mounted,
    /// The same, mounted in a user namespace.
    MountedByUser,
    /// The ordinary disk.
    Ordinary,
}

/// Runs `test` of this program as children of `user`: with a small disk, if the system allows one, and with the ordinary one.
fn run(test: &str, dir: &Path, user: u32, read_only: bool) {
    let me = rustix::process::geteuid().as_raw();
    let copy = dir.join("program");
    if !copy.exists() {
        // The build's own directories may be closed to other users.
        fs::copy(std::env::current_exe().expect("a path"), &copy).expect("copied");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let kinds: &[Disk] = match (user, me) {
        (0, _) => &[Disk::Mounted, Disk::Ordinary],
        _ => &[Disk::MountedByUser, Disk::Ordinary],
    };
    for kind in kinds {
        let store = dir.join(format!("disk-{user}-{kind:?}"));
        if !store.exists() {
            fs::create_dir(&store).expect("made");
            if user != me {
                chown(&store, Some(user), Some(user)).expect("chown");
            }
        }
        let role = format!("{kind:?} {}", store.display());
        let mut command = Command::new(&copy);
        command
            .args(["--exact", "--nocapture", test])
            .env(ROLE, role)
            .current_dir("/");
        let kind = *kind;
        let drop_to = (user != me).then_some(user);
        // SAFETY: between fork and exec the closure only makes system calls on memory prepared here or on its stack.
        unsafe { command.pre_exec(move || prepare(kind, drop_to, &store, read_only)) };
        match command.output() {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "as {user}, {kind:?}: {text}");
                assert!(text.contains("1 passed"), "as {user}, {kind:?}: {text}");
                eprintln!("{test} as user {user}: {kind:?}");
            }
            Err(error) => {
                assert_ne!(kind, Disk::Ordinary, "as {user}: {error}");
                // Root can mount where nothing is left out.
                let may_be_missing =
                    kind == Disk::MountedByUser || std::env::var_os("STRICT").is_none();
                assert!(may_be_missing, "as {user}, {kind:?}: {error}");
                eprintln!("{test} as user {user}: no {kind:?} disk: {error}");
            }
        }
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes the child what it should be; runs between fork and exec.
fn prepare(kind: Disk, drop_to: Option<u32>, store: &Path, read_only: bool) -> io::Result<()> {
    if let Some(user) = drop_to {
        // SAFETY: plain system calls.
        unsafe {
            check(libc::setgroups(0, std::ptr::null()))?;
            check(libc::setgid(user))?;
            check(libc::setuid(user))?;
            // Else its own files in /proc belong to root until it starts a program.
            check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
        }
    }
    if kind == Disk::Ordinary {
        return Ok(());
    }
    // SAFETY: plain system calls.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    if kind == Disk::MountedByUser {
        // SAFETY: a plain system call.
        check(unsafe { libc::unshare(libc::CLONE_NEWUSER) })?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    let target = CString::new(store.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let options = CString::new("size=4m,mode=700").map_err(io::Error::other)?;
    let flags = if read_only { libc::MS_RDONLY } else { 0 };
    // SAFETY: every string is terminated and lives until the calls return.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        check(libc::mount(
            c"none".as_ptr(),
            c"/".as_ptr(),
            std::ptr::null(),
            private,
            std::ptr::null(),
        ))?;
        let (tmpfs, options) = (c"tmpfs".as_ptr(), options.as_ptr().cast());
        check(libc::mount(tmpfs, target.as_ptr(), tmpfs, flags, options))
    }
}

/// The disk that this process has, as a child.
fn role() -> Option<(bool, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    let (kind, dir) = role.split_once(' ').expect("a role");
    Some((kind != format!("{:?}", Disk::Ordinary), dir.into()))
}

/// Runs `test` as every kind of user that this one can be.
fn as_every_user(test: &str, read_only: bool) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let me = rustix::process::geteuid().as_raw();
    run(test, dir.path(), me, read_only);
    if me == 0 {
        run(test, dir.path(), NOBODY, read_only);
    }
}

fn retry_fast() -> SpoolConfig {
    let soon = Duration::from_millis(1);
    SpoolConfig {
        retry_first: soon,
        retry_most: soon,
        ..SpoolConfig::default()
    }
}

/// Takes all that is left of the disk, or gives it back.
struct Filler {
    small: bool,
    path: PathBuf,
    limit: Rlimit,
}

impl Filler {
    fn fill(small: bool, dir: &Path) -> Self {
        let limit = getrlimit(Resource::Fsize);
        let filler = Self {
            small,
            path: dir.join("filler"),
            limit,
        };
        if small {
            let block = [0; 4096];
            let mut file = fs::File::create(&filler.path).expect("made");
            let full = (0..10_000).find_map(|_| io::Write::write_all(&mut file, &block).err());
            assert_eq!(full.expect("full").kind(), io::ErrorKind::StorageFull);
        } else {
            let tiny = Rlimit {
                current: Some(2_000),
                maximum: filler.limit.maximum,
            };
            setrlimit(Resource::Fsize, tiny).expect("limited");
        }
        filler
    }

    fn free(self) {
        if self.small {
            fs::remove_file(self.path).expect("removed");
        } else {
            setrlimit(Resource::Fsize, self.limit).expect("lifted");
        }
    }
}

#[test]
fn a_full_disk_is_told_once_and_nothing_is_lost_that_fits_into_memory() {
    let Some((small, dir)) = role() else {
        let test = "disk::a_full_disk_is_told_once_and_nothing_is_lost_that_fits_into_memory";
        return as_every_user(test, false);
    };
    let (mut spool, said) = spool_that_talks(&dir.join("store"), retry_fast());
    spool
        .write(&snapshot(0, 1, &noise(0, 5_000)))
        .expect("written");
    spool.flush(far()).expect("flushed");

    let filler = Filler::fill(small, &dir);
    let mut refused = 0;
    for n in 1..400 {
        match spool.write(&snapshot(n, 1, &noise(n, 5_000))) {
            Ok(()) => assert_eq!(refused, 0, "only the newest are dropped"),
            Err(error) => {
                assert!(error.is_unavailable(), "{error}");
                refused += 1;
            }
        }
        if n % 10 == 0 {
            assert!(spool.flush(far()).expect_err("full").is_unavailable());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let stats = spool.counters().stats();
    assert!(stats.unavailable && stats.errors >= 2, "{stats:?}");
    assert!(
        refused > 0 && stats.dropped == refused,
        "{refused}: {stats:?}"
    );
    let said = said.lock().expect("not poisoned").clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("cannot write to"), "{said:?}");
    // What was in the file before is still readable.
    assert_eq!(numbers(&dir.join("store"))[0], 0);

    filler.free();
    spool.close(far()).expect("works again");
    let stats = spool.counters().stats();
    assert!(
        !stats.unavailable && stats.written == 400 - refused,
        "{stats:?}"
    );
    assert_eq!(
        numbers(&dir.join("store")),
        (0..400 - refused).collect::<Vec<_>>()
    );
    let found = records(&dir.join("store"));
    assert_eq!(
        found.stats.damaged + found.stats.tail_bytes,
        0,
        "cut back to whole records"
    );
}

#[test]
fn a_read_only_disk_is_told_once_and_retried() {
    let Some((small, dir)) = role() else {
        return as_every_user("disk::a_read_only_disk_is_told_once_and_retried", true);
    };
    let store = dir.join("store");
    if !small {
        // Root writes to any directory of an ordinary disk; a file in the way stops even root.
        fs::write(&store, b"in the way").expect("written");
    }
    let (mut spool, said) = spool_that_talks(&store, retry_fast());
    for n in 0..50 {
        spool.write(&snapshot(n, 1, b"payload")).expect("buffered");
        assert!(spool.flush(far()).expect_err("read-only").is_unavailable());
        std::thread::sleep(Duration::from_millis(2));
    }
    let stats = spool.counters().stats();
    assert_eq!((stats.written, stats.dropped), (0, 0));
    assert!(stats.unavailable && stats.errors >= 10, "{stats:?}");
    let said = said.lock().expect("not poisoned").clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("cannot make the store"), "{said:?}");
    assert!(spool.close(far()).expect_err("read-only").is_unavailable());
    if !small {
        fs::remove_file(&store).expect("removed");
        spool.close(far()).expect("works now");
        assert_eq!(numbers(&store), (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn while_the_disk_rests_it_is_not_tried_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("store");
    fs::write(&store, b"in the way").expect("written");
    let hour = Duration::from_secs(3600);
    let config = SpoolConfig {
        retry_first: hour,
        retry_most: hour,
        ..SpoolConfig::default()
    };
    let mut spool = spool_with(&store, config);
    for n in 0..100 {
        spool.write(&snapshot(n, 1, b"payload")).expect("buffered");
        assert!(spool.flush(far()).is_err());
    }
    assert_eq!(spool.counters().stats().errors, 1);
    // The end of the program is the last chance.
    fs::remove_file(&store).expect("removed");
    spool.close(far()).expect("written");
    assert_eq!(numbers(&store), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_limit_on_file_sizes_makes_smaller_segments_and_kills_nobody() {
    let test = "disk::a_limit_on_file_sizes_makes_smaller_segments_and_kills_nobody";
    let Some((_, dir)) = role() else {
        return as_every_user(test, false);
    };
    let store = dir.join("store");
    let limit = Rlimit {
        current: Some(20_000),
        maximum: None,
    };
    let limit = Rlimit {
        maximum: getrlimit(Resource::Fsize).maximum,
        ..limit
    };
    // A write beyond it would end this process by SIGXFSZ.
    setrlimit(Resource::Fsize, limit).expect("limited");
    let mut spool = spool_with(&store, retry_fast());
    for n in 0..60 {
        spool
            .write(&snapshot(n, 1, &noise(n, 3_000)))
            .expect("written");
    }
    spool.flush(far()).expect("flushed");
    let segments = SpoolReader::open(&store)
        .expect("a store")
        .segments()
        .expect("a list");
    assert!(segments.len() >= 10 && segments.iter().all(|segment| segment.bytes <= 20_000));
    assert_eq!(numbers(&store), (0..60).collect::<Vec<_>>());
    // One that can never fit must not stop the others for ever: it is the oldest in the buffer.
    spool
        .write(&snapshot(60, 1, &noise(60, 30_000)))
        .expect("buffered");
    spool.write(&snapshot(61, 1, b"payload")).expect("buffered");
    std::thread::sleep(Duration::from_millis(5));
    let _ = spool.close(far());
    assert_eq!(numbers(&store).last(), Some(&61));
    assert_eq!(spool.counters().stats().dropped, 1);
}
