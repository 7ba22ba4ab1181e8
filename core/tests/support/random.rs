//! Any valid tape, and anything that may stand beside it.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{
    AttributeGap, AttributeValue, Extras, FrameSource, Grouping, Meta, Process, ReasonCounts,
    SessionLink, SnapshotId, Thread,
};

use super::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Name, Section, Spec, Value};

/// Any valid tape, as its description.
pub(crate) fn spec() -> BoxedStrategy<Spec> {
    let stop = prop_oneof![2 => Just(None), 1 => (1u32..20, 1u8..17).prop_map(Some)];
    let duration = prop_oneof![0u32..20_000_000, Just(u32::MAX)];
    (0u8..5, stop, duration, exception(), vec(chain_item(), 0..4))
        .prop_map(|(language, stop, duration_ns, first, rest)| Spec {
            language,
            stop,
            duration_ns,
            chain: std::iter::once(ExceptionItem::Exception(first))
                .chain(rest)
                .collect(),
        })
        .boxed()
}

fn chain_item() -> BoxedStrategy<ExceptionItem> {
    prop_oneof![
        1 => gap().prop_map(|(reason, count)| ExceptionItem::Gap { reason, count }),
        5 => exception().prop_map(ExceptionItem::Exception),
    ]
    .boxed()
}

fn exception() -> BoxedStrategy<Exception> {
    let sections = vec((4u8..8, vec((name(), item(1)), 0..3)), 0..5);
    (
        option::of(name()),
        0u8..3,
        0u32..9,
        any::<bool>(),
        sections,
        vec(frame_item(), 0..4),
    )
        .prop_map(
            |(type_name, link, parent, message_unknown, sections, frames)| Exception {
                type_name,
                link,
                parent,
                message_unknown,
                sections,
                frames,
            },
        )
        .boxed()
}

fn frame_item() -> BoxedStrategy<FrameItem> {
    let location = [number(), number(), number(), number()];
    let frame = (
        0u8..32,
        location,
        name(),
        name(),
        name(),
        vec(variables(), 0..4),
    )
        .prop_map(|(flags, location, function, module, file, sections)| {
            FrameItem::Frame(Frame {
                flags,
                location,
                function,
                module,
                file,
                sections,
            })
        });
    prop_oneof![
        1 => gap().prop_map(|(reason, count)| FrameItem::Gap { reason, count }),
        6 => frame,
    ]
    .boxed()
}

fn variables() -> BoxedStrategy<Section> {
    (1u8..4, vec((name(), item(3)), 0..6)).boxed()
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1u32..500, any::<u32>()]
}

fn gap() -> impl Strategy<Value = (u8, u32)> {
    (1u8..17, prop_oneof![Just(u32::MAX), 1u32..1000])
}

/// Names: mostly short words, some odd, some so long that they are cut.
pub(crate) fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        6 => "[a-z_]{1,8}",
        2 => "[a-z]{2,6}\\.[a-z]{2,6}\\.[A-Z][a-z]{1,6}",
        1 => "(?s).{0,12}",
        1 => "[a-zß]{70,90}",
    ]
}

fn item(depth: u32) -> BoxedStrategy<Item> {
    prop_oneof![
        1 => gap().prop_map(|(reason, count)| Item::Gap { reason, count }),
        12 => value(depth).prop_map(Item::Value),
    ]
    .boxed()
}

/// Any value that may stand in a list, with containers nested `depth` deep.
pub(crate) fn value(depth: u32) -> BoxedStrategy<Value> {
    if depth == 0 {
        return prop_oneof![6 => scalar(), 2 => other()].boxed();
    }
    prop_oneof![
        5 => scalar(),
        2 => other(),
        3 => container(depth - 1),
    ]
    .boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    let plain = prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        5 => integer().prop_map(Value::Int),
        1 => (i64::MAX as u64..).prop_map(Value::Uint),
        2 => any::<f64>().prop_map(Value::Float),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-f64::INFINITY), Just(-0.0)]
            .prop_map(Value::Float),
        1 => big(),
        1 => time(),
        5 => text_of_any_length().prop_map(short_text),
        2 => long_text(),
        1 => (vec(any::<u8>(), 0..40), prop_oneof![Just(0), 1u32..999])
            .prop_map(|(kept, more)| Value::Bytes { kept, more }),
        1 => (vec(b' '..b'~', 0..40), Just(0)).prop_map(|(kept, more)| Value::Bytes { kept, more }),
        1 => (name(), 0u8..4, text_of_any_length())
            .prop_map(|(rule, flags, text)| Value::Cleaned { rule, flags, text }),
    ]
    .boxed();
    prop_oneof![
        5 => plain.clone(),
        1 => (name(), plain).prop_map(|(type_name, value)| Value::As(type_name, Box::new(value))),
    ]
    .boxed()
}

