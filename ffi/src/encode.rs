//! Encoding on the caller's thread, for tracers that send by themselves, for sinks of a program's own, and for tests.

use stillframe_core::encode::Encoder;
use stillframe_core::encode::datadog::{self, Dialect, Options};
use stillframe_core::engine::{Finished, PipelineError};
use stillframe_core::sink::callback::Format;
use stillframe_core::snapshot::SnapshotId;

use crate::capture::{refused, stillframe_capture};
use crate::config::format_of;
use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::{Inner, stillframe_engine};
use crate::sized::{self, sized};
use crate::status::{
    STILLFRAME_ERROR_FRAME, STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_REDACTION,
    STILLFRAME_ERROR_VALUE, stillframe_status,
};
use crate::text::{stillframe_bytes, stillframe_text};

/// Datadog's form as ddtrace for Python writes it.
pub const STILLFRAME_DIALECT_PYTHON: u32 = 1;
/// As dd-trace-java does.
pub const STILLFRAME_DIALECT_JAVA: u32 = 2;
/// As dd-trace-dotnet does.
pub const STILLFRAME_DIALECT_DOTNET: u32 = 3;
/// For C and C++.
pub const STILLFRAME_DIALECT_NATIVE: u32 = 4;

/// Only the frame `first`, as an object rather than an array; `first` counts in the order of the tape then.
pub const STILLFRAME_ENCODING_ONE_FRAME: u32 = 1;

/// How a capture is encoded. Members but `format` are for Datadog's form, and all zero gives Datadog's own bounds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_encoding {
    /// sizeof(stillframe_encoding), set by the caller.
    pub struct_size: usize,
    /// STILLFRAME_FORMAT_*.
    pub format: u32,
    /// STILLFRAME_DIALECT_*; 0: that of the tape's language.
    pub dialect: u32,
    /// STILLFRAME_ENCODING_*.
    pub flags: u32,
    /// Characters shown of one value; 0: 255.
    pub characters: u32,
    /// Most frames; 0: 100.
    pub frames: u32,
    /// Largest object of one frame, in bytes; 0: 1,048,574.
    pub max_bytes: u32,
    /// The frame that the body begins with.
    pub first: u32,
    /// Written: the frame that the next body begins with, 0 after the last body. A body has at most 5 MiB.
    pub next: u32,
    /// Name of the service, if it is not the engine's.
    pub service: stillframe_text,
    /// The tracer's tags of the process, as "entrypoint.name:shop".
    pub process_tags: stillframe_text,
    /// Hash that groups exceptions, if the tracer makes one.
    pub exception_hash: stillframe_text,
    /// Where the file of the one frame lies, if the tracer found it elsewhere than its code says.
    pub source_file: stillframe_text,
}

sized!(stillframe_encoding, least = source_file: stillframe_text);

/// Validates, redacts, groups and encodes a capture on this thread. Nothing is stored, and no permit is needed; for the snapshot of a
/// permit set `capture.id` and `capture.timestamp_ns` to the permit's. On STILLFRAME_OK `out` has bytes for stillframe_bytes_free(),
/// and `encoding.next` is set. STILLFRAME_ERROR_TAPE: the tape is not valid, and where.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_capture_encode(
    engine: *const stillframe_engine,
    capture: *const stillframe_capture,
    encoding: *mut stillframe_encoding,
    out: *mut stillframe_bytes,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::working(engine)?;
            if out.is_null() {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "out", "NULL"));
            }
            // SAFETY: the contract: a struct of the size that it says.
            let mut asked = unsafe { sized::read::<stillframe_encoding>(encoding) }?;
            let format = format_of(asked.format)?;
            // SAFETY: the contract: what the capture points to is valid for this call.
            let finished = unsafe { finish(inner, capture) }?;
            // SAFETY: the contract, for the views of the encoding.
            let bytes = unsafe { asked.write(format, &finished) }?;
            // SAFETY: both are the caller's own by the contract.
            unsafe {
                (&raw mut (*encoding).next).write(asked.next);
                out.write(stillframe_bytes::of(bytes));
            }
            done()
        })
    })
}

/// The key of the issue that a capture belongs to: 16 bytes at `key`, as snapshots show it in hex.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_fingerprint(
    engine: *const stillframe_engine,
    capture: *const stillframe_capture,
    key: *mut u8,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::working(engine)?;
            if key.is_null() {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "key", "NULL"));
            }
            // SAFETY: the contract: what the capture points to is valid for this call.
            let found = unsafe { finish(inner, capture) }?.key();
            // SAFETY: the caller's own 16 bytes by the contract.
            unsafe { key.copy_from_nonoverlapping(found.as_ptr(), found.len()) };
            done()
        })
    })
}

