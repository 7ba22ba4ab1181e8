//! Admission: one call before anything of an exception is looked at.

use std::borrow::Cow;

use stillframe_core::engine::{Engine, now_ns};
use stillframe_core::gate::{Admission, Raised, SiteFacts, SiteHash, SiteHasher};
use stillframe_core::snapshot::SnapshotId;

use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_engine;
use crate::permit::{self, STILLFRAME_PERMIT_DEEPER, STILLFRAME_PERMIT_NOVEL, stillframe_permit};
use crate::sized::{self, sized};
use crate::status::{self, stillframe_status};
use crate::text::{slice, stillframe_text};

/// The program asks for this capture: it is not rate limited, only excluded by rules.
pub const STILLFRAME_SITE_EXPLICIT: u32 = 1;

/// Frames that tell sites apart.
const FRAMES: usize = 256;

/// Where an exception comes from, told without reading any value. What identifies the site is the first of these that is set: `path` and
/// `origin`; `frames`; the names.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_site {
    /// sizeof(stillframe_site), set by the caller.
    pub struct_size: usize,
    /// STILLFRAME_SITE_*.
    pub flags: u32,
    /// Line of the raising frame, 0 if it is not known.
    pub line: u32,
    /// Full name of the exception's type. Names are for rules and requests; what is not UTF-8 in them fits none.
    pub type_name: stillframe_text,
    /// Module, class or file of the raising frame.
    pub module: stillframe_text,
    /// Own name of its function.
    pub function: stillframe_text,
    /// Hash of the caller's own over type and all frames.
    pub path: u64,
    /// Hash of the caller's own over type and raising frame.
    pub origin: u64,
    /// A number for each frame that stands for its place in the code as long as the process runs, as a return address; raising frame
    /// first.
    pub frames: *const u64,
    /// How many.
    pub frames_len: usize,
}

sized!(stillframe_site, least = frames_len: usize);

/// A site, read.
struct Site<'s> {
    hash: SiteHash,
    type_name: &'s [u8],
    module: &'s [u8],
    function: &'s [u8],
}

impl stillframe_site {
    /// # Safety
    ///
    /// The views are valid during `'s`.
    unsafe fn read<'s>(&self) -> Result<Site<'s>, Failure> {
        // SAFETY: passed on to the caller.
        let (type_name, module, function, frames) = unsafe {
            (
                self.type_name.bytes("type_name")?,
                self.module.bytes("module")?,
                self.function.bytes("function")?,
                slice(self.frames, self.frames_len, "frames")?,
            )
        };
        let hash = if self.path != 0 || self.origin != 0 {
            SiteHash::from_parts(self.path, self.origin)
        } else {
            let mut hasher = SiteHasher::new(SiteHasher::bytes(type_name));
            if frames.is_empty() {
                let place = SiteHasher::bytes(module).rotate_left(17) ^ SiteHasher::bytes(function);
                hasher.frame(place, self.line, 0);
            }
            for &frame in frames.iter().take(FRAMES) {
                hasher.frame(frame, 0, 0);
            }
            hasher.finish(Raised::First)
        };
        Ok(Site {
            hash,
            type_name,
            module,
            function,
        })
    }
}

/// May this exception be captured now? STILLFRAME_OK: yes, and `permit` is filled; walk within its limits, then submit or cancel. A
/// refusal (positive) is an outcome: counted, and nothing is written. Costs nanoseconds when it refuses, and allocates nothing.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_capture_admit(
    engine: *const stillframe_engine,
    site: *const stillframe_site,
    permit: *mut stillframe_permit,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        let inner = stillframe_engine::get(engine)?;
        // SAFETY: the contract: both are NULL or as large as their `struct_size` says.
        let flags = unsafe {
            sized::check(permit)?;
            sized::check(site)?;
            (&raw const (*site).flags).read()
        };
        let explicit = flags & STILLFRAME_SITE_EXPLICIT != 0;
        if !explicit && let Some(refusal) = inner.engine.refuse_early() {
            return Ok(status::of_refusal(refusal));
        }
        inside(|| {
            // SAFETY: the contract: the site's views are valid for this call.
            let site = unsafe { sized::read::<stillframe_site>(site)?.read() }?;
            permit::reclaim(&inner.engine);
            match admit(&inner.engine, &site, explicit) {
                Ok(given) => {
                    // SAFETY: checked above, and the caller's own by the contract.
                    unsafe { sized::write(permit, &given) }?;
                    done()
                }
                Err(refused) => Ok(refused),
            }
        })
    })
}

fn admit(
    engine: &Engine,
    site: &Site<'_>,
    explicit: bool,
) -> Result<stillframe_permit, stillframe_status> {
    let names: [Cow<'_, str>; 3];
    let admission = if explicit {
        names = site.names();
        engine.admit_explicit(site.hash, &facts(&names))
    } else {
        // Made only if rules or requests want them; most names are what they should be, and then nothing is allocated.
        let made: std::cell::OnceCell<[Cow<'_, str>; 3]> = std::cell::OnceCell::new();
        engine.admit(site.hash, || facts(made.get_or_init(|| site.names())))
    };
    let core_permit = match admission {
        Admission::Admitted(permit) => permit,
        Admission::Refused(refusal) => return Err(status::of_refusal(refusal)),
    };
    let limits = match core_permit.deeper() {
        Some(depth) => (&depth.raise(&engine.config().limits)).into(),
        None => (&engine.config().limits).into(),
    };
    let mut flags = 0;
    if core_permit.is_novel() {
        flags |= STILLFRAME_PERMIT_NOVEL;
    }
    if core_permit.deeper().is_some() {
        flags |= STILLFRAME_PERMIT_DEEPER;
    }
    let timestamp_ns = now_ns();
    let lease_ms = permit::lease_ms(&limits);
    Ok(stillframe_permit {
        token: permit::hold(core_permit, lease_ms),
        path: site.hash.path(),
        origin: site.hash.origin(),
        timestamp_ns,
        id: SnapshotId::generate(timestamp_ns).0,
        limits,
        flags,
        lease_ms,
        ..sized::zeroed()
    })
}

fn facts<'n>(names: &'n [Cow<'_, str>; 3]) -> SiteFacts<'n> {
    SiteFacts {
        type_name: &names[0],
        module: &names[1],
        function: &names[2],
    }
}

impl<'s> Site<'s> {
    fn names(&self) -> [Cow<'s, str>; 3] {
        [self.type_name, self.module, self.function].map(String::from_utf8_lossy)
    }
}
