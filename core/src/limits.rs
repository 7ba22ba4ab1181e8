//! Limits: how much of a program one snapshot may show, and how long taking it may last.
//!
//! Every stage that cuts something (walk, tape, redact, encode) takes its bound from [`Limits`], so a gap in a snapshot can
//! always name the one knob that caused it: each field of [`Limits`] is one [`LimitKnob`], with its configuration key, its
//! range and the reason that is written where the limit cut.
//!
//! The cost of a capture is O(limits), never O(the program's data), which is why each knob also has an upper bound: a
//! configuration cannot turn a capture into a pause.
//!
//! Three forms exist: [`Limits::default`], [`Limits::datadog`] (what Datadog's tracers show, for people who compare), and
//! [`Limits::deeper`] (the raised form that "deeper next time" applies to one next hit of an issue).

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The bounds of one snapshot.
///
/// ```
/// use stillframe_core::limits::Limits;
///
/// let limits = Limits { depth: 6, ..Limits::default() };
/// assert!(limits.validate().is_ok());
/// assert!(limits.deeper().depth > 6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Exceptions captured of a chain (causes, contexts, group members), the raised one included. Reason: `chain`.
    pub exceptions: u32,
    /// Frames captured per exception: this many less one in-app frames nearest the raise, plus the outermost frame.
    /// The raising frame is always captured. Reason: `frames`.
    pub frames: u32,
    /// References followed from a variable: 0 shows scalars only, 1 also what a variable directly holds, and so on.
    /// Reason: `depth`.
    pub depth: u32,
    /// Fields shown of one object. Reason: `fieldCount`.
    pub fields: u32,
    /// Items shown of one collection. Reason: `collectionSize`.
    pub items: u32,
    /// Characters kept of one string (bytes, for binary data). The original length is always told. Reason: `length`.
    pub string: u32,
    /// Values in one snapshot, all frames together. Reason: `budget`.
    pub values: u32,
    /// Bytes of one snapshot's tape. Reason: `budget`.
    pub tape_bytes: u32,
    /// Time on the raising thread after which no further container is opened. Reason: `timeout`.
    pub soft_time: Duration,
    /// Time on the raising thread after which the walk stops wherever it is. Reason: `timeout`.
    pub hard_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The limits in force when nothing is configured.
    pub const DEFAULT: Self = Self {
        exceptions: 16,
        frames: 17,
        depth: 4,
        fields: 32,
        items: 64,
        string: 1024,
        values: 4096,
        tape_bytes: 128 * 1024,
        soft_time: Duration::from_millis(2),
        hard_time: Duration::from_millis(10),
    };

    /// Exactly what Datadog's tracers show of a value: depth 3, 20 fields, 100 items, 255 characters. What they do not bound
    /// (values, tape bytes) or bound per language (frames) keeps our default.
    pub const fn datadog() -> Self {
        Self {
            depth: 3,
            fields: 20,
            items: 100,
            string: 255,
            ..Self::DEFAULT
        }
    }

    /// These limits raised for one capture that somebody asked to be deeper. Never below `self`, never above the range of a
    /// knob.
    #[must_use]
    pub fn deeper(&self) -> Self {
        let mut raised = *self;
        for knob in LimitKnob::ALL {
            let value = knob.get(self).saturating_mul(knob.spec().raise);
            knob.set(
                &mut raised,
                value.min(*knob.range().end()).max(knob.get(self)),
            );
        }
        raised
    }

    /// Checks every knob against its range, and the two times against each other.
    ///
    /// # Errors
    ///
    /// The first knob that is out of range. A running program never sees this: configuration falls back to the default.
    pub fn validate(&self) -> Result<(), LimitError> {
        for knob in LimitKnob::ALL {
            let value = knob.get(self);
            if !knob.range().contains(&value) {
                return Err(LimitError {
                    knob,
                    value,
                    kind: LimitErrorKind::OutOfRange,
                });
            }
        }
        if self.hard_time < self.soft_time {
            let value = LimitKnob::HardTime.get(self);
            let kind = LimitErrorKind::HardBelowSoft;
            return Err(LimitError {
                knob: LimitKnob::HardTime,
                value,
                kind,
            });
        }
        Ok(())
    }
}

