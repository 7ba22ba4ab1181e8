//! The commands about occurrences as people use them: `find`, `diff`, `repro`; and `completions` and `man`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use common::nodes::named;
use common::{
    ISSUE, SECOND, Writer, golden, json, now_ns, output_of, pricing, run, stderr, stdout,
    stillframe, store,
};
use serde_json::Value;
use stillframe_core::sink::RecordKind;
use stillframe_core::sink::spool::{Uncaught, encode_payload};
use stillframe_core::snapshot::Node;
use unicode_width::UnicodeWidthStr;

fn ids(found: &Value) -> Vec<&str> {
    let occurrences = found["occurrences"].as_array().expect("a list");
    occurrences
        .iter()
        .map(|one| &one["id"].as_str().expect("an id")[28..])
        .collect()
}

#[test]
fn find_shows_occurrences_newest_first_with_the_values_that_match() {
    let dir = store();
    let text = output_of(
        dir.path(),
        &["find", "KeyError", "and", "arg(currency)", "=", "EUR"],
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("44444444  "), "{text}");
    assert!(
        lines[0].contains("KeyError: 'EUR'") && lines[0].ends_with("shop/pricing.py:42 convert"),
        "{text}"
    );
    assert!(lines[1].contains("currency = 'EUR'  in convert"), "{text}");
    assert!(lines.iter().all(|line| line.width() <= 80), "{text}");
    let last = text.trim_end().lines().last().expect("a line");
    assert!(
        last.starts_with("3 occurrences in ") && last.contains("5 searched"),
        "{text}"
    );
    let found = json(
        dir.path(),
        &["find", "--json", "KeyError and var(currency) = EUR"],
    );
    assert_eq!(ids(&found), ["44444444", "22222222", "11111111"]);
    assert_eq!(found["query"], "KeyError and var(currency) = EUR");
    let one = &found["occurrences"][0];
    assert_eq!(
        (&one["type"], &one["line"]),
        (&"KeyError".into(), &42.into())
    );
    assert_eq!(one["matches"][0]["what"], "currency");
    assert_eq!(one["matches"][0]["value"]["value"], "EUR");
    assert_eq!(one["issue"], format!("{ISSUE:032x}"));
}

#[test]
fn find_is_narrowed_and_limited() {
    let dir = store();
    let all = ["find", "--json", "--all"];
    let of = |arguments: &[&str]| {
        let found = json(dir.path(), &[&all[..], arguments].concat());
        ids(&found)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&["--issue", "04aa", "not KeyError"]), ["00000077"]);
    assert_eq!(
        of(&["--issue", "22222222", "var(currency) = CHF"]),
        ["33333333"]
    );
    assert_eq!(
        of(&["--since", "250s", "KeyError"]),
        ["44444444", "33333333"]
    );
    assert_eq!(of(&["age < 250s and KeyError"]), ["44444444", "33333333"]);
    assert_eq!(of(&["version = 1.4.1"]), ["11111111"]);
    assert_eq!(of(&["nothing like that"]), [""; 0]);
    let limited = json(dir.path(), &["find", "--json", "--limit", "2", "KeyError"]);
    assert_eq!((ids(&limited).len(), &limited["more"]), (2, &true.into()));
    let exact = json(dir.path(), &["find", "--json", "--limit", "4", "KeyError"]);
    assert_eq!((ids(&exact).len(), &exact["more"]), (4, &false.into()));
    let text = output_of(dir.path(), &["find", "--limit", "2", "KeyError"]);
    assert!(
        text.contains("the newest 2 of more in") && text.contains("--all"),
        "{text}"
    );
    let none = output_of(dir.path(), &["find", "ValueError"]);
    assert!(none.starts_with("nothing like that in "), "{none}");
}

#[test]
fn find_knows_what_was_learned_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ns();
    let mut writer = Writer::new(dir.path());
    let mut handled = pricing();
    handled.exceptions[0].handled = Some(true);
    handled.exceptions[0].mechanism = Some("logging".into());
    let id = writer.snapshot(&handled, ISSUE, now - SECOND, 0x11);
    writer.snapshot(&handled, ISSUE, now - 2 * SECOND, 0x22);
    let uncaught = encode_payload(&Uncaught {
        mechanism: "excepthook".into(),
    })
    .expect("encodes");
    writer.write(
        RecordKind::Uncaught,
        &uncaught,
        id.0,
        ISSUE.to_be_bytes(),
        now,
    );
    writer.close();
    for query in ["not handled", "mechanism = excepthook"] {
        let found = json(dir.path(), &["find", "--json", query]);
        assert_eq!(ids(&found), ["00000011"], "{query}");
    }
    assert_eq!(
        ids(&json(dir.path(), &["find", "--json", "handled"])),
        ["00000022"]
    );
}

