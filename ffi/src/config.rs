//! What an engine is made with.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::PathBuf;

use serde_json::Value;
use stillframe_core::config::{Config, Sources, load};
use stillframe_core::engine::{Host, Log};
use stillframe_core::language::Language;
use stillframe_core::sink::callback::{Callback, Delivery, Format};

use crate::error::Failure;
use crate::guard::{done, guard};
use crate::sized::{self, Sized_, sized};
use crate::status::{
    STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_STRUCT_SIZE, STILLFRAME_ERROR_TOO_MUCH,
    STILLFRAME_ERROR_UNSUPPORTED, STILLFRAME_ERROR_VALUE, stillframe_status,
};
use crate::text::{slice, stillframe_text};

/// Language of the program: not told.
pub const STILLFRAME_LANGUAGE_UNKNOWN: u32 = 0;
/// CPython.
pub const STILLFRAME_LANGUAGE_PYTHON: u32 = 1;
/// The JVM.
pub const STILLFRAME_LANGUAGE_JAVA: u32 = 2;
/// .NET.
pub const STILLFRAME_LANGUAGE_DOTNET: u32 = 3;
/// C and C++.
pub const STILLFRAME_LANGUAGE_NATIVE: u32 = 4;

/// A part of the configuration was ignored; the rest is in force.
pub const STILLFRAME_LOG_WARNING: u32 = 1;
/// Something stopped working.
pub const STILLFRAME_LOG_ERROR: u32 = 2;

/// JSON of docs/snapshot-format.md.
pub const STILLFRAME_FORMAT_JSON: u32 = 1;
/// The same as MessagePack: the stored form.
pub const STILLFRAME_FORMAT_MSGPACK: u32 = 2;
/// Datadog's form: one request body, a JSON array with an object for each frame.
pub const STILLFRAME_FORMAT_DATADOG: u32 = 3;
/// OpenTelemetry's logs: an ExportLogsServiceRequest in protobuf. Several, one after the other, are one request too.
pub const STILLFRAME_FORMAT_OTLP: u32 = 4;
/// Sentry's: an event in JSON, as the item of an envelope.
pub const STILLFRAME_FORMAT_SENTRY: u32 = 5;

/// Settings of one configuration.
const MOST_SETTINGS: usize = 1024;

/// A key of docs/configuration.md and its value, both as text: {"limits.depth", "6"}. Lists are separated by commas, or JSON.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_setting {
    /// Key.
    pub key: stillframe_text,
    /// Value.
    pub value: stillframe_text,
}

/// One finished snapshot, or one request body of it, in a callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_snapshot {
    /// sizeof(stillframe_snapshot) of the library: later versions append.
    pub struct_size: usize,
    /// STILLFRAME_FORMAT_*.
    pub format: u32,
    /// Counts the bodies of one snapshot, from 0. Only Datadog's form can have several.
    pub part: u32,
    /// The snapshot, redacted. Borrowed for the call.
    pub bytes: *const u8,
    /// How many.
    pub bytes_len: usize,
    /// Id of the snapshot, a UUID in network order.
    pub id: [u8; 16],
    /// Key of the issue that it belongs to.
    pub fingerprint: [u8; 16],
    /// When the exception was captured, in ns since 1970.
    pub timestamp_ns: u64,
    /// 1 if it is the last body of its snapshot.
    pub last: u32,
    /// 0.
    pub reserved: u32,
}

/// Takes a line for people: UTF-8, not terminated, borrowed for the call. `level` is a STILLFRAME_LOG_*. Called on any thread, also by
/// stillframe_engine_new(); must not throw, unwind or free the engine.
pub type stillframe_log_function =
    Option<unsafe extern "C" fn(data: *mut c_void, level: u32, line: stillframe_text)>;

/// Takes a finished snapshot. Called on the engine's background thread, one call at a time, until the engine is freed; while it runs,
/// further snapshots wait. Must not throw, unwind or free the engine.
pub type stillframe_snapshot_function =
    Option<unsafe extern "C" fn(data: *mut c_void, snapshot: *const stillframe_snapshot)>;

