//! The directory of a store: where it is, whose it may be, what its files are called.
//!
//! Snapshots are private, so everything made here is for the owner only (0700, 0600). After the owner of the directory has
//! been checked, every file is reached through the open directory and never through a symbolic link: nobody who can write
//! beside the store can redirect it.

use std::ffi::OsString;
use std::fmt;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::SpoolError;

/// Held while a process removes or replaces segments.
const LOCK_FILE: &str = "retention.lock";
/// Ending of a segment that retention has not finished.
const TEMPORARY: &str = ".tmp";
/// Ending of a segment.
const SEGMENT: &str = ".sfs";
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// The directory that holds one store per service: `$XDG_STATE_HOME/stillframe`, else `~/.local/state/stillframe`.
/// `variable` reads the environment.
///
/// # Errors
///
/// Neither variable is an absolute path.
pub fn state_root(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, SpoolError> {
    let absolute = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(SpoolError::no_home)?;
    Ok(state.join("stillframe"))
}

/// The store of `service` below [`state_root`]. Any name gives a single, visible path component; two names that are made
/// fit give two directories.
pub fn service_dir(root: &Path, service: &str) -> PathBuf {
    const LONGEST: usize = 64;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut name: String = service
        .chars()
        .take(LONGEST)
        .enumerate()
        .map(|(at, c)| {
            if fits(c) && (at > 0 || c != '.') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        name.push_str("unnamed");
    }
    if name != service {
        name.push_str(&format!("-{:08x}", crc32fast::hash(service.as_bytes())));
    }
    root.join(name)
}

/// File name of a segment: when it was begun, by which process, and a random part: `1763812345678-4711-9f3a2c01d4e5b607.sfs`.
///
/// Names order by time. A name is never used twice, so a (segment, offset) pair means the same record for ever, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName(Arc<str>);

impl SegmentName {
    /// A new name, begun at `created_ms` (milliseconds since the Unix epoch).
    pub(super) fn new(created_ms: u64) -> Self {
        let (pid, unique) = (std::process::id(), unique());
        Self(format!("{created_ms:013}-{pid}-{unique:016x}{SEGMENT}").into())
    }

    /// `name`, if it is a segment's.
    pub fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(SEGMENT)?;
        let mut parts = stem.split('-');
        let (created, pid, unique) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let valid = parts.next().is_none()
            && created.len() == 13
            && digits(created)
            && pid.len() <= 10
            && digits(pid)
            && unique.len() == 16
            && unique
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(name.into()))
    }

    /// The file's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the segment was begun, in milliseconds since the Unix epoch.
    pub fn created_ms(&self) -> u64 {
        self.0
            .split('-')
            .next()
            .and_then(|created| created.parse().ok())
            .unwrap_or(0)
    }

    /// The process that began it.
    pub fn pid(&self) -> u32 {
        self.0
            .split('-')
            .nth(1)
            .and_then(|pid| pid.parse().ok())
            .unwrap_or(0)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Random, and if the system has no randomness to give, still different each time.
fn unique() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.subsec_nanos());
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        bytes = (u64::from(nanos) << 32 | (count & 0xFFFF_FFFF)).to_le_bytes();
    }
    u64::from_le_bytes(bytes)
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// An open directory of a store.
#[derive(Debug)]
pub(in crate::sink) struct SpoolDir {
    fd: OwnedFd,
    path: PathBuf,
    owner: u32,
}

