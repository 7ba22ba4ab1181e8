//! A segment that is locked for a while.

use std::fs::File;
use std::ops::Deref;

/// A segment that may be locked; afterwards it is not. That is said outright: a forked child shares the lock, and closing our end would
/// leave it with the child for as long as that lives.
#[derive(Debug)]
pub(super) struct Hold(File);

impl Hold {
    pub(super) fn new(file: File) -> Self {
        Self(file)
    }
}

impl Deref for Hold {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // What cannot be unlocked is when it is closed, but for such a child.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_was_given_holds_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("segment");
        std::fs::write(&path, "").expect("a file");
        let open = || Hold::new(File::open(&path).expect("a file"));
        let first = open();
        first.try_lock().expect("nobody has it");
        // As a fork leaves it: another descriptor of the same opened file.
        let copy = first.try_clone().expect("a descriptor");
        drop(first);
        open().try_lock().expect("nobody has it any more");
        drop(copy);
    }
}
