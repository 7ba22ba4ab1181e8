//! The file that a dying process leaves. Written with system calls only, in the order of what matters most.
//!
//! ```text
//! record := "\x93SFFATAL" part*
//! part   := u32 kind, u32 length, bytes
//! ```
//!
//! Kinds: 1 who it was (JSON, made when the handlers were installed), 2 when and where (u64 ns since 1970, u32 thread, u32 signal, u64
//! address, 16 bytes with the thread's name, u32 process), 3 the tape, 4 the images (`/proc/self/maps`), 5 the end, empty. A record without an end is used as far as it goes.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, Ordering};

pub(crate) const MAGIC: [u8; 8] = *b"\x93SFFATAL";
pub(crate) const WHO: u32 = 1;
pub(crate) const WHEN: u32 = 2;
pub(crate) const TAPE: u32 = 3;
pub(crate) const IMAGES: u32 = 4;
pub(crate) const END: u32 = 5;

/// Of the part [`WHEN`].
pub(crate) const WHEN_BYTES: usize = 44;
/// Larger records are not read.
pub(crate) const MAX_BYTES: u64 = 32 << 20;
/// Bytes of `/proc/self/maps` that are kept.
const MAX_IMAGES: u32 = 4 << 20;

/// Whether a folder that is open has `most` entries or more. For signal handlers.
pub(crate) fn is_full(folder: i32, most: usize) -> bool {
    // One of its own: how far a folder has been read is common to all that have it open, other processes among them.
    // SAFETY: a text that ends with a zero, and flags.
    let entries = unsafe {
        let how = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        libc::openat(folder, c".".as_ptr(), how)
    };
    if entries < 0 {
        return false;
    }
    // And the two that every folder has.
    let most = most + 2;
    let mut count = 0;
    let mut chunk = [0_u64; 256];
    while count < most {
        // SAFETY: the buffer has the length that is said, and the alignment that the kernel's records want.
        let got = unsafe {
            let (at, length) = (chunk.as_mut_ptr(), size_of_val(&chunk));
            libc::syscall(libc::SYS_getdents64, entries, at, length)
        };
        let words = usize::try_from(got).unwrap_or(0) / size_of::<u64>();
        if words == 0 {
            break;
        }
        // A record is its inode, an offset, and its length in the first two bytes of the third word; a number of whole words.
        let mut rest = chunk.get(..words).unwrap_or_default();
        while let Some([low, high, ..]) = rest.get(2).map(|word| word.to_ne_bytes()) {
            count += 1;
            let length = usize::from(u16::from_ne_bytes([low, high])) / size_of::<u64>();
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
    }
    // SAFETY: opened above.
    unsafe { libc::close(entries) };
    count >= most
}

/// The file of the record that is being written; -1: none.
static UNFINISHED: AtomicI32 = AtomicI32::new(-1);

/// Writes parts to a file. Everything here may run in a signal handler.
pub(crate) struct Writer {
    file: i32,
}

impl Writer {
    /// A new file in a folder that is open.
    pub(crate) fn create(folder: i32, name: &CStr) -> Option<Self> {
        // SAFETY: the name ends with a zero.
        let file = unsafe {
            libc::openat(
                folder,
                name.as_ptr(),
                libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC | libc::O_NOCTTY,
                0o600,
            )
        };
        let writer = (file >= 0).then_some(Self { file })?;
        UNFINISHED.store(file, Ordering::Relaxed);
        writer.bytes(&MAGIC);
        Some(writer)
    }

    /// The one that was not finished, because something failed between two parts: writing one does not fail so.
    pub(crate) fn unfinished() -> Option<Self> {
        let file = UNFINISHED.swap(-1, Ordering::Relaxed);
        (file >= 0).then_some(Self { file })
    }

    pub(crate) fn part(&self, kind: u32, bytes: &[u8]) {
        self.bytes(&kind.to_le_bytes());
        self.bytes(&(bytes.len() as u32).to_le_bytes());
        self.bytes(bytes);
    }

    /// Copies the kernel's list of this process's images.
    pub(crate) fn images(&self) {
        // SAFETY: a text that ends with a zero, and flags.
        let maps = unsafe {
            libc::open(
                c"/proc/self/maps".as_ptr(),
                libc::O_RDONLY | libc::O_CLOEXEC,
            )
        };
        if maps < 0 {
            return;
        }
        self.bytes(&IMAGES.to_le_bytes());
        // SAFETY: our own file.
        let at = unsafe { libc::lseek(self.file, 0, libc::SEEK_CUR) };
        self.bytes(&0_u32.to_le_bytes());
        let mut copied = 0_u32;
        let mut chunk = [0_u8; 4096];
        while copied < MAX_IMAGES {
            // SAFETY: the buffer has the length that is said.
            let got = unsafe { libc::read(maps, chunk.as_mut_ptr().cast(), chunk.len()) };
            let Some(read) = usize::try_from(got).ok().filter(|&got| got > 0) else {
                break;
            };
            self.bytes(&chunk[..read]);
            copied += read as u32;
        }
        let length = copied.to_le_bytes();
        // SAFETY: four bytes, into our own file; both files are closed by nobody else.
        unsafe {
            libc::pwrite(self.file, length.as_ptr().cast(), 4, at);
            libc::close(maps);
        }
    }

    pub(crate) fn finish(self) {
        UNFINISHED.store(-1, Ordering::Relaxed);
        self.part(END, &[]);
        // SAFETY: our own file, closed once.
        unsafe { libc::close(self.file) };
    }

    fn bytes(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // SAFETY: the bytes are there for their length.
            let written = unsafe { libc::write(self.file, bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(written) {
                Ok(written) if written > 0 => bytes = &bytes[written..],
                // SAFETY: this thread's errno.
                _ if unsafe { *libc::__errno_location() } == libc::EINTR => {}
                // Nothing can be done about a full disk here; what is there is used.
                _ => return,
            }
        }
    }
}

/// What a record holds; parts that are missing are empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts<'r> {
    pub(crate) who: &'r [u8],
    pub(crate) when: &'r [u8],
    pub(crate) tape: &'r [u8],
    pub(crate) images: &'r [u8],
    pub(crate) is_whole: bool,
}

/// Takes a record apart; `None`: it is none.
pub(crate) fn parts(record: &[u8]) -> Option<Parts<'_>> {
    let mut rest = record.strip_prefix(&MAGIC)?;
    let mut parts = Parts::default();
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [k0, k1, k2, k3, l0, l1, l2, l3] = *head;
        let kind = u32::from_le_bytes([k0, k1, k2, k3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some(bytes) = body.get(..length) else {
            break;
        };
        match kind {
            WHO => parts.who = bytes,
            WHEN => parts.when = bytes,
            TAPE => parts.tape = bytes,
            IMAGES => parts.images = bytes,
            END => {
                parts.is_whole = true;
                break;
            }
            // A newer version says more.
            _ => {}
        }
        rest = &body[length..];
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::{END, IMAGES, MAGIC, TAPE, WHEN, WHEN_BYTES, WHO, Writer, is_full, parts};

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::File::open(folder.path()).unwrap();
        let writer = Writer::create(open.as_raw_fd(), c"one").unwrap();
        assert!(Writer::create(open.as_raw_fd(), c"one").is_none());
        writer.part(WHO, b"{}");
        writer.part(WHEN, &[7; WHEN_BYTES]);
        writer.part(TAPE, b"tape");
        writer.images();
        writer.finish();
        let record = std::fs::read(folder.path().join("one")).unwrap();
        let read = parts(&record).unwrap();
        assert_eq!((read.who, read.tape), (&b"{}"[..], &b"tape"[..]));
        assert_eq!(read.when, [7; WHEN_BYTES]);
        assert!(std::str::from_utf8(read.images).unwrap().contains("r-xp"));
        assert!(read.is_whole);
        for length in 0..record.len().min(200) {
            let torn = parts(&record[..length]);
            assert_eq!(torn.is_some(), length >= MAGIC.len());
            assert!(torn.is_none_or(|torn| !torn.is_whole));
        }
    }

    #[test]
    fn entries_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::File::open(folder.path()).unwrap();
        for number in 0..300 {
            assert!(!is_full(open.as_raw_fd(), number + 1), "{number}");
            assert!(is_full(open.as_raw_fd(), number), "{number}");
            let name = "n".repeat(1 + number % 90);
            std::fs::write(folder.path().join(format!("{name}{number}")), b"").unwrap();
        }
        assert!(!is_full(-1, 0));
    }

    #[test]
    fn foreign_bytes_are_no_record() {
        assert_eq!(parts(b""), None);
        assert_eq!(parts(b"\x93SFT something else"), None);
        let mut huge = MAGIC.to_vec();
        huge.extend(IMAGES.to_le_bytes());
        huge.extend(u32::MAX.to_le_bytes());
        assert_eq!(parts(&huge).unwrap().images, b"");
        let mut unknown = MAGIC.to_vec();
        unknown.extend([9, 0, 0, 0, 2, 0, 0, 0, 1, 2]);
        unknown.extend(END.to_le_bytes());
        unknown.extend(0_u32.to_le_bytes());
        assert!(parts(&unknown).unwrap().is_whole);
    }
}
