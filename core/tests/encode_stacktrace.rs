//! Stack traces as each language prints them. (That Python's is what Python prints is checked against Python itself, with the package.)

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use stillframe_core::encode::stacktrace;
use stillframe_core::snapshot::{Exception, Frame, Node, Omitted, Scalar, Snapshot, Source};
use stillframe_core::tape::Tape;
use support::{build, cases, oracle, random};

const PLENTY: usize = 1 << 20;

fn text(text: &str) -> Option<Node> {
    Some(Node {
        value: Some(Scalar::from(text)),
        ..Node::default()
    })
}

fn error(type_name: &str, message: &str, frames: &[u32]) -> Exception {
    Exception {
        type_name: type_name.into(),
        message: text(message),
        frames: frames.to_vec(),
        ..Exception::default()
    }
}

fn frame(module: &str, function: &str, file: &str, line: u32) -> Frame {
    Frame {
        function: function.into(),
        module: (!module.is_empty()).then(|| module.into()),
        file: (!file.is_empty()).then(|| file.into()),
        line: (line > 0).then_some(line),
        ..Frame::default()
    }
}

fn snapshot(language: &str, exceptions: Vec<Exception>, frames: Vec<Frame>) -> Snapshot {
    let mut snapshot = Snapshot {
        exceptions,
        frames,
        ..Snapshot::default()
    };
    snapshot.runtime.language = language.into();
    snapshot
}

fn gap(count: Option<u32>, after: Option<u32>) -> Vec<Omitted> {
    vec![Omitted {
        what: "frames".into(),
        count,
        after,
        ..Omitted::default()
    }]
}