impl SpoolDir {
    /// Opens `path` to write there; makes it, and the directories above it, if they are missing.
    pub(in crate::sink) fn create(path: &Path) -> Result<Self, SpoolError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| SpoolError::io(path, "make the store", error))?;
        let (dir, mode) = Self::open_with_mode(path)?;
        let user = rustix::process::geteuid().as_raw();
        if dir.owner != user {
            return Err(SpoolError::other_owner(path, dir.owner, user));
        }
        if mode.contains(Mode::WOTH) {
            return Err(SpoolError::world_writable(path));
        }
        Ok(dir)
    }

    /// Opens `path` to read there.
    pub(in crate::sink) fn open(path: &Path) -> Result<Self, SpoolError> {
        Self::open_with_mode(path).map(|(dir, _)| dir)
    }

    fn open_with_mode(path: &Path) -> Result<(Self, Mode), SpoolError> {
        let open = |path: &Path| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let fd = rustix::fs::open(path, flags, Mode::empty())?;
            let stat = rustix::fs::fstat(&fd)?;
            Ok::<_, rustix::io::Errno>((fd, stat))
        };
        let (fd, stat) =
            open(path).map_err(|error| SpoolError::io(path, "open the store", error))?;
        let dir = Self {
            fd,
            path: path.to_owned(),
            owner: stat.st_uid,
        };
        Ok((dir, Mode::from_raw_mode(stat.st_mode)))
    }

    pub(in crate::sink) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::sink) fn path_of(&self, name: &SegmentName) -> PathBuf {
        self.path.join(name.as_str())
    }

    /// Segments and their sizes, oldest first. Files that somebody else put there are left out.
    pub(in crate::sink) fn segments(&self) -> io::Result<Vec<(SegmentName, u64)>> {
        let mut segments = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().ok().and_then(SegmentName::parse) else {
                continue;
            };
            match rustix::fs::statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                    if regular && stat.st_uid == self.owner {
                        segments.push((name, u64::try_from(stat.st_size).unwrap_or(0)));
                    }
                }
                Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Opens a segment to read it.
    pub(in crate::sink) fn open_segment(&self, name: &SegmentName) -> Result<File, SpoolError> {
        // NONBLOCK: a FIFO put there must not hang us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(&self.fd, name.as_str(), flags, Mode::empty()) {
            Ok(fd) => Ok(File::from(fd)),
            Err(error) => Err(SpoolError::io(&self.path_of(name), "open", error)),
        }
    }

    /// Makes a file that did not exist.
    fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &self.fd, name, flags, OWNER_ONLY,
        )?))
    }

    /// Makes a segment.
    pub(super) fn create_segment(&self, name: &SegmentName) -> io::Result<File> {
        self.create_file(name.as_str())
    }

    /// Makes the file that [`SpoolDir::publish`] turns into the segment `name`.
    pub(super) fn create_temporary(&self, name: &SegmentName) -> io::Result<File> {
        self.create_file(&temporary(name))
    }

    pub(super) fn publish(&self, name: &SegmentName) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.fd,
            temporary(name),
            &self.fd,
            name.as_str(),
        )?)
    }

    pub(super) fn remove_temporary(&self, name: &SegmentName) -> io::Result<()> {
        self.remove_file(&temporary(name))
    }

    /// Removes a segment. One that is gone already is removed.
    pub(in crate::sink) fn remove(&self, name: &SegmentName) -> io::Result<()> {
        self.remove_file(name.as_str())
    }

    fn remove_file(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file that is no segment; `None` if it does not exist.
    pub(in crate::sink) fn open_other(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a file that is no segment, all at once. If it exists by then, it stays as it is.
    pub(super) fn create_other(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let unfinished = format!("{name}-{:016x}{TEMPORARY}", unique());
        let mut file = self.create_file(&unfinished)?;
        let result = write(&mut file).and_then(|()| {
            match rustix::fs::linkat(&self.fd, &unfinished, &self.fd, name, AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        self.remove_file(&unfinished)?;
        result
    }

    /// Whether the directory is the user's own.
    #[cfg(feature = "http")]
    pub(in crate::sink) fn is_ours(&self) -> bool {
        self.owner == rustix::process::geteuid().as_raw()
    }

    /// Names of the files that are no segments.
    #[cfg(feature = "http")]
    pub(in crate::sink) fn other_names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && SegmentName::parse(name).is_none()
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens a file that is no segment for writing; makes it if it does not exist.
    #[cfg(feature = "http")]
    pub(in crate::sink) fn open_or_create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(File::from(rustix::fs::openat(
            &self.fd, name, flags, OWNER_ONLY,
        )?))
    }

    /// Removes a file that is no segment. One that is gone already is removed.
    #[cfg(feature = "http")]
    pub(in crate::sink) fn remove_other(&self, name: &str) -> io::Result<()> {
        self.remove_file(name)
    }

    /// Takes the right to remove and replace segments; `None` if another process has it.
    pub(super) fn lock_retention(&self) -> io::Result<Option<RetentionLock>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.fd, LOCK_FILE, flags, OWNER_ONLY)?);
        match file.try_lock() {
            Ok(()) => Ok(Some(RetentionLock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Removes what a killed retention left. Only the holder of the lock makes such files, so all of them are left over.
    pub(super) fn remove_left_over(&self, _lock: &RetentionLock) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap_or("");
            if name
                .strip_suffix(TEMPORARY)
                .and_then(SegmentName::parse)
                .is_some()
            {
                self.remove_file(name)?;
            }
        }
        Ok(())
    }
}

fn temporary(name: &SegmentName) -> String {
    format!("{name}{TEMPORARY}")
}

/// The right to remove and replace segments of one store.
#[derive(Debug)]
pub(super) struct RetentionLock(File);

impl Drop for RetentionLock {
    fn drop(&mut self) {
        // Said outright: a child that was forked meanwhile shares the lock, and closing our end would not release it.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_root_is_xdg_then_home_and_only_absolute() {
        let root = |xdg: Option<&str>, home: Option<&str>| {
            let (xdg, home) = (xdg.map(OsString::from), home.map(OsString::from));
            state_root(move |name| {
                if name == "HOME" {
                    home.clone()
                } else {
                    xdg.clone()
                }
            })
        };
        let expect = |result: Result<PathBuf, _>| result.expect("a root").display().to_string();
        assert_eq!(expect(root(Some("/x"), Some("/h"))), "/x/stillframe");
        assert_eq!(
            expect(root(Some("x"), Some("/h"))),
            "/h/.local/state/stillframe"
        );
        assert_eq!(expect(root(None, Some("/h"))), "/h/.local/state/stillframe");
        let error = root(None, Some("")).expect_err("no root").to_string();
        assert!(error.contains("STILLFRAME_DIR"), "{error}");
    }

    #[test]
    fn any_service_name_is_one_path_component() {
        let root = Path::new("/r");
        let of = |service: &str| service_dir(root, service);
        assert_eq!(of("shop-eu_1.api"), Path::new("/r/shop-eu_1.api"));
        let long = "x".repeat(5000);
        for service in [
            "",
            ".",
            "..",
            "../../etc",
            "a/b",
            "a\0b",
            ".hidden",
            "caf\u{e9}",
            &long,
        ] {
            let dir = of(service);
            assert_eq!(dir.parent(), Some(root), "{service:?}");
            let name = dir
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name")
                .to_owned();
            assert!(
                !name.starts_with('.') && !name.contains('\0') && name.len() < 255,
                "{name}"
            );
        }
        assert_ne!(of("a/b"), of("a:b"));
        assert_ne!(of(&long), of(&"x".repeat(4999)));
    }

    #[test]
    fn only_names_made_here_are_segments() {
        let name = SegmentName::new(1_763_812_345_678);
        assert_eq!(SegmentName::parse(name.as_str()), Some(name.clone()));
        assert_eq!(name.created_ms(), 1_763_812_345_678);
        assert_eq!(name.pid(), std::process::id());
        assert!(SegmentName::new(1) < name && name < SegmentName::new(9_763_812_345_678));
        for other in [
            "",
            ".sfs",
            "index.db",
            "retention.lock",
            "1-2-3.sfs",
            "../1763812345678-1-0123456789abcdef.sfs",
        ] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
        let temporary = format!("{name}.tmp");
        assert_eq!(SegmentName::parse(&temporary), None);
    }
}
