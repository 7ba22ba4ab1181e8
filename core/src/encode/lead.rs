//! How the nodes of scalars begin, per language: made once per encoder, then copied as one block.

use super::form::Lead;
use crate::language::Language;
use crate::tape::{BigInt, TimeKind, TimeValue, Value, own_type};

/// Beginnings of the nodes whose type is the opcode's own, and the names of the own types of containers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leads {
    language: Language,
    pub(super) bool: Lead,
    pub(super) int: Lead,
    pub(super) uint: Lead,
    pub(super) big: Lead,
    pub(super) float: Lead,
    pub(super) text: Lead,
    pub(super) bytes: Lead,
    pub(super) times: [Lead; 4],
}

impl Leads {
    pub(super) fn of(language: Language) -> Self {
        let lead = |value: Value<'_>| Lead::new(own_type(language, &value).unwrap_or_default());
        let time = |kind| {
            lead(Value::Time(TimeValue {
                kind,
                seconds: 0,
                nanos: 0,
                offset: None,
            }))
        };
        let bytes = Value::Bytes {
            kept: &[],
            total: 0,
        };
        Self {
            language,
            bool: lead(Value::Bool(false)),
            int: lead(Value::Int(0)),
            uint: lead(Value::Uint(0)),
            big: lead(Value::Big(BigInt {
                negative: false,
                bits: 65,
                head: &[],
            })),
            float: lead(Value::Float(0.0)),
            text: Lead::new(text_type(language)),
            bytes: lead(bytes),
            times: [
                time(TimeKind::DateTime),
                time(TimeKind::Date),
                time(TimeKind::TimeOfDay),
                time(TimeKind::Duration),
            ],
        }
    }

    /// The same, made again only if the language is another one.
    pub(super) fn switch(&mut self, language: Language) {
        if self.language != language {
            *self = Self::of(language);
        }
    }
}

/// The own type of text.
pub(super) fn text_type(language: Language) -> &'static str {
    let text = Value::Cleaned {
        text: "",
        rule: crate::tape::Name { text: "", total: 0 },
        rendered: false,
        lossy: false,
    };
    own_type(language, &text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_beginning_is_longer_than_its_block() {
        for code in 0..5 {
            let language = Language::from_code(code).expect("a language");
            let leads = Leads::of(language);
            let all = [leads.bool, leads.int, leads.uint, leads.big, leads.float];
            let more = [leads.text, leads.bytes];
            for lead in all.iter().chain(&more).chain(&leads.times) {
                assert!(
                    !lead.json.is_full() && !lead.msgpack.is_full(),
                    "{language:?}"
                );
            }
        }
    }
}
