//! The program of `docs/tape-writer.md`: compiled as it stands there, run, read.

use std::path::Path;

use crate::compiler::{Standard, compile, folder, run};
use crate::walk::dump;

#[test]
fn the_documented_program_does_what_it_says() {
    let page = std::fs::read_to_string(folder("../docs/tape-writer.md")).unwrap();
    let program = page
        .split("```c\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tape-docs.c");
    std::fs::write(&source, program.expect("a program")).unwrap();
    let program = compile(&source, Standard::C99, "tape-docs", &["-O2"]);
    assert_eq!(
        dump(&run(&program, &[])),
        [
            "0: rate_error #1",
            "1: \"no rate for this currency\"",
            "1: frame #2 confirm src/shop.c",
            "2: order #3",
            "3: id 10042",
            "3: api_token redactedIdent by apitoken",
            "3: lines list #4 of Some(2)",
            "4: #5",
            "4: #6",
            "5: sku \"TEA-12\"",
            "5: quantity 2",
            "5: price 4.5",
            "6: sku \"CUP-07\"",
            "6: quantity 1",
            "6: price 12",
        ]
    );
}