#[test]
fn a_mistake_in_a_query_is_shown_where_it_is() {
    let dir = store();
    let wrong = run(dir.path(), &["find", "KeyError and var(user.plan) = "]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        stderr(&wrong),
        "stillframe: the query cannot be read: expected a value after =: a word, 42,\n  None, true, or \"text in quotes\"\n    KeyError and var(user.plan) =\n                                  ^\n  stillframe find --help has examples\n"
    );
    let hostile = format!("{}\x1b[2J\u{202e}汉字 type ~", "x and ".repeat(60));
    let text = stderr(&run(dir.path(), &["find", &hostile]));
    assert!(
        !text.contains('\x1b') && !text.contains('\u{202e}'),
        "{text}"
    );
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    assert!(text.contains("..."), "{text}");
}

#[test]
fn commands_without_a_store_say_how_to_begin() {
    let dir = tempfile::tempdir().expect("a folder");
    let none = dir.path().join("none");
    let none = none.to_str().expect("UTF-8");
    let found = output_of(dir.path(), &["find", "--dir", none, "KeyError"]);
    assert!(
        found.starts_with("Nothing has been captured yet"),
        "{found}"
    );
    assert_eq!(
        json(dir.path(), &["find", "--dir", none, "x", "--json"])["searched"],
        0
    );
    for command in ["diff", "repro", "deeper"] {
        let output = run(dir.path(), &[command, "--dir", none, "9be1"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(
            stderr(&output).contains("Nothing has been captured yet"),
            "{command}: {}",
            stderr(&output)
        );
    }
    assert!(output_of(dir.path(), &["deeper", "--dir", none]).starts_with("no request waits"));
    assert!(!Path::new(none).exists(), "reading never makes a store");
}

#[test]
fn diff_shows_what_two_occurrences_differ_in() {
    let dir = store();
    let text = output_of(dir.path(), &["diff", "1111", "3333"]);
    assert!(
        text.starts_with("A  11111111  6 min ago") || text.starts_with("A  11111111  7 min ago"),
        "{text}"
    );
    let line = |begin: &str| {
        let found = text
            .lines()
            .find(|line| line.trim_start().starts_with(begin));
        found
            .unwrap_or_else(|| panic!("no {begin} in {text}"))
            .to_owned()
    };
    let words = |line: String| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(line("version")), ["version", "1.4.1", "1.4.2"]);
    assert_eq!(words(line("currency")), ["currency", "'EUR'", "'CHF'"]);
    assert!(line("same:").contains("amount"), "{text}");
    assert!(text.contains("1 difference in "), "{text}");
    let told = json(dir.path(), &["diff", "1111", "3333", "--json"]);
    assert_eq!(
        told["facts"],
        serde_json::json!([{"name": "version", "a": "1.4.1", "b": "1.4.2"}])
    );
    let frame = &told["frames"][0];
    assert_eq!(
        (&frame["function"], &frame["in"]),
        (&"Pricing.convert".into(), &"both".into())
    );
    assert_eq!(frame["differences"][0]["path"], "currency");
    assert_eq!(frame["differences"][0]["b"]["value"], "CHF");
    let same = run(dir.path(), &["diff", "1111", "11111111"]);
    assert_eq!(same.status.code(), Some(2));
    assert!(
        stderr(&same).contains("both are 11111111"),
        "{}",
        stderr(&same)
    );
    let other = output_of(dir.path(), &["diff", "1111", "00000077", "-a"]);
    assert!(
        other.contains("only in A") && other.contains("only in B"),
        "{other}"
    );
}

#[test]
fn diff_of_an_issue_shows_what_its_occurrences_have_in_common() {
    let dir = store();
    let text = output_of(dir.path(), &["diff", "9be1c2d3"]);
    assert!(text.contains("values kept for 4, 4 compared"), "{text}");
    let line = |begin: &str| {
        let found = text
            .lines()
            .find(|line| line.trim_start().starts_with(begin));
        found
            .unwrap_or_else(|| panic!("no {begin} in {text}"))
            .trim()
            .to_owned()
    };
    assert!(line("version").ends_with("1.4.2 x3, 1.4.1 x1"), "{text}");
    assert!(line("currency").ends_with("'EUR' x3, 'CHF' x1"), "{text}");
    assert!(line("amount").ends_with("  always"), "{text}");
    assert!(
        line("always: type KeyError").contains("handled false"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    let told = json(dir.path(), &["diff", "9be1", "--json"]);
    assert_eq!(told["occurrences"], 4);
    let places = told["frames"][0]["places"].as_array().expect("places");
    let currency = places
        .iter()
        .find(|place| place["path"] == "currency")
        .expect("currency");
    assert_eq!(currency["there"], 4);
    assert_eq!(
        currency["values"],
        serde_json::json!([{"value": "'EUR'", "times": 3}, {"value": "'CHF'", "times": 1}])
    );
    let limited = json(dir.path(), &["diff", "9be1", "--json", "--limit", "1"]);
    assert_eq!(limited["occurrences"], 1);
    let one = output_of(dir.path(), &["diff", "04aa"]);
    assert!(
        one.contains("With one occurrence there is nothing to compare"),
        "{one}"
    );
}

#[test]
fn repro_writes_a_test() {
    let dir = store();
    let told = json(dir.path(), &["repro", "4444", "--json"]);
    assert_eq!(
        (&told["file"], &told["test"]),
        (&"test_repro_44444444.py".into(), &"test_convert".into())
    );
    assert_eq!(told["function"], "Pricing.convert");
    let text =
        std::fs::read_to_string(dir.path().join("test_repro_44444444.py")).expect("is written");
    assert!(text.starts_with("\"\"\"KeyError: 'EUR'\n"), "{text}");
    assert!(
        text.contains("    from shop.pricing import Pricing\n"),
        "{text}"
    );
    assert!(text.contains("currency=\"EUR\""), "{text}");
    let again = run(dir.path(), &["repro", "4444"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert!(
        output_of(dir.path(), &["repro", "4444", "--force"])
            .contains("calls shop.pricing.Pricing.convert")
    );
    assert_eq!(output_of(dir.path(), &["repro", "4444", "-o", "-"]), text);
    let missing = run(dir.path(), &["repro", "4444", "--frame", "nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("there are: Pricing.convert"),
        "{}",
        stderr(&missing)
    );
    let java = run(dir.path(), &["repro", "00000077"]);
    assert_eq!(java.status.code(), Some(2));
    assert!(
        stderr(&java).contains("comes from a java program"),
        "{}",
        stderr(&java)
    );
}

#[test]
fn a_file_is_for_its_owner_and_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let mut long = pricing();
    long.frames[0].arguments.0.push((
        "text".into(),
        Node {
            type_name: Some("str".into()),
            value: Some("long ".repeat(300_000).as_str().into()),
            ..Node::default()
        },
    ));
    writer.snapshot(&pricing(), ISSUE, now_ns() - 2 * SECOND, 1);
    writer.snapshot(&long, ISSUE, now_ns() - SECOND, 2);
    writer.close();
    let (test, link) = (dir.path().join("test.py"), dir.path().join("link.py"));
    let mode = |path: &Path| {
        let file = std::fs::metadata(path).expect("is there");
        file.permissions().mode() & 0o777
    };
    output_of(dir.path(), &["repro", "00000001", "-o", "test.py"]);
    assert_eq!(mode(&test), 0o600);
    let text = std::fs::read(&test).expect("is read");
    for arguments in [
        "repro 00000002 -o test.py --force",
        "repro 00000002 -o new.py",
        "export 00000002 --json -o test.py",
    ] {
        let command = format!("trap '' XFSZ; ulimit -f 512; exec \"$@\" {arguments}");
        let output = stillframe(dir.path());
        let output = Command::new("sh")
            .args(["-c", &command, "sh"])
            .arg(output.get_program())
            .envs(output.get_envs().filter_map(|(name, to)| Some((name, to?))))
            .current_dir(dir.path())
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let said = stderr(&output);
        assert!(said.contains("cannot write "), "{said}");
        assert_eq!(std::fs::read(&test).expect("is read"), text, "{arguments}");
    }
    let names = || {
        let files = std::fs::read_dir(dir.path()).expect("is read");
        let names = files.map(|file| file.expect("is read").file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| name.ends_with(".py") || name.starts_with('.'));
        names.sort();
        names
    };
    assert_eq!(names(), ["test.py"], "nothing is left of what failed");
    // What somebody chose stays: permissions, and links to another file.
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&test, open).expect("is set");
    std::os::unix::fs::symlink("test.py", &link).expect("is made");
    output_of(
        dir.path(),
        &["repro", "00000002", "-o", "link.py", "--force"],
    );
    assert!(link.is_symlink());
    assert_eq!(mode(&test), 0o640);
    assert_ne!(std::fs::read(&test).expect("is read"), text);
    assert_eq!(names(), ["link.py", "test.py"]);
    // A device is written to.
    let piped = run(dir.path(), &["export", "--md", "-o", "/dev/stdout"]);
    assert!(stdout(&piped).contains("KeyError"), "{}", stderr(&piped));
}

#[test]
fn as_many_objects_as_a_record_can_hold_are_made_again() {
    let list = |node| Node {
        type_name: Some("list".into()),
        elements: Some(node),
        ..Node::default()
    };
    let shared = (0..60_000).flat_map(|id| {
        let reference = Node {
            reference: Some(id),
            ..Node::default()
        };
        let object = Node {
            id: Some(id),
            ..list(Vec::new())
        };
        [object, reference]
    });
    let mut snapshot = pricing();
    snapshot.frames[0].arguments = [("items".to_owned(), list(shared.collect()))]
        .into_iter()
        .collect();
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&snapshot, ISSUE, now_ns(), 1);
    writer.close();
    let began = Instant::now();
    let test = output_of(dir.path(), &["repro", "-o", "-"]);
    assert!(test.contains("    items_60000 = []\n"), "{}", test.len());
    assert!(began.elapsed().as_secs() < 120, "by their square");
}

#[test]
fn a_hostile_snapshot_gives_clean_pages_and_no_code() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let now = now_ns();
    let names = ["hostile", "gaps", "types", "group", "empty", "library"];
    for (at, name) in (1_u64..).zip(names) {
        writer.snapshot(&golden(name), ISSUE, now - at * SECOND, at);
    }
    // Names that would be code if they were written as they are.
    let mut evil = pricing();
    let frame = &mut evil.frames[0];
    frame.module = Some("os; import evil".into());
    frame.file = Some("/tmp/x\"\"\"; import evil; \\.py".into());
    frame.function = "Pricing.convert".into();
    let mut popen = pricing();
    let mut typed = pricing();
    let text = |text: &str, type_name: &str| Node {
        type_name: Some(type_name.into()),
        value: Some(text.into()),
        rendered: true,
        ..Node::default()
    };
    frame.arguments = named(vec![
        ("a=evil(), b", text("x", "str")),
        ("b", text("evil()", "int")),
        ("c", text("range(evil())", "range")),
        ("d", text("<X.evil(): 1>", "shop.X")),
        ("e", text("2026\"+evil()+\"", "datetime.datetime")),
        ("f", text("P1DT2S", "datetime.timedelta")),
        ("g", text("evil()", "shop.X\")+evil()+(\"")),
        ("h", text("shop.evil()", "function")),
        ("i", text("\"\"\"\\\nevil()", "decimal.Decimal")),
    ]);
    evil.service = "x\"\"\"\nimport evil".into();
    writer.snapshot(&evil, ISSUE, now, 0xee);
    // Functions of other modules, as the function that failed and as types.
    let frame = &mut popen.frames[0];
    frame.module = Some("os".into());
    frame.file = None;
    frame.function = "popen".into();
    writer.snapshot(&popen, ISSUE, now, 0xe1);
    popen.frames[0].file = Some("/app/shop.py".into());
    writer.snapshot(&popen, ISSUE, now, 0xe2);
    typed.frames[0].arguments = named(vec![
        ("a", text("<x: 0>", "os._exit")),
        ("b", text("id", "ipaddress.functools.os.system")),
    ]);
    writer.snapshot(&typed, ISSUE, now, 0xe3);
    writer.close();
    let page = |text: &str, what: &str| {
        let clean = |c: char| {
            c == '\n' || !c.is_control() && !"\u{202e}\u{2066}\u{200b}\u{feff}".contains(c)
        };
        assert!(text.chars().all(clean), "{what}: {text:?}");
    };
    for arguments in [
        &["find", "--all", "var(**) or not x"][..],
        &[
            "find",
            "--all",
            "frame ~ e or tag(*) or user(*) or cause ~ e or size(**) > 0",
        ],
        &["diff", "9be1c2d3"],
        &["diff", "9be1c2d3", "-a", "--depth", "9"],
        &["diff", "00000001", "00000003", "-a"],
        &["diff", "00000002", "000000ee", "-a"],
        &["deeper", "00000001"],
        &["deeper"],
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            stderr(&output)
        );
        page(&stdout(&output), &format!("{arguments:?}"));
        page(&stderr(&output), &format!("{arguments:?}"));
        let wide = |line: &&str| line.width() > 80;
        let text = stdout(&output);
        assert_eq!(text.lines().find(wide), None, "{arguments:?}");
        if arguments[0] != "deeper" {
            let json = run(dir.path(), &[arguments, &["--json"]].concat());
            serde_json::from_slice::<Value>(&json.stdout)
                .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        }
    }
    for at in (1..=names.len())
        .map(|at| format!("{at:08x}"))
        .chain(["000000ee".into()])
    {
        let output = run(dir.path(), &["repro", &at, "-o", "-"]);
        assert!([Some(0), Some(2)].contains(&output.status.code()), "{at}");
        page(&stdout(&output), &at);
        page(&stderr(&output), &at);
    }
    let test = output_of(
        dir.path(),
        &["repro", "000000ee", "-o", "-", "--frame", "Cart.total"],
    );
    assert!(!test.is_empty());
    let evil = output_of(dir.path(), &["repro", "000000ee", "-o", "-"]);
    let code: String = evil.rsplit("\"\"\"\n\n").next().expect("code").to_owned();
    let outside_of_text = code.split('"').step_by(2).collect::<String>();
    assert!(
        !outside_of_text.replace("\\", "").contains("evil"),
        "{evil}"
    );
    let popen = run(
        dir.path(),
        &["repro", "000000e1", "-o", "-", "--frame", "popen"],
    );
    assert_eq!(popen.status.code(), Some(2));
    assert!(
        stderr(&popen).contains("popen comes from no Python file"),
        "{}",
        stderr(&popen)
    );
    let popen = output_of(
        dir.path(),
        &["repro", "000000e2", "-o", "popen.py", "--frame", "popen"],
    );
    assert!(popen.contains("calls popen of /app/shop.py"), "{popen}");
    let typed = output_of(dir.path(), &["repro", "000000e3", "-o", "-"]);
    assert!(!typed.contains(")("), "{typed}");
    assert!(typed.contains("a=flag(\"os._exit\", 0)"), "{typed}");
    assert!(!typed.contains("os.system("), "{typed}");
}

#[test]
fn completions_and_pages_cover_every_command() {
    let dir = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let script = output_of(dir.path(), &["completions", shell]);
        assert!(script.contains("stillframe"), "{script}");
    }
    assert_eq!(
        run(dir.path(), &["completions", "sh"]).status.code(),
        Some(2)
    );
    let page = output_of(dir.path(), &["man"]);
    let commands = [
        "run",
        "export",
        "list",
        "show",
        "find",
        "diff",
        "repro",
        "deeper",
        "doctor",
        "stats",
        "demo",
        "prove",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(
            page.contains(&format!("stillframe\\-{command}(1)")),
            "{page}"
        );
        let own = output_of(dir.path(), &["man", command]);
        assert!(
            own.contains(&format!("stillframe\\-{command}"))
                || own.contains(&format!("stillframe-{command}")),
            "{own}"
        );
        let help = output_of(dir.path(), &[command, "--help"]);
        assert!(help.contains("Examples:"), "{help}");
        assert!(own.contains("EXAMPLES"), "{own}");
    }
    let folder = dir.path().join("man1");
    let installed = run(
        dir.path(),
        &["man", "--dir", folder.to_str().expect("UTF-8")],
    );
    assert_eq!(installed.status.code(), Some(0));
    for command in commands {
        assert!(
            folder.join(format!("stillframe-{command}.1")).exists(),
            "{command}"
        );
    }
    assert!(folder.join("stillframe.1").exists());
    assert_eq!(run(dir.path(), &["man", "nothing"]).status.code(), Some(2));
}
