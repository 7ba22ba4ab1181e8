//! Why a value is missing, cut or hidden: one vocabulary for the tape, the snapshot, the counters and the docs.

/// Why something is not shown, or not shown whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Deeper than `limits.depth`.
    Depth = 1,
    /// More fields than `limits.fields`.
    FieldCount = 2,
    /// More items than `limits.items`.
    CollectionSize = 3,
    /// Longer than `limits.string`.
    Length = 4,
    /// The walk ran into `limits.soft_time` or `limits.hard_time`.
    Timeout = 5,
    /// The snapshot reached `limits.values` or `limits.tape_bytes`.
    Budget = 6,
    /// Hidden because of its name.
    RedactedIdent = 7,
    /// Hidden because of its type.
    RedactedType = 8,
    /// Hidden because of its content.
    RedactedValue = 9,
    /// The compiler or the runtime had thrown the value away.
    OptimizedOut = 10,
    /// The name has no value yet, or no longer.
    Unbound = 11,
    /// The storage of the value is not readable (unknown layout, foreign memory).
    Unreadable = 12,
    /// Reading this one value failed.
    Error = 13,
    /// Cut away after the capture to fit a size.
    Pruned = 14,
    /// More frames than `limits.frames`.
    Frames = 15,
    /// More exceptions than `limits.exceptions`.
    Chain = 16,
}

impl Reason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 16] = [
        Self::Depth,
        Self::FieldCount,
        Self::CollectionSize,
        Self::Length,
        Self::Timeout,
        Self::Budget,
        Self::RedactedIdent,
        Self::RedactedType,
        Self::RedactedValue,
        Self::OptimizedOut,
        Self::Unbound,
        Self::Unreadable,
        Self::Error,
        Self::Pruned,
        Self::Frames,
        Self::Chain,
    ];

    /// The reason of a code on a tape.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The reason in words, for a place where the word alone would puzzle.
    #[must_use]
    pub const fn said(self) -> &'static str {
        match self {
            Self::Depth => "deeper",
            Self::FieldCount => "more fields",
            Self::CollectionSize => "more items",
            Self::Length => "longer",
            Self::Timeout => "no time left",
            Self::Budget => "snapshot full",
            Self::RedactedIdent => "redacted by name",
            Self::RedactedType => "redacted by type",
            Self::RedactedValue => "redacted by content",
            Self::OptimizedOut => "optimised out",
            Self::Unbound => "not set",
            Self::Unreadable => "not readable",
            Self::Error => "could not be read",
            Self::Pruned => "pruned to fit",
            Self::Frames => "more frames",
            Self::Chain => "more exceptions",
        }
    }

    /// The word in a snapshot's `notCapturedReason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::FieldCount => "fieldCount",
            Self::CollectionSize => "collectionSize",
            Self::Length => "length",
            Self::Timeout => "timeout",
            Self::Budget => "budget",
            Self::RedactedIdent => "redactedIdent",
            Self::RedactedType => "redactedType",
            Self::RedactedValue => "redactedValue",
            Self::OptimizedOut => "optimizedOut",
            Self::Unbound => "unbound",
            Self::Unreadable => "unreadable",
            Self::Error => "error",
            Self::Pruned => "pruned",
            Self::Frames => "frames",
            Self::Chain => "chain",
        }
    }

    /// The configuration key of the limit behind this reason, if a limit is behind it.
    #[must_use]
    pub const fn limit(self) -> Option<&'static str> {
        Some(match self {
            Self::Depth => "limits.depth",
            Self::FieldCount => "limits.fields",
            Self::CollectionSize => "limits.items",
            Self::Length => "limits.string",
            Self::Frames => "limits.frames",
            Self::Chain => "limits.exceptions",
            _ => return None,
        })
    }

    /// Whether the value was hidden on purpose.
    #[must_use]
    pub const fn is_redaction(self) -> bool {
        matches!(
            self,
            Self::RedactedIdent | Self::RedactedType | Self::RedactedValue
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn codes_are_positions() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index + 1);
            assert_eq!(Reason::from_code(reason as u8), Some(reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(17), None);
    }
}