fn integer() -> impl Strategy<Value = i64> {
    let edges = [
        -32i64,
        -33,
        -128,
        -129,
        -32_768,
        -32_769,
        i64::from(i32::MIN),
        i64::from(i32::MIN) - 1,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        i64::from(u32::MAX),
        i64::from(u32::MAX) + 1,
        i64::MIN,
        i64::MAX,
    ];
    prop_oneof![
        -200i64..200,
        any::<i64>(),
        proptest::sample::select(edges.to_vec())
    ]
}

fn big() -> BoxedStrategy<Value> {
    let head = (1u8.., vec(any::<u8>(), 15));
    (any::<bool>(), head, prop_oneof![9u32..17, 17u32..500])
        .prop_map(|(negative, (first, rest), bytes)| {
            let mut head = vec![first];
            head.extend(rest);
            head.truncate(bytes as usize);
            // Of a long one, the highest 128 bits are there.
            if bytes > 16 {
                head[0] |= 0x80;
            }
            let bits = 8 * bytes - first.leading_zeros();
            Value::Big {
                negative,
                bits,
                head,
            }
        })
        .boxed()
}

fn time() -> BoxedStrategy<Value> {
    let nanos = prop_oneof![
        Just(0u32),
        (0u32..1000).prop_map(|millis| millis * 1_000_000),
        (0u32..1_000_000).prop_map(|micros| micros * 1000),
        0u32..1_000_000_000,
    ];
    let offset = prop_oneof![Just(i32::MIN), Just(0), -50_000i32..50_000];
    // 1653 to 2286: within what the oracle counts through.
    (0u8..4, -10_000_000_000i64..10_000_000_000, nanos, offset)
        .prop_map(|(kind, seconds, nanos, offset)| Value::Time {
            kind,
            seconds,
            nanos,
            offset,
        })
        .boxed()
}

fn text_of_any_length() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[ -~]{0,20}",
        2 => "(?s).{0,30}",
        1 => "[a-z\"\\\\\\n\\x00]{0,80}",
        1 => "[ -~]{200,255}",
    ]
    .boxed()
}

fn short_text(text: String) -> Value {
    match text.len() {
        0..256 => Value::Str8(text),
        length => {
            let total = text.chars().count().min(length) as u32;
            Value::Text {
                code: 0x21,
                flags: 0,
                kept: text.into_bytes(),
                ahead: Vec::new(),
                total,
            }
        }
    }
}

fn long_text() -> BoxedStrategy<Value> {
    let text = ("(?s).{0,20}", "(?s).{0,5}");
    (
        0x21u8..0x25,
        0u8..4,
        text,
        prop_oneof![Just(0u32), 1u32..2000],
        vec(any::<u16>(), 0..4),
    )
        .prop_map(|(code, flags, (kept, ahead), more, wild)| {
            let encode = |text: &str| -> Vec<u8> {
                match code {
                    0x21 => text.as_bytes().to_vec(),
                    0x22 => text.chars().map(|letter| letter as u8).collect(),
                    0x23 => text
                        .encode_utf16()
                        .chain(wild.iter().copied())
                        .flat_map(u16::to_le_bytes)
                        .collect(),
                    _ => text
                        .chars()
                        .map(u32::from)
                        .chain(wild.iter().map(|&unit| u32::from(unit) * 77))
                        .flat_map(u32::to_le_bytes)
                        .collect(),
                }
            };
            let total = kept.chars().count() as u32 + more;
            Value::Text {
                code,
                flags,
                kept: encode(&kept),
                ahead: encode(&ahead),
                total,
            }
        })
        .boxed()
}

fn container(depth: u32) -> BoxedStrategy<Value> {
    let size = || prop_oneof![Just(u32::MAX), 0u32..5000];
    let type_name = || option::of(name());
    prop_oneof![
        (type_name(), size(), vec(item(depth), 0..5)).prop_map(|(type_name, size, items)| {
            Value::List {
                type_name,
                size,
                items,
            }
        }),
        (
            type_name(),
            size(),
            vec((item(0), value(0), value(depth)), 0..4)
        )
            .prop_map(|(type_name, size, entries)| Value::Map {
                type_name,
                size,
                items: pairs(entries)
            }),
        (type_name(), vec((name(), item(depth)), 0..5))
            .prop_map(|(type_name, items)| Value::Object { type_name, items }),
        (type_name(), vec((name(), option::of(item(depth))), 0..5))
            .prop_map(|(type_name, items)| Value::Shaped { type_name, items }),
        // More items than the short headers of MessagePack count.
        (type_name(), vec(Just(Item::Value(Value::Null)), 14..18)).prop_map(
            |(type_name, items)| Value::List {
                type_name,
                size: 20,
                items
            }
        ),
    ]
    .boxed()
}