/// One field of [`Limits`]: what a gap names, what configuration sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LimitKnob {
    /// [`Limits::exceptions`]
    Exceptions,
    /// [`Limits::frames`]
    Frames,
    /// [`Limits::depth`]
    Depth,
    /// [`Limits::fields`]
    Fields,
    /// [`Limits::items`]
    Items,
    /// [`Limits::string`]
    String,
    /// [`Limits::values`]
    Values,
    /// [`Limits::tape_bytes`]
    TapeBytes,
    /// [`Limits::soft_time`]
    SoftTime,
    /// [`Limits::hard_time`]
    HardTime,
}

/// What is fixed about a knob.
struct Spec {
    key: &'static str,
    reason: &'static str,
    min: u64,
    max: u64,
    /// Factor of [`Limits::deeper`].
    raise: u64,
}

impl LimitKnob {
    /// Every knob, in the order of the fields of [`Limits`].
    pub const ALL: [Self; 10] = [
        Self::Exceptions,
        Self::Frames,
        Self::Depth,
        Self::Fields,
        Self::Items,
        Self::String,
        Self::Values,
        Self::TapeBytes,
        Self::SoftTime,
        Self::HardTime,
    ];

    const fn spec(self) -> Spec {
        const fn spec(
            key: &'static str,
            reason: &'static str,
            range: (u64, u64),
            raise: u64,
        ) -> Spec {
            Spec {
                key,
                reason,
                min: range.0,
                max: range.1,
                raise,
            }
        }
        match self {
            Self::Exceptions => spec("limits.exceptions", "chain", (1, 256), 4),
            Self::Frames => spec("limits.frames", "frames", (1, 1024), 4),
            Self::Depth => spec("limits.depth", "depth", (0, 32), 2),
            Self::Fields => spec("limits.fields", "fieldCount", (0, 4096), 4),
            Self::Items => spec("limits.items", "collectionSize", (0, 16_384), 8),
            Self::String => spec("limits.string", "length", (0, 262_144), 16),
            Self::Values => spec("limits.values", "budget", (16, 65_536), 8),
            // The upper end keeps the stored form of any snapshot below the 4 MiB that a reader of the spool accepts.
            Self::TapeBytes => spec("limits.tape_bytes", "budget", (4096, 1_048_576), 8),
            Self::SoftTime => spec("limits.soft_time", "timeout", (50, 1_000_000), 10),
            Self::HardTime => spec("limits.hard_time", "timeout", (50, 2_000_000), 10),
        }
    }

    /// The configuration key, `limits.depth` for [`LimitKnob::Depth`].
    pub const fn key(self) -> &'static str {
        self.spec().key
    }

    /// The `notCapturedReason` of a gap that this knob caused.
    pub const fn reason(self) -> &'static str {
        self.spec().reason
    }

    /// The accepted values, in the unit of [`LimitKnob::get`].
    pub const fn range(self) -> RangeInclusive<u64> {
        let spec = self.spec();
        spec.min..=spec.max
    }

    /// Whether the knob is a duration, which [`LimitKnob::get`] tells in microseconds.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::SoftTime | Self::HardTime)
    }

    /// The knob's value: a count, bytes, or microseconds.
    pub fn get(self, limits: &Limits) -> u64 {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        match self {
            Self::Exceptions => limits.exceptions.into(),
            Self::Frames => limits.frames.into(),
            Self::Depth => limits.depth.into(),
            Self::Fields => limits.fields.into(),
            Self::Items => limits.items.into(),
            Self::String => limits.string.into(),
            Self::Values => limits.values.into(),
            Self::TapeBytes => limits.tape_bytes.into(),
            Self::SoftTime => micros(limits.soft_time),
            Self::HardTime => micros(limits.hard_time),
        }
    }

    /// Sets the knob, in the unit of [`LimitKnob::get`]. Ranges are [`Limits::validate`]'s business.
    pub fn set(self, limits: &mut Limits, value: u64) {
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        match self {
            Self::Exceptions => limits.exceptions = count,
            Self::Frames => limits.frames = count,
            Self::Depth => limits.depth = count,
            Self::Fields => limits.fields = count,
            Self::Items => limits.items = count,
            Self::String => limits.string = count,
            Self::Values => limits.values = count,
            Self::TapeBytes => limits.tape_bytes = count,
            Self::SoftTime => limits.soft_time = Duration::from_micros(value),
            Self::HardTime => limits.hard_time = Duration::from_micros(value),
        }
    }
}