/// The id of one frame of a snapshot in Datadog's form, which has a snapshot for each frame: 16 bytes at `out`, always the same for the
/// same `id` (16 bytes) and `frame`, its index in the order of the tape. For the tags of a span.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_frame_id(
    id: *const u8,
    frame: u32,
    out: *mut u8,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        if id.is_null() || out.is_null() {
            return Err(Failure::of(STILLFRAME_ERROR_NULL, "id or out", "NULL"));
        }
        // SAFETY: 16 readable and 16 writable bytes by the contract; the first are read before the others are written.
        unsafe {
            let id = SnapshotId(id.cast::<[u8; 16]>().read()).of_frame(frame);
            out.cast::<[u8; 16]>().write(id.0);
        }
        done()
    })
}

/// # Safety
///
/// `capture` is NULL or a capture of the size that it says, and what it points to is valid for this call.
unsafe fn finish(inner: &Inner, capture: *const stillframe_capture) -> Result<Finished, Failure> {
    // SAFETY: passed on to the caller.
    let submission =
        unsafe { sized::read::<stillframe_capture>(capture)?.submission(&inner.engine) }?;
    inner.engine.finish(&submission).map_err(failed)
}

fn failed(error: PipelineError) -> Failure {
    match error {
        PipelineError::Tape(error) => refused(&error),
        PipelineError::Redaction => {
            let what = "the snapshot could not be redacted and was dropped";
            Failure::new(STILLFRAME_ERROR_REDACTION, what)
        }
    }
}

impl stillframe_encoding {
    /// # Safety
    ///
    /// The views are valid for this call.
    unsafe fn write(&mut self, format: Format, finished: &Finished) -> Result<Vec<u8>, Failure> {
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        self.next = 0;
        match format {
            Format::Json => finished.json(&mut encoder, &mut out).map_err(failed)?,
            Format::MessagePack => finished.msgpack(&mut encoder, &mut out).map_err(failed)?,
            #[cfg(feature = "otlp")]
            Format::Otlp => finished.otlp(&mut out).map_err(failed)?,
            #[cfg(feature = "sentry")]
            Format::Sentry => finished.sentry(&mut out).map_err(failed)?,
            Format::Datadog => {
                let id = finished.meta().id;
                let frame_id = |frame| id.of_frame(frame);
                // SAFETY: passed on to the caller.
                let options = unsafe { self.options(finished, &frame_id) }?;
                if self.flags & STILLFRAME_ENCODING_ONE_FRAME != 0 {
                    let there =
                        finished.datadog_frame(&mut encoder, &options, self.first, &mut out);
                    if !there.map_err(failed)? {
                        let what = "there is no such frame on the tape";
                        return Err(Failure::of(STILLFRAME_ERROR_FRAME, "first", what));
                    }
                } else {
                    let next =
                        finished.datadog(&mut encoder, &options, self.first as usize, &mut out);
                    let next = next.map_err(failed)?.unwrap_or(0);
                    self.next = u32::try_from(next).unwrap_or(0);
                }
            }
            _ => {
                return Err(Failure::of(
                    STILLFRAME_ERROR_VALUE,
                    "format",
                    "no such format",
                ));
            }
        }
        Ok(out)
    }

    /// # Safety
    ///
    /// As [`stillframe_encoding::write`].
    unsafe fn options<'o>(
        &self,
        finished: &Finished,
        frame_id: &'o dyn Fn(u32) -> SnapshotId,
    ) -> Result<Options<'o>, Failure> {
        let dialect = match self.dialect {
            0 => Dialect::of(finished.language().map_err(failed)?),
            STILLFRAME_DIALECT_PYTHON => Dialect::Python,
            STILLFRAME_DIALECT_JAVA => Dialect::Java,
            STILLFRAME_DIALECT_DOTNET => Dialect::Dotnet,
            STILLFRAME_DIALECT_NATIVE => Dialect::Native,
            _ => {
                return Err(Failure::of(
                    STILLFRAME_ERROR_VALUE,
                    "dialect",
                    "no such dialect",
                ));
            }
        };
        let told = |value: u32, default: usize| if value == 0 { default } else { value as usize };
        let options = Options::new(dialect, frame_id);
        // SAFETY: passed on to the caller.
        unsafe {
            Ok(Options {
                characters: told(self.characters, options.characters),
                frames: told(self.frames, datadog::MAX_FRAMES),
                max_bytes: told(self.max_bytes, datadog::MAX_BYTES),
                service: self.service.some("service")?,
                process_tags: self.process_tags.some("process_tags")?,
                exception_hash: self.exception_hash.some("exception_hash")?,
                source_file: self.source_file.some("source_file")?,
                ..options
            })
        }
    }
}