/// What an engine is made with. Filled by stillframe_config_init(); every member may stay as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_config {
    /// sizeof(stillframe_config), set by stillframe_config_init().
    pub struct_size: usize,
    /// STILLFRAME_LANGUAGE_*, of the program whose exceptions are captured. Native unless said otherwise.
    pub language: u32,
    /// The form that `snapshot` gets, a STILLFRAME_FORMAT_*. JSON unless said otherwise.
    pub snapshot_format: u32,
    /// Name of the program. Not said: as configured, else the name of the executable.
    pub service: stillframe_text,
    /// Deployment environment. Not said: as configured.
    pub env: stillframe_text,
    /// Version of the program. Not said: as configured.
    pub version: stillframe_text,
    /// Name and version of the program's runtime, as "OpenJDK 21.0.5".
    pub runtime: stillframe_text,
    /// Version of the runtime alone, as "21.0.5".
    pub runtime_version: stillframe_text,
    /// How values are read, for `stillframe doctor`.
    pub walker: stillframe_text,
    /// The directory that relative names of source files start from. Not said: the working directory.
    pub directory: stillframe_text,
    /// Keys of docs/configuration.md; they count more than the file and the environment. What is wrong with one is told to `log` and by
    /// `stillframe doctor`, and the key keeps its value.
    pub settings: *const stillframe_setting,
    /// How many.
    pub settings_len: usize,
    /// Gets lines for people. NULL: they are told by `stillframe doctor` only.
    pub log: stillframe_log_function,
    /// First argument of `log`.
    pub log_data: *mut c_void,
    /// Gets every finished snapshot, beside the store. NULL: nobody does.
    pub snapshot: stillframe_snapshot_function,
    /// First argument of `snapshot`.
    pub snapshot_data: *mut c_void,
}

sized!(stillframe_config, least = snapshot_data: *mut c_void);

/// Fills a configuration with what holds if nothing is said. `size` is sizeof(stillframe_config).
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_config_init(
    config: *mut stillframe_config,
    size: usize,
) -> stillframe_status {
    guard!(std::ptr::null_mut(), {
        if config.is_null() {
            return Err(Failure::of(STILLFRAME_ERROR_NULL, "config", "NULL"));
        }
        if size < stillframe_config::LEAST || !config.is_aligned() {
            return Err(Failure::of(
                STILLFRAME_ERROR_STRUCT_SIZE,
                "config",
                "no size of a config",
            ));
        }
        let mut fresh: stillframe_config = sized::zeroed();
        fresh.language = STILLFRAME_LANGUAGE_NATIVE;
        fresh.snapshot_format = STILLFRAME_FORMAT_JSON;
        // SAFETY: the caller's memory of `size` bytes, aligned; its size is written first, the rest follows it.
        unsafe {
            config.cast::<usize>().write(size);
            sized::write(config, &fresh)?;
        }
        done()
    })
}

/// Data of the caller's that goes back to it unseen.
#[derive(Clone, Copy)]
struct Data(*mut c_void);

// SAFETY: the pointer is never followed here; the header says on which threads the caller's functions get it back.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Data {
    /// A method, so that closures capture the whole.
    fn get(&self) -> *mut c_void {
        self.0
    }
}

/// What an engine is made of.
pub(crate) struct Made {
    pub(crate) config: Config,
    pub(crate) host: Host,
}

impl stillframe_config {
    /// Reads every source.
    ///
    /// # Safety
    ///
    /// All views and pointers are valid for this call, functions and their data until the engine is freed.
    pub(crate) unsafe fn make(&self) -> Result<Made, Failure> {
        // SAFETY: passed on to the caller, here and below.
        let arguments = unsafe { self.arguments() }?;
        let sources = Sources {
            call: Some("stillframe_engine_new()"),
            ..Sources::of_process(arguments)
        };
        let (mut config, problems) = load(&sources);
        config.set_default_service(&executable());
        let language = u8::try_from(self.language)
            .ok()
            .and_then(Language::from_code);
        let Some(language) = language else {
            return Err(Failure::of(
                STILLFRAME_ERROR_VALUE,
                "language",
                "no such language",
            ));
        };
        let log = self.logger();
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        for problem in &problems {
            self.tell(STILLFRAME_LOG_WARNING, problem);
        }
        // SAFETY: as above.
        let (directory, walker, runtime, runtime_version) = unsafe {
            (
                self.directory.some("directory")?,
                self.walker.some("walker")?,
                self.runtime.read("runtime")?,
                self.runtime_version.read("runtime_version")?,
            )
        };
        let callbacks = self.callbacks()?;
        let directory = directory.map(PathBuf::from);
        let host = Host {
            language,
            runtime_version: runtime_version.to_owned(),
            runtime: runtime.to_owned(),
            walker: walker.unwrap_or("tape").to_owned(),
            enabled_by: Some("stillframe_engine_new()".to_owned()),
            directory: directory.or_else(|| std::env::current_dir().ok()),
            problems,
            log,
            callbacks,
        };
        Ok(Made { config, host })
    }