/// Keys and values in turn, with a gap before a key where the first item of a triple is one.
fn pairs(entries: Vec<(Item, Value, Value)>) -> Vec<Item> {
    let mut items = Vec::new();
    for (gap, key, value) in entries {
        if matches!(gap, Item::Gap { .. }) {
            items.push(gap);
        }
        items.push(Item::Value(key));
        items.push(Item::Value(value));
    }
    items
}

fn other() -> BoxedStrategy<Value> {
    let type_name = || option::of(name());
    let alias = option::of((any::<u32>(), any::<u64>()));
    prop_oneof![
        3 => any::<u32>().prop_map(Value::Ref),
        1 => type_name().prop_map(|type_name| Value::Opaque { type_name }),
        2 => (7u8..10, type_name(), name(), alias).prop_map(|(reason, type_name, rule, alias)| {
            Value::Redacted { reason, type_name, rule, alias }
        }),
        2 => (1u8..17, type_name(), prop_oneof![Just(u32::MAX), any::<u32>()])
            .prop_map(|(reason, type_name, size)| Value::Skipped { reason, type_name, size }),
        1 => (type_name(), name()).prop_map(|(type_name, cause)| Value::Failed { type_name, cause }),
    ]
    .boxed()
}

/// Anything beside a tape.
pub(crate) fn meta() -> BoxedStrategy<Meta> {
    let process = (
        name(),
        option::of(name()),
        option::of(name()),
        option::of(name()),
        any::<u32>(),
    );
    let thread = option::of((any::<u64>(), option::of(name())));
    let trace = (option::of(any::<u128>()), option::of(any::<u64>()));
    let link = (name(), name(), option::of(name()));
    let attributes = || vec((name(), attribute()), 0..4);
    let event = (
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
        option::of(name()),
    );
    (
        process,
        thread,
        trace,
        (attributes(), attributes()),
        vec(link, 0..2),
        event,
        option::of(vec(name(), 0..3)),
    )
        .prop_map(
            |(process, thread, trace, (attributes, user), links, event, fingerprint)| {
                let (service, env, version, host, pid) = process;
                let (timestamp_ns, random, handled, mechanism) = event;
                Meta {
                    id: SnapshotId::from_parts(timestamp_ns, random),
                    timestamp_ns,
                    process: Arc::new(Process {
                        service,
                        env: env.clone(),
                        version,
                        host,
                        pid,
                        runtime_version: env,
                        ..Process::default()
                    }),
                    thread: thread.map(|(id, name)| Thread { id, name }),
                    handled,
                    mechanism,
                    trace_id: trace.0,
                    span_id: trace.1,
                    attributes,
                    user,
                    session_links: links
                        .into_iter()
                        .map(|(name, id, url)| SessionLink { name, id, url })
                        .collect(),
                    fingerprint,
                }
            },
        )
        .boxed()
}

fn attribute() -> BoxedStrategy<AttributeValue> {
    prop_oneof![
        name().prop_map(AttributeValue::Text),
        any::<i64>().prop_map(AttributeValue::Int),
        any::<f64>().prop_map(AttributeValue::Float),
        any::<bool>().prop_map(AttributeValue::Bool),
    ]
    .boxed()
}

/// Anything that the background may add.
pub(crate) fn extras() -> BoxedStrategy<Extras> {
    let grouping = (
        name(),
        option::of(name()),
        0u32..3,
        any::<bool>(),
        option::of(name()),
    );
    let source = (
        any::<u32>(),
        vec("(?s).{0,40}", 0..4),
        option::of(name()),
        any::<bool>(),
    );
    let reason = || (1u8..17).prop_map(|code| Reason::from_code(code).expect("a code"));
    let gap = (option::of(name()), 1u32..100, reason(), option::of(name()));
    (
        option::of(grouping),
        vec(option::of(source), 0..5),
        vec(gap, 0..3),
        vec(reason(), 0..4),
    )
        .prop_map(|(grouping, sources, gaps, reasons)| {
            let mut counts = ReasonCounts::default();
            reasons.into_iter().for_each(|reason| counts.add(reason));
            Extras {
                grouping: grouping.map(|(key, sub_key, version, overridden, explanation)| {
                    Grouping {
                        key,
                        sub_key,
                        version,
                        overridden,
                        explanation,
                    }
                }),
                sources: sources
                    .into_iter()
                    .map(|source| {
                        source.map(|(first_line, lines, hash, stale)| FrameSource {
                            first_line,
                            lines,
                            hash,
                            stale,
                        })
                    })
                    .collect(),
                attribute_gaps: gaps
                    .into_iter()
                    .map(|(name, count, reason, rule)| AttributeGap {
                        name,
                        count,
                        reason,
                        rule,
                    })
                    .collect(),
                counts,
            }
        })
        .boxed()
}
