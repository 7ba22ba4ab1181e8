//! Encoding one snapshot of about 5,000 values: time per value of each form.
//!
//! Three kinds of tape: `objects` (records of numbers and short texts), `locals` (frames full of scalars) and `texts` (longer
//! texts, floats and times). `datadog` is Python's dialect, `variables` what fits into an event of
//! another tool (8 frames of 2048 bytes). Divide a figure by the number of values in its name for ns per value. `read` is what iterating over the
//! tape costs alone, which is part of the others.

#![expect(clippy::expect_used, reason = "a bench that cannot run should stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::{Encoder, Input, vars};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::snapshot::{Extras, Meta, ReasonCounts, SnapshotId};
use stillframe_core::tape::{
    ContainerId, FrameFlags, Link, Location, Section, Tape, TapeWriter, TextFlags, TimeKind,
    TimeValue, TypeId,
};

const FRAMES: usize = 8;

fn writer() -> TapeWriter {
    let limits = Limits {
        values: 65_536,
        tape_bytes: 1 << 20,
        items: 16_384,
        ..Limits::default()
    };
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &limits);
    let error = writer.define_type(b"shop.errors.OutOfStock");
    writer.exception(error, Link::Root, 0, false);
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"nothing left of A-17");
    writer.section(Section::Frames);
    for frame in 0..FRAMES {
        let location = Location {
            line: 40 + frame as u32,
            ..Location::default()
        };
        writer.frame(
            FrameFlags::IN_APP,
            location,
            b"Cart.reserve",
            b"shop.cart",
            b"/srv/shop/cart.py",
        );
    }
    writer.end_group();
    writer
}

fn finish(mut writer: TapeWriter) -> Vec<u8> {
    writer
        .finish(None, Duration::from_micros(90))
        .expect("within the limits")
        .to_vec()
}

/// Names are written inline, as on a clean tape.
fn field(writer: &mut TapeWriter, name: &str) {
    assert!(writer.name(name.as_bytes()), "within the limits");
}

fn objects() -> Vec<u8> {
    let mut writer = writer();
    let order = writer.define_type(b"shop.models.Order");
    for _ in 0..FRAMES {
        writer.section(Section::Locals);
        field(&mut writer, "orders");
        writer.list(TypeId::default(), 68);
        writer.end_group();
    }
    for _ in 0..FRAMES {
        for _ in 0..68 {
            writer.object(order);
        }
        writer.end_group();
    }
    for index in 0..FRAMES as i64 * 68 {
        for name in ["id", "quantity", "price_cents", "shelf", "weight"] {
            field(&mut writer, name);
            writer.int(index * 37 % 5000);
        }
        for (name, text) in [
            ("sku", "A-17-XL"),
            ("state", "reserved"),
            ("customer", "ann@shop.test"),
        ] {
            field(&mut writer, name);
            writer.ascii(text.as_bytes());
        }
        writer.end_group();
    }
    finish(writer)
}

fn locals() -> Vec<u8> {
    let mut writer = writer();
    for frame in 0..FRAMES {
        writer.section(Section::Arguments);
        for index in 0..625 {
            if index == 5 {
                writer.section(Section::Locals);
            }
            field(&mut writer, &format!("variable_{index}"));
            match index % 5 {
                0 => writer.int((index * frame) as i64),
                1 => writer.ascii(b"EUR"),
                2 => writer.bool(index % 2 == 0),
                3 => writer.null(),
                _ => writer.int(1 << 40),
            }
        }
        writer.end_group();
    }
    finish(writer)
}

fn texts() -> Vec<u8> {
    let mut writer = writer();
    for _ in 0..FRAMES {
        writer.section(Section::Locals);
        field(&mut writer, "rows");
        writer.map(TypeId::default(), 312);
        writer.end_group();
    }
    for _ in 0..FRAMES {
        for index in 0..312 {
            writer.utf8(&format!("größe-{index}"), TextFlags::NONE);
            match index % 4 {
                0 => writer.ascii(
                    "a sentence of some length, \"quoted\" "
                        .repeat(4)
                        .as_bytes(),
                ),
                1 => writer.float(f64::from(index) / 7.0),
                2 => writer.time(TimeValue {
                    kind: TimeKind::DateTime,
                    seconds: 1_795_225_363,
                    nanos: 250_000_000,
                    offset: Some(3600),
                }),
                _ => writer.binary(b"GET /cart HTTP/1.1\r\n"),
            }
        }
        writer.end_group();
    }
    finish(writer)
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let (meta, extras) = (Meta::default(), Extras::default());
    for (kind, bytes) in [
        ("objects", objects()),
        ("locals", locals()),
        ("texts", texts()),
    ] {
        let tape = Tape::parse(&bytes).expect("valid");
        let input = Input {
            tape: &tape,
            meta: &meta,
            extras: &extras,
        };
        let values = tape.header().values;
        let mut group = criterion.benchmark_group(format!("encode/{kind}/{values} values"));
        group.throughput(Throughput::Elements(values.into()));
        let mut encoder = Encoder::new();
        let mut out = Vec::new();
        group.bench_function("json", |bench| {
            bench.iter(|| {
                out.clear();
                encoder.json_into(black_box(&input), &mut out);
                out.len()
            });
        });
        group.bench_function("msgpack", |bench| {
            bench.iter(|| {
                out.clear();
                encoder.msgpack_into(black_box(&input), &mut out);
                out.len()
            });
        });
        group.bench_function("datadog", |bench| {
            let frame_id = |frame: u32| SnapshotId::from_parts(0, frame.into());
            let options = Options::new(Dialect::Python, &frame_id);
            bench.iter(|| {
                out.clear();
                encoder.datadog_into(black_box(&input), &options, 0, &mut out);
                out.len()
            });
        });
        group.bench_function("variables", |bench| {
            let (options, counts) = (vars::Options::default(), ReasonCounts::default());
            bench.iter(|| {
                out.clear();
                encoder.variables_into(black_box(&input), &options, &counts, &mut out);
                out.len()
            });
        });
        group.bench_function("read", |bench| {
            bench.iter(|| {
                let ids = (0..=tape.containers()).map(ContainerId);
                ids.map(|id| tape.group(id).map(black_box).count())
                    .sum::<usize>()
            });
        });
        group.finish();
    }
}