#[test]
fn python_prints_what_led_to_the_error_first() {
    let mut raising = frame("shop", "convert", "/srv/shop.py", 7);
    raising.source = Some(Source {
        first_line: 6,
        lines: vec!["def convert():".into(), "    return rates[\"EUR\"]".into()],
        ..Source::default()
    });
    let frames = vec![
        frame("shop", "total", "/srv/shop.py", 12),
        frame("__main__", "<module>", "", 0),
        raising,
    ];
    let mut first = error("shop.LookupFailed", "no\nrate", &[0, 1]);
    first.cause = Some(1);
    first.cause_kind = Some("cause".into());
    first.omitted = gap(Some(3), Some(0));
    first.notes = text("in cart 17").into_iter().collect();
    let mut second = error("KeyError", "'EUR'", &[2]);
    second.cause = Some(2);
    second.cause_kind = Some("context".into());
    let third = error("OSError", "", &[]);
    let snapshot = snapshot("python", vec![first, second, third], frames);
    assert_eq!(
        stacktrace::text(&snapshot, PLENTY),
        "OSError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/srv/shop.py\", line 7, in convert
    return rates[\"EUR\"]
KeyError: 'EUR'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"<unknown>\", line ?, in <module>
  [3 frames not captured]
  File \"/srv/shop.py\", line 12, in total
shop.LookupFailed: no
rate
in cart 17
"
    );
}

#[test]
fn python_draws_groups_as_trees() {
    let frames = vec![frame("m", "f", "m.py", 1)];
    let mut outer = error("ExceptionGroup", "two (2 sub-exceptions)", &[0]);
    outer.members = vec![1, 2];
    outer.cause = Some(5);
    let mut inner = error("ExceptionGroup", "inner (2 sub-exceptions)", &[]);
    inner.members = vec![3, 4];
    let errors = vec![
        outer,
        error("ValueError", "1", &[0]),
        inner,
        error("TypeError", "a\nb", &[]),
        error("KeyError", "3", &[]),
        error("OSError", "4", &[]),
    ];
    assert_eq!(
        stacktrace::text(&snapshot("python", errors, frames), PLENTY),
        "OSError: 4

During handling of the above exception, another exception occurred:

  + Exception Group Traceback (most recent call last):
  |   File \"m.py\", line 1, in f
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File \"m.py\", line 1, in f
    | ValueError: 1
    +---------------- 2 ----------------
    | ExceptionGroup: inner (2 sub-exceptions)
    +-+---------------- 1 ----------------
      | TypeError: a
      | b
      +---------------- 2 ----------------
      | KeyError: 3
      +------------------------------------
"
    );
}

#[test]
fn java_counts_the_frames_that_a_cause_shares() {
    let frames = vec![
        frame("shop.Cart", "total", "Cart.java", 42),
        frame("shop.Main", "main", "Main.java", 7),
        frame("shop.Rates", "get", "Rates.java", 12),
        frame("shop.Cart", "rate", "Cart.java", 51),
        frame("shop.Cart", "total", "Cart.java", 40),
        frame("java.io.Closer", "close", "", 0),
    ];
    let mut first = error("shop.LookupFailed", "no rate", &[0, 1]);
    first.cause = Some(1);
    first.members = vec![2];
    let mut second = error("java.util.NoSuchElementException", "EUR", &[2, 3, 4, 1]);
    second.omitted = gap(None, Some(0));
    let third = error("java.io.IOException", "closed", &[5, 0, 1]);
    let snapshot = snapshot("java", vec![first, second, third], frames);
    assert_eq!(
        stacktrace::text(&snapshot, PLENTY),
        "shop.LookupFailed: no rate
\tat shop.Cart.total(Cart.java:42)
\tat shop.Main.main(Main.java:7)
\tSuppressed: java.io.IOException: closed
\t\tat java.io.Closer.close(Unknown Source)
\t\t... 2 more
Caused by: java.util.NoSuchElementException: EUR
\tat shop.Rates.get(Rates.java:12)
\t... some frames not captured
\tat shop.Cart.rate(Cart.java:51)
\tat shop.Cart.total(Cart.java:40)
\t... 1 more
"
    );
}

#[test]
fn dotnet_nests_inner_exceptions() {
    let frames = vec![
        frame("Shop.Cart", "Total(List`1 items)", "/src/Cart.cs", 42),
        frame("Shop.Rates", "Get", "/src/Rates.cs", 7),
        frame("System.Int32", "Parse(String s)", "", 0),
    ];
    let mut first = error("Shop.LookupFailed", "no rate", &[0]);
    first.cause = Some(1);
    first.omitted = gap(Some(1), Some(0));
    let mut second = error(
        "System.AggregateException",
        "One or more errors occurred. (EUR)",
        &[1],
    );
    second.members = vec![2];
    let third = error("System.FormatException", "EUR", &[2]);
    let snapshot = snapshot("dotnet", vec![first, second, third], frames);
    assert_eq!(
        stacktrace::text(&snapshot, PLENTY),
        "Shop.LookupFailed: no rate
 ---> System.AggregateException: One or more errors occurred. (EUR)
   at Shop.Rates.Get() in /src/Rates.cs:line 7
 ---> (Inner Exception #0) System.FormatException: EUR
   at System.Int32.Parse(String s)<---

   --- End of inner exception stack trace ---
   at Shop.Cart.Total(List`1 items) in /src/Cart.cs:line 42
   ... 1 frame not captured
"
    );
}

#[test]
fn native_code_is_numbered() {
    let frames = vec![
        frame("libshop.so", "convert", "/src/shop.c", 42),
        frame("libc.so.6", "__libc_start_main", "", 0),
        frame("", "", "", 0),
        frame("", "shop::rate(char const*)", "/src/rate.cc", 0),
    ];
    let mut first = error("std::runtime_error", "no rate", &[0, 1, 2]);
    first.cause = Some(1);
    first.omitted = gap(Some(8), Some(0));
    let second = error("std::out_of_range", "", &[3]);
    let snapshot = snapshot("native", vec![first, second], frames);
    assert_eq!(
        stacktrace::text(&snapshot, PLENTY),
        "std::runtime_error: no rate
#0  convert () at /src/shop.c:42
    (8 frames not captured)
#9  __libc_start_main () from libc.so.6
#10 ?? ()
caused by: std::out_of_range
#0  shop::rate(char const*) at /src/rate.cc
"
    );
}

#[test]
fn what_is_hidden_stays_hidden() {
    let mut hidden = error("KeyError", "", &[]);
    hidden.message = Some(Node {
        not_captured_reason: Some("redactedValue".into()),
        rule: Some("jwt".into()),
        ..Node::default()
    });
    for language in ["python", "java", "dotnet", "native", "unknown"] {
        let trace = stacktrace::text(&snapshot(language, vec![hidden.clone()], vec![]), PLENTY);
        assert_eq!(trace.trim_end(), "KeyError: [redacted: jwt]");
    }
}

#[test]
fn links_that_go_round_end() {
    for language in ["python", "java", "dotnet", "native"] {
        let mut first = error("A", "a", &[7]);
        first.cause = Some(1);
        first.members = vec![0, 1, 2, 99];
        let mut second = error("B", "b", &[]);
        second.cause = Some(0);
        second.members = vec![1, 0];
        let trace = stacktrace::text(&snapshot(language, vec![first, second], vec![]), PLENTY);
        assert_eq!(trace.matches("A: a").count(), 1, "{trace}");
        assert_eq!(trace.matches("B: b").count(), 1, "{trace}");
    }
}

#[test]
fn a_long_chain_takes_no_more_than_its_room() {
    for language in ["python", "java", "dotnet", "native"] {
        for wide in [false, true] {
            let errors = (0..20_000_u32).map(|number| {
                let mut error = error("Error", &"é".repeat(100), &[]);
                if wide && number == 0 {
                    error.members = (1..20_000).collect();
                } else if !wide {
                    error.members = vec![number + 1];
                }
                error
            });
            let trace = stacktrace::text(&snapshot(language, errors.collect(), vec![]), 4096);
            assert!(
                trace.len() <= 4096 && trace.starts_with(['E', ' ']),
                "{language} {trace}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_tape_has_one_of_any_length(spec in random::spec(), meta in random::meta(), most in 0_usize..2000) {
        let tape = build::build(&spec);
        let tape = Tape::parse(&tape).expect("valid");
        let mut snapshot = oracle::snapshot(&tape, &meta, &cases::all().remove(0).extras);
        for language in ["python", "java", "dotnet", "native", "unknown"] {
            snapshot.runtime.language = language.into();
            let whole = stacktrace::text(&snapshot, PLENTY);
            prop_assert!(whole.ends_with('\n'));
            let cut = stacktrace::text(&snapshot, most);
            prop_assert!(cut.len() <= most);
            if cut != whole {
                let kept = cut.strip_suffix("\n[cut]\n").unwrap_or(&cut);
                prop_assert!(whole.starts_with(kept), "{cut:?} is no beginning of {whole:?}");
            }
        }
    }
}
