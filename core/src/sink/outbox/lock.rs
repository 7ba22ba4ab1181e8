//! Who delivers: the process that has the folder's lock.
//!
//! A forked child gets a copy of every descriptor, and a lock lives as long as one of them does: so the child must close its copy, and
//! must not unlock. And a program that becomes a daemon closes every descriptor it finds, after which the number may be that of a file of
//! its own: so the number is used only while it still is the lock.

use std::fs::{File, TryLockError};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::sink::spool::SpoolDir;

/// File of the lock.
pub(super) const LOCK_FILE: &str = "delivery.lock";
const NONE: RawFd = -1;

/// The lock, if this process has it. Only atomics: a forked child reads it whatever its parent was doing.
#[derive(Debug)]
pub(super) struct LockCell {
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Default for LockCell {
    fn default() -> Self {
        Self {
            fd: AtomicI32::new(NONE),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }
}

impl LockCell {
    /// Whether this process has the lock of `dir`, or just got it; and whether it is new.
    pub(super) fn hold(&self, dir: &SpoolDir) -> std::io::Result<Held> {
        if let Some(file) = self.file() {
            // Removed with the folder, it locks nothing any more.
            if file.metadata()?.nlink() > 0 {
                return Ok(Held::Still);
            }
            self.release();
        }
        let file = dir.open_or_create(LOCK_FILE)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Held::ByAnother),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let metadata = file.metadata()?;
        if metadata.nlink() == 0 {
            return Ok(Held::ByAnother);
        }
        self.device.store(metadata.dev(), Ordering::Release);
        self.inode.store(metadata.ino(), Ordering::Release);
        let fd = ManuallyDrop::new(file).as_raw_fd();
        self.fd.store(fd, Ordering::Release);
        Ok(Held::New)
    }

    /// The file, if the descriptor still is that of the lock.
    fn file(&self) -> Option<ManuallyDrop<File>> {
        self.file_of(self.fd.load(Ordering::Acquire))
    }

    fn file_of(&self, fd: RawFd) -> Option<ManuallyDrop<File>> {
        if fd == NONE {
            return None;
        }
        // SAFETY: `ManuallyDrop` never closes the descriptor, and all that is done with it is asking which file it is of, which fails
        // if somebody closed it.
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
        let metadata = file.metadata().ok()?;
        let same = metadata.dev() == self.device.load(Ordering::Acquire)
            && metadata.ino() == self.inode.load(Ordering::Acquire);
        same.then_some(file)
    }

    /// Lets another process deliver.
    pub(super) fn release(&self) {
        // Whoever takes the number closes it, once.
        if let Some(file) = self.file_of(self.fd.swap(NONE, Ordering::AcqRel)) {
            // Said outright: a forked child that has not closed its copy yet would keep the lock.
            let _ = file.unlock();
            drop(ManuallyDrop::into_inner(file));
        }
    }

    /// In a forked child: closes the copy without unlocking.
    pub(super) fn close_copy(&self) {
        if let Some(file) = self.file_of(self.fd.swap(NONE, Ordering::AcqRel)) {
            drop(ManuallyDrop::into_inner(file));
        }
    }
}

impl Drop for LockCell {
    fn drop(&mut self) {
        self.release();
    }
}

/// Who has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// This process, since a moment ago: what it knows of the folder may be out of date.
    New,
    /// This process.
    Still,
    ByAnother,
}
