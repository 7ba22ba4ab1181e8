//! One failing frame of a web shop on a tape: a request, a user with an address, twelve order lines, dictionaries, lists, long and
//! short text. About 240 values, as `benches/python/workload.py` has them.

use std::sync::LazyLock;
use std::time::Duration;

use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::tape::{
    FrameFlags, Link, Location, Section, ShapeNames, TapeWriter, TextFlags, TypeId,
};

/// Defines a shape whose names were encoded before, as a walker's plan of a type has them.
macro_rules! shape {
    ($writer:expr, $of:expr, [$($name:literal),*]) => {{
        static NAMES: LazyLock<ShapeNames> = LazyLock::new(|| {
            let names: &[&[u8]] = &[$($name),*];
            ShapeNames::new(names.iter().copied()).expect("few names")
        });
        $writer.define_shape($of, &NAMES).expect("within the limits")
    }};
}

const LINES: i64 = 12;
const HEADERS: [(&str, &str); 6] = [
    ("Host", "shop.example.com"),
    ("Accept", "application/json"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    ("Content-Type", "application/json"),
    ("Content-Length", "1234"),
    ("X-Request-Id", "6f1b2c3d-4e5f-6789-abcd-ef0123456789"),
];
const MESSAGE: &str =
    "payment gateway returned status 502 while confirming the order, \"retrying\" with backoff";
const OWN: TypeId = TypeId::OWN;

/// Writes the snapshot; `seed` makes the numbers differ. Returns how many values it has.
pub(crate) fn write(writer: &mut TapeWriter, seed: i64) -> u32 {
    writer.begin(Language::Python, &Limits::default());
    let error = writer.define_type(b"shop.errors.PaymentFailed");
    writer.exception(error, Link::Root, 0, false);
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"order 10042: the bank sent no receipt");
    writer.section(Section::Frames);
    writer.frame(
        FrameFlags::IN_APP,
        Location {
            line: 57,
            ..Location::default()
        },
        b"Checkout.confirm",
        b"shop.checkout",
        b"/srv/shop/shop/checkout.py",
    );
    writer.end_group();
    variables(writer, seed);
    contents(writer, seed);
    writer.values()
}

/// The finished tape.
pub(crate) fn tape(seed: i64) -> Vec<u8> {
    let mut writer = TapeWriter::new();
    write(&mut writer, seed);
    let tape = writer.finish(None, Duration::from_micros(3));
    tape.expect("within the limits").to_vec()
}

/// The variables of the frame: containers first, in the order in which [`contents`] writes what they hold.
fn variables(writer: &mut TapeWriter, seed: i64) {
    let request = writer.define_type(b"shop.http.Request");
    let user = writer.define_type(b"shop.models.User");
    let user = shape!(
        writer,
        user,
        [b"id", b"name", b"email", b"active", b"balance", b"address"]
    );
    writer.section(Section::Arguments);
    name(writer, "self");
    writer.object(request);
    name(writer, "user");
    writer.shaped(user);
    writer.section(Section::Locals);
    for list in ["lines", "ids", "prices"] {
        name(writer, list);
        writer.list(OWN, if list == "lines" { LINES as usize } else { 40 });
    }
    name(writer, "totals");
    writer.map(OWN, 5);
    name(writer, "message");
    writer.ascii(MESSAGE.as_bytes());
    name(writer, "total");
    writer.float(1234.5678 + seed as f64);
    name(writer, "currency");
    writer.ascii(b"EUR");
    for (number, variable) in ["count", "attempt", "retries", "index"].iter().enumerate() {
        name(writer, variable);
        writer.int(seed + number as i64);
    }
    name(writer, "discount");
    writer.null();
    name(writer, "is_retry");
    writer.bool(seed % 2 == 0);
    name(writer, "label");
    writer.utf8("Größe L, très chic", TextFlags::NONE);
    writer.end_group();
}

fn contents(writer: &mut TapeWriter, seed: i64) {
    // self
    for (field, text) in [
        ("method", "POST"),
        ("path", "/api/v2/checkout/confirm"),
        ("scheme", "https"),
    ] {
        name(writer, field);
        writer.ascii(text.as_bytes());
    }
    name(writer, "headers");
    writer.map(OWN, HEADERS.len());
    writer.end_group();
    // user
    writer.int(10_042 + seed);
    writer.ascii(b"Ada Lovelace");
    writer.ascii(b"ada@example.com");
    writer.bool(true);
    writer.float(1034.55);
    let address = writer.define_type(b"shop.models.Address");
    let address = shape!(
        writer,
        address,
        [b"street", b"city", b"postcode", b"country"]
    );
    writer.shaped(address);
    writer.end_group();
    // lines
    let line = writer.define_type(b"shop.models.Line");
    let line = shape!(
        writer,
        line,
        [b"sku", b"quantity", b"price", b"title", b"in_stock"]
    );
    for _ in 0..LINES {
        writer.shaped(line);
    }
    writer.end_group();
    for id in 0..40 {
        writer.int(1000 + seed + id);
    }
    writer.end_group();
    for price in 0..40 {
        writer.float(price as f64 * 1.37);
    }
    writer.end_group();
    for (number, key) in ["net", "tax", "gross", "lines", "shipping"]
        .iter()
        .enumerate()
    {
        writer.ascii(key.as_bytes());
        writer.int(seed + 100_000 * number as i64);
    }
    writer.end_group();
    // headers of the request
    for (key, value) in HEADERS {
        writer.ascii(key.as_bytes());
        writer.ascii(value.as_bytes());
    }
    writer.end_group();
    // address
    for text in ["12 Rue de la Paix", "Paris", "75002", "FR"] {
        writer.ascii(text.as_bytes());
    }
    writer.end_group();
    // each line
    for number in 0..LINES {
        writer.ascii(b"SKU-007919");
        writer.int(number % 5 + 1);
        writer.float(number as f64 * 3.3);
        writer.ascii(b"Product with a title of some length");
        writer.bool(true);
        writer.end_group();
    }
}

fn name(writer: &mut TapeWriter, name: &str) {
    assert!(writer.name(name.as_bytes()), "within the limits");
}
