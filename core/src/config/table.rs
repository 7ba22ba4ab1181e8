//! The keys, in the order of the document.

use std::time::Duration;

use super::keys::{Foreign, Key, Slot};
use super::resource;
use super::wires::UploadConfig;
use crate::limits::LimitKnob;
use crate::sink::spool::SpoolConfig;

const fn knob(knob: LimitKnob, doc: &'static str) -> Key {
    Key::new(knob.key(), Slot::Knob(knob), doc)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A number of milliseconds, as OpenTelemetry's variables have it.
fn milliseconds(number: &str) -> String {
    format!("{} ms", number.trim())
}

const AGENT_SCHEMES: &[&str] = &["http", "https", "unix"];
const WEB_SCHEMES: &[&str] = &["http", "https"];
/// Without a scheme it is `http`, as everywhere.
const PROXY_SCHEMES: &[&str] = &["http", "https", ""];

const DAY: Duration = seconds(86_400);

/// All keys, in the order of the document.
pub static KEYS: &[Key] = &[
    Key::new(
        "enabled",
        Slot::MaybeFlag(|c| &mut c.enabled),
        "Whether exceptions are captured. Not set: as the host decides; for Python, only if it is asked to. Python is asked by the environment, by `stillframe run` or `stillframe.install()`: a file can only switch it off.",
    )
    .datadog(&["DD_EXCEPTION_REPLAY_ENABLED", "DD_EXCEPTION_DEBUGGING_ENABLED"]),
    Key::new(
        "service",
        Slot::MaybeText(|c| &mut c.service),
        "Name of the program; its store is named after it. Not set: the host finds one.",
    )
    .datadog(&["DD_SERVICE"])
    .known_as(&[
        Foreign::same("OTEL_SERVICE_NAME"),
        Foreign::as_if("OTEL_RESOURCE_ATTRIBUTES", resource::service),
    ]),
    Key::new("env", Slot::MaybeText(|c| &mut c.env), "Deployment environment: `prod`, `staging`.")
        .datadog(&["DD_ENV"])
        .known_as(&[Foreign::as_if("OTEL_RESOURCE_ATTRIBUTES", resource::environment)]),
    Key::new("version", Slot::MaybeText(|c| &mut c.version), "Version of the program.")
        .datadog(&["DD_VERSION"])
        .known_as(&[Foreign::as_if("OTEL_RESOURCE_ATTRIBUTES", resource::version)]),
    Key::new(
        "tags",
        Slot::Tags(|c| &mut c.tags),
        "Attributes of every snapshot. In `DD_TAGS`, `service`, `env` and `version` set those keys.",
    )
    .datadog(&["DD_TAGS"])
    .joining(),
    Key::new(
        "profile",
        Slot::Profile(|c| &mut c.profile),
        "`datadog`: exactly Datadog's depth, fields, items and characters, and its name rules; single keys still count.",
    ),
    Key::new(
        "dir",
        Slot::MaybePath(|c| &mut c.dir),
        "Directory of the store. Not set: `$XDG_STATE_HOME/stillframe/<service>`, else `~/.local/state/stillframe/<service>`.",
    ),
    Key::new(
        "summary",
        Slot::Flag(|c| &mut c.summary),
        "Whether a short summary is printed at the end of a program that failed; `stillframe run` always does.",
    ),
    Key::new(
        "debug",
        Slot::Flag(|c| &mut c.debug),
        "Whether failures of our own are told on standard error, rather than only counted.",
    ),
    Key::new(
        "hooks.excepthook",
        Slot::Flag(|c| &mut c.hooks.excepthook),
        "Capture what ends the program.",
    ),
    Key::new("hooks.threading", Slot::Flag(|c| &mut c.hooks.threading), "Capture what ends a thread."),
    Key::new(
        "hooks.unraisable",
        Slot::Flag(|c| &mut c.hooks.unraisable),
        "Capture what the runtime can only report, such as failing finalizers.",
    ),
    Key::new(
        "hooks.asyncio",
        Slot::Flag(|c| &mut c.hooks.asyncio),
        "Capture what an event loop reports.",
    ),
    Key::new(
        "hooks.logging",
        Slot::Flag(|c| &mut c.hooks.logging),
        "Capture exceptions that the program logs.",
    ),
    Key::new(
        "hooks.workers",
        Slot::Flag(|c| &mut c.hooks.workers),
        "Capture what fails in processes and threads of a pool.",
    ),
    Key::new(
        "hooks.frameworks",
        Slot::Flag(|c| &mut c.hooks.frameworks),
        "Capture what web frameworks, task queues and command line libraries turn into a response or a message.",
    ),
    Key::new(
        "hooks.ddtrace",
        Slot::Flag(|c| &mut c.hooks.ddtrace),
        "Do the capture and encoding of ddtrace's exception replay, where that is on.",
    ),
    Key::new(
        "hooks.opentelemetry",
        Slot::Flag(|c| &mut c.hooks.opentelemetry),
        "Capture what is recorded on an OpenTelemetry span, and hand the snapshot to the program's own log exporter.",
    ),
    Key::new(
        "hooks.sentry",
        Slot::Flag(|c| &mut c.hooks.sentry),
        "Put the captured values into the events of the Sentry SDK, in place of its own.",
    ),
    Key::new(
        "request.headers",
        Slot::Tags(|c| &mut c.request_headers),
        "Headers of a request that link to a session elsewhere, each with the name of that link.",
    ),
    knob(LimitKnob::Exceptions, "Exceptions of a chain, the raised one included."),
    knob(
        LimitKnob::Frames,
        "Frames of an exception: all but one nearest the raise, and the outermost. The raising frame is always captured.",
    )
    .datadog(&["DD_EXCEPTION_REPLAY_CAPTURE_MAX_FRAMES"]),
    knob(LimitKnob::Depth, "References followed from a variable."),
    knob(LimitKnob::Fields, "Fields of an object."),
    knob(LimitKnob::Items, "Items of a collection."),
    knob(LimitKnob::String, "Characters kept of a string; its length is always told."),
    knob(LimitKnob::Values, "Values of a snapshot."),
    knob(LimitKnob::TapeBytes, "Memory of a snapshot before it is encoded."),
    knob(LimitKnob::SoftTime, "Time on the raising thread after which nothing further is opened."),
    knob(LimitKnob::HardTime, "Time on the raising thread after which the capture ends where it is."),
    Key::new(
        "gate.rate_per_second",
        Slot::Rate(|c| &mut c.gate.rate_per_second, 0.0, 10_000.0),
        "Captures per second and process.",
    ),
    Key::new(
        "gate.burst",
        Slot::Count(|c| &mut c.gate.burst, 1, 10_000),
        "Captures at once, after a quiet time.",
    ),
    Key::new(
        "gate.novelty_burst",
        Slot::Count(|c| &mut c.gate.novelty_burst, 0, 10_000),
        "Further captures at once, of errors from where there were none before.",
    ),
    Key::new(
        "gate.novelty_per_second",
        Slot::Rate(|c| &mut c.gate.novelty_per_second, 0.0, 10_000.0),
        "How fast that reserve fills again.",
    ),
    Key::new(
        "gate.site_first",
        Slot::Count(|c| &mut c.gate.site_first, 1, 4088),
        "Captures of one site (a way to an error: its type, the raising frame and its callers) before the intervals begin.",
    ),
    Key::new(
        "gate.site_interval",
        Slot::Time(|c| &mut c.gate.site_interval, Duration::ZERO, DAY),
        "Interval of the next six captures of a site.",
    ),
    Key::new(
        "gate.site_later_interval",
        Slot::Time(|c| &mut c.gate.site_later_interval, Duration::ZERO, DAY),
        "Interval of all later ones.",
    ),
    Key::new(
        "gate.sites",
        Slot::Size(|c| &mut c.gate.sites, 64, 1 << 20),
        "Sites remembered.",
    ),
    Key::new(
        "gate.exclude",
        Slot::Excludes(|c| &mut c.gate.exclude),
        "What is never captured: rules with `type`, `module`, `service`, `env`, in which `*` is any text.",
    )
    .joining(),
    Key::new(
        "redact.mode",
        Slot::Mode,
        "`strict`: only numbers, booleans, sizes and types are shown. `off`: contents are not searched; for development only.",
    ),
    Key::new(
        "redact.profile",
        Slot::Profile(|c| &mut c.redact.profile),
        "Whose rules for names apply. `datadog`: its 85 words, exactly.",
    ),
    Key::new(
        "redact.names",
        Slot::List(|c| &mut c.redact.names),
        "Names whose values are hidden, besides the built-in ones.",
    )
    .datadog(&["DD_DYNAMIC_INSTRUMENTATION_REDACTED_IDENTIFIERS"])
    .joining(),
    Key::new(
        "redact.excluded_names",
        Slot::List(|c| &mut c.redact.excluded_names),
        "Names whose values are shown, whatever else is said.",
    )
    .datadog(&[
        "DD_DYNAMIC_INSTRUMENTATION_REDACTION_EXCLUDED_IDENTIFIERS",
        "DD_DYNAMIC_INSTRUMENTATION_REDACTED_EXCLUDED_IDENTIFIERS",
    ]),
    Key::new(
        "redact.types",
        Slot::List(|c| &mut c.redact.types),
        "Types whose values are hidden: a full name, or a prefix and `*`.",
    )
    .datadog(&["DD_DYNAMIC_INSTRUMENTATION_REDACTED_TYPES"])
    .joining(),
    Key::new(
        "redact.values",
        Slot::Rules(|c| &mut c.redact.rules),
        "Contents that are hidden: rules with `name`, `pattern`, `checksum`, `action`, `scope`.",
    )
    .joining(),
    Key::new(
        "redact.disabled_detectors",
        Slot::List(|c| &mut c.redact.disabled_detectors),
        "Built-in detectors that are switched off.",
    ),
    Key::new(
        "redact.enabled_detectors",
        Slot::List(|c| &mut c.redact.enabled_detectors),
        "Detectors that are switched on although they are off by default: `email`, `ip`, `remote_addr`.",
    ),
    Key::new(
        "redact.aliasing",
        Slot::Flag(|c| &mut c.redact.aliasing),
        "Whether a text that was hidden by its name is hidden wherever it occurs in the snapshot.",
    ),
    Key::new(
        "redact.equality_tokens",
        Slot::Flag(|c| &mut c.equality_tokens),
        "Whether hidden values carry a keyed hash that tells equal ones. The key is made at random for each store.",
    ),
    Key::new(
        "redact.disable_name_redaction_i_know_what_i_am_doing",
        Slot::Flag(|c| &mut c.redact.disable_name_redaction_i_know_what_i_am_doing),
        "Shows values whatever their names and types. Never in production.",
    ),
    Key::new(
        "in_app.include",
        Slot::List(|c| &mut c.fingerprint.in_app_include),
        "Modules, packages and paths that are the program's own, as globs; they count before `in_app.exclude`.",
    )
    .datadog(&["DD_THIRD_PARTY_DETECTION_EXCLUDES"]),
    Key::new(
        "in_app.exclude",
        Slot::List(|c| &mut c.fingerprint.in_app_exclude),
        "Modules, packages and paths that are not the program's own, as globs.",
    )
    .datadog(&["DD_THIRD_PARTY_DETECTION_INCLUDES"]),
    Key::new(
        "fingerprint.by_message",
        Slot::Flag(|c| &mut c.fingerprint.by_message),
        "Whether errors of one type and place but of different messages are different issues.",
    ),
    Key::new("source.enabled", Slot::Flag(|c| &mut c.source), "Whether source lines are stored."),
    Key::new(
        "spool.enabled",
        Slot::Flag(|c| &mut c.spool.enabled),
        "Whether snapshots are stored at all.",
    ),
    Key::new(
        "spool.max_bytes",
        Slot::Bytes(|c| &mut c.spool.max_bytes, SpoolConfig::LEAST_BYTES, 1 << 40),
        "Size of the store. The oldest go first; the first and last of each issue stay.",
    ),
    Key::new(
        "spool.segment_bytes",
        Slot::Bytes(|c| &mut c.spool.segment_bytes, SpoolConfig::LEAST_SEGMENT, 1 << 30),
        "Size of one file of the store; at most a 32nd of the whole is used.",
    ),
    Key::new(
        "datadog.enabled",
        Slot::Flag(|c| &mut c.datadog.enabled),
        "Whether snapshots go to a Datadog Agent, or to Datadog itself.",
    ),
    Key::new(
        "datadog.agent_url",
        Slot::MaybeAddress(|c| &mut c.datadog.agent_url, AGENT_SCHEMES),
        "Address of the agent, as `http://localhost:8126` or `unix:///var/run/datadog/apm.socket`. Not set: from host and port.",
    )
    .known_as(&[Foreign::same("DD_TRACE_AGENT_URL")]),
    Key::new(
        "datadog.agent_host",
        Slot::MaybeText(|c| &mut c.datadog.agent_host),
        "Host of the agent. Not set: this one, by its socket if there is one.",
    )
    .known_as(&[Foreign::same("DD_AGENT_HOST")]),
    Key::new(
        "datadog.agent_port",
        Slot::Count(|c| &mut c.datadog.agent_port, 1, 65_535),
        "Port of the agent.",
    )
    .known_as(&[Foreign::same("DD_TRACE_AGENT_PORT")]),
    Key::new(
        "datadog.agentless",
        Slot::Flag(|c| &mut c.datadog.agentless),
        "Whether snapshots go to Datadog itself, without an agent; needs `datadog.api_key`.",
    )
    .known_as(&[Foreign::same("DD_EXCEPTION_REPLAY_AGENTLESS_ENABLED")]),
    Key::new(
        "datadog.api_key",
        Slot::MaybeSecret(|c| &mut c.datadog.api_key),
        "API key, for sending without an agent. Never shown.",
    )
    .known_as(&[Foreign::same("DD_API_KEY")]),
    Key::new(
        "datadog.site",
        Slot::Text(|c| &mut c.datadog.site),
        "Which of Datadog's sites, for sending without an agent.",
    )
    .known_as(&[Foreign::same("DD_SITE")]),
    Key::new(
        "datadog.url",
        Slot::MaybeAddress(|c| &mut c.datadog.url, WEB_SCHEMES),
        "Address of the intake, for sending without an agent. Not set: that of the site.",
    ),
    Key::new(
        "datadog.git_repository_url",
        Slot::MaybeText(|c| &mut c.datadog.git_repository_url),
        "Where the program's source lies, for links to it. Credentials in it are not sent.",
    )
    .known_as(&[Foreign::same("DD_GIT_REPOSITORY_URL")]),
    Key::new(
        "datadog.git_commit_sha",
        Slot::MaybeText(|c| &mut c.datadog.git_commit_sha),
        "Which commit of it runs.",
    )
    .known_as(&[Foreign::same("DD_GIT_COMMIT_SHA")]),
    Key::new(
        "otlp.enabled",
        Slot::Flag(|c| &mut c.otlp.enabled),
        "Whether snapshots go to a receiver of OpenTelemetry logs, over HTTP.",
    ),
    Key::new(
        "otlp.endpoint",
        Slot::Address(|c| &mut c.otlp.endpoint, WEB_SCHEMES),
        "Address of the receiver, with its path. `OTEL_EXPORTER_OTLP_ENDPOINT` is without the path.",
    )
    .known_as(&[
        Foreign::same("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
        Foreign::as_if("OTEL_EXPORTER_OTLP_ENDPOINT", |base| {
            format!("{}/v1/logs", base.trim().trim_end_matches('/'))
        }),
    ]),
    Key::new(
        "otlp.headers",
        Slot::Headers(|c| &mut c.otlp.headers),
        "Headers of each request, for a key to the receiver. Values are never shown.",
    )
    .known_as(&[
        Foreign::same("OTEL_EXPORTER_OTLP_LOGS_HEADERS"),
        Foreign::same("OTEL_EXPORTER_OTLP_HEADERS"),
    ]),
    Key::new(
        "otlp.resource",
        Slot::Tags(|c| &mut c.otlp.resource),
        "Attributes of the resource, as `k8s.pod.name`, besides those that are known: service, version, environment, host, process.",
    )
    .known_as(&[Foreign::as_if("OTEL_RESOURCE_ATTRIBUTES", resource::others)]),
    Key::new(
        "otlp.compression",
        Slot::Compression(|c| &mut c.otlp.compression),
        "How requests are compressed.",
    )
    .known_as(&[
        Foreign::same("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION"),
        Foreign::same("OTEL_EXPORTER_OTLP_COMPRESSION"),
    ]),
    Key::new(
        "otlp.timeout",
        Slot::MaybeTime(|c| &mut c.otlp.timeout, Duration::from_millis(10), seconds(300)),
        "Time for one request. Not set: `upload.timeout`. OpenTelemetry's variables are in milliseconds.",
    )
    .known_as(&[
        Foreign::as_if("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", milliseconds),
        Foreign::as_if("OTEL_EXPORTER_OTLP_TIMEOUT", milliseconds),
    ]),
    Key::new(
        "sentry.enabled",
        Slot::Flag(|c| &mut c.sentry.enabled),
        "Whether snapshots go to Sentry, without its SDK.",
    ),
    Key::new(
        "sentry.dsn",
        Slot::MaybeSecret(|c| &mut c.sentry.dsn),
        "Address of the Sentry project, which holds its key. Never shown.",
    )
    .known_as(&[Foreign::same("SENTRY_DSN")]),
    Key::new(
        "upload.max_bytes",
        Slot::Bytes(|c| &mut c.upload.max_bytes, UploadConfig::LEAST_BYTES, 1 << 40),
        "What may wait on disk for one destination. The oldest goes first.",
    ),
    Key::new(
        "upload.memory_bytes",
        Slot::Bytes(|c| &mut c.upload.memory_bytes, UploadConfig::LEAST_BYTES, 1 << 30),
        "What may wait in memory for one destination, where nothing can be stored.",
    ),
    Key::new(
        "upload.timeout",
        Slot::Time(|c| &mut c.upload.timeout, Duration::from_millis(10), seconds(300)),
        "Time for one request, from the name of the host to the end of the answer.",
    ),
    Key::new(
        "upload.proxy",
        Slot::MaybeAddress(|c| &mut c.upload.proxy, PROXY_SCHEMES),
        "Proxy of all destinations, as `http://user:password@host:port`. Not set: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.",
    ),
    Key::new(
        "upload.ca_file",
        Slot::MaybePath(|c| &mut c.upload.ca_file),
        "File of certificate authorities (PEM) to trust besides the system's.",
    ),
];