    /// Settings and the three names, as arguments of the call.
    ///
    /// # Safety
    ///
    /// As [`stillframe_config::make`].
    unsafe fn arguments(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let mut arguments = BTreeMap::new();
        for (key, text) in [
            ("service", self.service),
            ("env", self.env),
            ("version", self.version),
        ] {
            // SAFETY: passed on to the caller, here and below.
            if let Some(value) = unsafe { text.some(key) }? {
                arguments.insert(key.to_owned(), value.into());
            }
        }
        if self.settings_len > MOST_SETTINGS {
            return Err(Failure::of(
                STILLFRAME_ERROR_TOO_MUCH,
                "settings_len",
                "more than 1024",
            ));
        }
        // SAFETY: as above.
        let settings = unsafe { slice(self.settings, self.settings_len, "settings") }?;
        for setting in settings {
            // SAFETY: as above.
            let (key, value) = unsafe {
                (
                    setting.key.read("settings.key")?,
                    setting.value.read("settings.value")?,
                )
            };
            arguments.insert(key.to_owned(), value.into());
        }
        Ok(arguments)
    }

    fn tell(&self, level: u32, line: &str) {
        if let Some(log) = self.log {
            // SAFETY: the caller's function with the caller's data; the line lives for the call.
            unsafe { log(self.log_data, level, stillframe_text::lent(line)) };
        }
    }

    fn logger(&self) -> Option<Log> {
        let (log, data) = (self.log?, Data(self.log_data));
        Some(Log::new(move |line| {
            // SAFETY: as in `tell`; the contract keeps function and data valid until the engine is freed.
            unsafe {
                log(
                    data.get(),
                    STILLFRAME_LOG_ERROR,
                    stillframe_text::lent(line),
                )
            };
        }))
    }

    fn callbacks(&self) -> Result<Vec<Callback>, Failure> {
        let Some(call) = self.snapshot else {
            return Ok(Vec::new());
        };
        let data = Data(self.snapshot_data);
        let (code, format) = match self.snapshot_format {
            0 => (STILLFRAME_FORMAT_JSON, Format::Json),
            code => (code, format_of(code)?),
        };
        Ok(vec![Callback::new(
            format,
            move |delivery: &Delivery<'_>| {
                let snapshot = stillframe_snapshot {
                    struct_size: size_of::<stillframe_snapshot>(),
                    format: code,
                    part: delivery.part,
                    bytes: delivery.bytes.as_ptr(),
                    bytes_len: delivery.bytes.len(),
                    id: delivery.id.0,
                    fingerprint: delivery.fingerprint,
                    timestamp_ns: delivery.timestamp_ns,
                    last: delivery.last.into(),
                    reserved: 0,
                };
                // SAFETY: the caller's function with the caller's data, valid until the engine is freed; the struct lives for the call.
                unsafe { call(data.get(), &raw const snapshot) };
                true
            },
        )])
    }
}

/// The form of a number.
pub(crate) fn format_of(format: u32) -> Result<Format, Failure> {
    match format {
        STILLFRAME_FORMAT_JSON => Ok(Format::Json),
        STILLFRAME_FORMAT_MSGPACK => Ok(Format::MessagePack),
        STILLFRAME_FORMAT_DATADOG => Ok(Format::Datadog),
        #[cfg(feature = "otlp")]
        STILLFRAME_FORMAT_OTLP => Ok(Format::Otlp),
        #[cfg(feature = "sentry")]
        STILLFRAME_FORMAT_SENTRY => Ok(Format::Sentry),
        4..=31 => {
            let what = "this library has no such format";
            Err(Failure::of(STILLFRAME_ERROR_UNSUPPORTED, "format", what))
        }
        _ => Err(Failure::of(
            STILLFRAME_ERROR_VALUE,
            "format",
            "no such format",
        )),
    }
}

/// The name of the program's file, for a service that nobody named.
fn executable() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