/// Limits that cannot be used, from [`Limits::validate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitError {
    knob: LimitKnob,
    value: u64,
    kind: LimitErrorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LimitErrorKind {
    OutOfRange,
    HardBelowSoft,
}

impl LimitError {
    /// The knob that is wrong.
    pub fn knob(&self) -> LimitKnob {
        self.knob
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.knob.key();
        let unit = if self.knob.is_time() { " us" } else { "" };
        match self.kind {
            LimitErrorKind::OutOfRange => {
                let range = self.knob.range();
                let (min, max) = (range.start(), range.end());
                write!(
                    f,
                    "{key}: {}{unit} is not between {min}{unit} and {max}{unit}",
                    self.value
                )
            }
            LimitErrorKind::HardBelowSoft => {
                write!(f, "{key}: {}{unit} is below limits.soft_time", self.value)
            }
        }
    }
}

impl std::error::Error for LimitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_valid() {
        for limits in [
            Limits::default(),
            Limits::datadog(),
            Limits::default().deeper(),
        ] {
            assert_eq!(limits.validate(), Ok(()));
        }
        let datadog = Limits::datadog();
        assert_eq!((datadog.depth, datadog.fields), (3, 20));
        assert_eq!((datadog.items, datadog.string), (100, 255));
    }

    #[test]
    fn deeper_raises_every_knob_and_stops_at_the_range() {
        let mut limits = Limits::default();
        for _ in 0..12 {
            let raised = limits.deeper();
            assert_eq!(raised.validate(), Ok(()));
            for knob in LimitKnob::ALL {
                let at_end = knob.get(&limits) == *knob.range().end();
                assert!(knob.get(&raised) > knob.get(&limits) || at_end, "{knob:?}");
            }
            limits = raised;
        }
        for knob in LimitKnob::ALL {
            assert_eq!(knob.get(&limits), *knob.range().end(), "{knob:?}");
        }
    }

    #[test]
    fn each_knob_is_its_own_field_and_is_checked_at_both_ends() {
        for knob in LimitKnob::ALL {
            let range = knob.range();
            let (min, max) = (*range.start(), *range.end());
            for (value, valid) in [(min, true), (max, true), (max + 1, false)] {
                let mut limits = Limits {
                    hard_time: Duration::from_secs(2),
                    ..Limits::default()
                };
                knob.set(&mut limits, value);
                if knob == LimitKnob::HardTime && value == min {
                    limits.soft_time = limits.hard_time;
                }
                assert_eq!(knob.get(&limits), value, "{knob:?}");
                assert_eq!(limits.validate().is_ok(), valid, "{knob:?} {value}");
                let named = limits
                    .validate()
                    .err()
                    .is_none_or(|error| error.knob() == knob);
                assert!(named, "{knob:?}");
            }
            if min > 0 {
                let mut limits = Limits::default();
                knob.set(&mut limits, min - 1);
                let error = limits.validate().expect_err("below the range");
                assert!(error.to_string().starts_with(knob.key()), "{error}");
            }
        }
    }

    #[test]
    fn a_hard_time_below_the_soft_one_is_refused() {
        let limits = Limits {
            hard_time: Duration::from_millis(1),
            ..Limits::default()
        };
        let error = limits.validate().expect_err("hard below soft");
        assert_eq!(
            error.to_string(),
            "limits.hard_time: 1000 us is below limits.soft_time"
        );
    }
}
