//! Random data of programs, random limits, random manners.

use proptest::collection::vec;
use proptest::prelude::*;
use stillframe_core::limits::Limits;

use crate::call::Call;
use crate::walker::{Exception, Frame, Node};

fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![4 => proptest::char::range('a', 'z'), 1 => any::<char>()];
    prop_oneof![
        8 => vec(character.clone(), 0..40),
        1 => vec(character, 100..700),
    ]
    .prop_map(|text| {
        text.into_iter()
            .filter(|&character| character != '\0')
            .collect()
    })
}

fn rule() -> impl Strategy<Value = String> {
    prop_oneof![Just("password".to_owned()), text()]
}

fn redacting() -> impl Strategy<Value = u8> {
    7..=9_u8
}

fn big() -> impl Strategy<Value = Call> {
    (
        any::<bool>(),
        1..=128_u32,
        any::<u128>(),
        129..100_000_u32,
        any::<bool>(),
    )
        .prop_map(|(negative, bits, head, long, is_long)| {
            let head = if is_long {
                head | 1 << 127
            } else {
                (head | 1 << 127) >> (128 - bits)
            };
            Call::BigInt {
                negative,
                bits: if is_long { long } else { bits },
                head,
            }
        })
}

fn scalar() -> BoxedStrategy<Call> {
    prop_oneof![
        Just(Call::Null),
        any::<bool>().prop_map(Call::Bool),
        prop_oneof![
            -300..300_i64,
            any::<i64>(),
            any::<i32>().prop_map(i64::from)
        ]
        .prop_map(Call::Int),
        any::<u64>().prop_map(Call::Uint),
        big(),
        any::<u64>().prop_map(Call::Float),
        (0..4_u8, any::<i64>(), 0..1_000_000_000_u32, any::<i32>()).prop_map(
            |(kind, seconds, nanos, offset)| Call::Time {
                kind,
                seconds,
                nanos,
                offset
            }
        ),
        text().prop_map(|text| Call::Utf8(text.into_bytes())),
        text().prop_map(|text| Call::Utf8(text.into_bytes())),
        text().prop_map(|text| Call::Rendered(text.into_bytes())),
        vec(any::<u8>(), 0..600).prop_map(Call::Latin1),
        vec(any::<u16>(), 0..400).prop_map(Call::Utf16),
        vec(any::<u32>(), 0..200).prop_map(Call::Utf32),
        vec(any::<u8>(), 0..600).prop_map(Call::Bytes),
    ]
    .boxed()
}

fn unshown() -> impl Strategy<Value = Call> {
    prop_oneof![
        Just(Call::Opaque(0)),
        (1..=16_u8, proptest::option::of(any::<u16>())).prop_map(|(reason, size)| Call::Skipped {
            reason,
            of: 0,
            size: size.map(usize::from)
        }),
        (redacting(), rule()).prop_map(|(reason, rule)| Call::Redacted {
            reason,
            of: 0,
            rule
        }),
        (redacting(), rule(), any::<u32>(), any::<u64>()).prop_map(
            |(reason, rule, length, hash)| Call::Alias {
                reason,
                of: 0,
                rule,
                length,
                hash
            }
        ),
        text().prop_map(|cause| Call::Failed { of: 0, cause }),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let of = || proptest::option::of(any::<u8>());
    let leaf = prop_oneof![
        6 => scalar().prop_map(Node::Scalar),
        1 => unshown().prop_map(Node::Scalar),
        1 => (any::<u8>(), scalar()).prop_map(|(of, scalar)| Node::Typed(of, scalar)),
        1 => any::<u32>().prop_map(Node::Same),
    ];
    leaf.prop_recursive(4, 60, 8, move |inner| {
        prop_oneof![
            (of(), vec(inner.clone(), 0..8)).prop_map(|(of, items)| Node::List(of, items)),
            (of(), vec((inner.clone(), inner.clone()), 0..5))
                .prop_map(|(of, entries)| Node::Map(of, entries)),
            (of(), vec((text(), inner.clone()), 0..6))
                .prop_map(|(of, fields)| Node::Object(of, fields)),
            (
                any::<u8>(),
                vec((text(), proptest::option::of(inner)), 0..6)
            )
                .prop_map(|(of, fields)| Node::Shaped(of, fields)),
        ]
    })
}

fn variables() -> impl Strategy<Value = Vec<(String, Node)>> {
    vec((text(), node()), 0..6)
}

/// A chain of one to three exceptions.
pub(crate) fn exceptions() -> impl Strategy<Value = Vec<Exception>> {
    let names = [text().boxed(), text().boxed(), text().boxed()];
    let frame = (0..32_u8, names, variables()).prop_map(|(flags, names, variables)| Frame {
        flags,
        names,
        variables,
    });
    let message = proptest::option::of(scalar().prop_map(Node::Scalar));
    let exception =
        (message, variables(), vec(frame, 0..4)).prop_map(|(message, attributes, frames)| {
            Exception {
                message,
                attributes,
                frames,
            }
        });
    vec(exception, 1..4)
}

/// Limits from none to plenty.
pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let tape_bytes = prop_oneof![0..2000_u32, 2000..40_000_u32];
    let values = prop_oneof![0..60_u32, Just(4096)];
    let string = prop_oneof![0..30_u32, Just(1024)];
    (tape_bytes, values, string).prop_map(|(tape_bytes, values, string)| Limits {
        tape_bytes,
        values,
        string,
        ..Limits::default()
    })
}

/// A call with any arguments, in no order that makes sense.
pub(crate) fn any_call() -> impl Strategy<Value = Call> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..700)];
    prop_oneof![
        3 => scalar(),
        1 => unshown(),
        2 => bytes().prop_map(Call::Utf8),
        2 => bytes().prop_map(Call::Name),
        1 => bytes().prop_map(Call::DefineType),
        1 => (any::<u16>(), vec(text(), 0..300)).prop_map(|(of, names)| Call::DefineShape { of, names }),
        1 => any::<u16>().prop_map(Call::AsType),
        1 => (0..=16_u8, any::<u32>()).prop_map(|(reason, count)| Call::Gap { reason, count }),
        1 => (1..=8_u8).prop_map(Call::Section),
        1 => (any::<u16>(), any::<usize>()).prop_map(|(of, size)| Call::List { of, size }),
        1 => any::<i32>().prop_map(Call::Shaped),
        1 => (any::<u16>(), 0..4_u8, any::<u32>(), any::<bool>()).prop_map(
            |(of, link, parent, message_unknown)| Call::Exception { of, link, parent, message_unknown }
        ),
        1 => (any::<u8>(), any::<[u32; 4]>(), [bytes().boxed(), bytes().boxed(), bytes().boxed()])
            .prop_map(|(flags, location, names)| Call::Frame { flags, location, names }),
        1 => any::<u32>().prop_map(Call::Reference),
        1 => (0..4_u8, any::<i64>(), any::<u32>(), any::<i32>())
            .prop_map(|(kind, seconds, nanos, offset)| Call::Time { kind, seconds, nanos, offset }),
        1 => (any::<bool>(), any::<u32>(), any::<u128>())
            .prop_map(|(negative, bits, head)| Call::BigInt { negative, bits, head }),
        1 => Just(Call::Absent),
        1 => Just(Call::EndGroup),
    ]
}
