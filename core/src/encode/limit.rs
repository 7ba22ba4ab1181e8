//! Which limit is behind a gap, and how large it was.

use crate::limits::LimitKnob;
use crate::reason::Reason;
use crate::tape::Header;

/// The limits of a tape by the reasons they are behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitTable {
    header: Header,
    budget: LimitKnob,
    timeout: LimitKnob,
}

impl LimitTable {
    /// Two reasons have two limits each: `budget` names that of the values if they are used up, else that of the bytes; `timeout`
    /// names the hard time if the walk took as long, else the soft time.
    pub(super) fn of(header: &Header) -> Self {
        let limits = &header.limits;
        let budget = if header.values >= limits.values {
            LimitKnob::Values
        } else {
            LimitKnob::TapeBytes
        };
        let timeout = if header.duration >= limits.hard_time {
            LimitKnob::HardTime
        } else {
            LimitKnob::SoftTime
        };
        Self {
            header: *header,
            budget,
            timeout,
        }
    }

    /// The key and the value of the limit behind a reason, if there is one.
    pub(super) fn get(&self, reason: Reason) -> Option<(&'static str, u64)> {
        let knob = match reason {
            Reason::Budget => self.budget,
            Reason::Timeout => self.timeout,
            _ => LimitKnob::ALL
                .into_iter()
                .find(|knob| Some(knob.key()) == reason.limit())?,
        };
        Some((knob.key(), knob.get(&self.header.limits)))
    }
}
