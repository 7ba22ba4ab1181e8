//! `deeper` as people use it: requests in the store, and what is refused.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{ISSUE, SECOND, json, now_ns, output_of, run, stderr, store};
use serde_json::Value;

#[test]
fn deeper_leaves_a_request_that_only_its_owner_reads() {
    let dir = store();
    let text = output_of(dir.path(), &["deeper", "4444", "--times", "3"]);
    assert!(
        text.starts_with("The next KeyError: 'EUR' in shop/pricing.py convert"),
        "{text}"
    );
    assert!(
        text.replace("\n  ", " ").contains("raised 3 times")
            && text.contains("stillframe deeper 9be1c2d3 --cancel"),
        "{text}"
    );
    let folder = dir.path().join("deeper");
    let file = folder.join(format!("{ISSUE:032x}"));
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    assert_eq!(
        std::fs::read_dir(&folder).expect("a folder").count(),
        1,
        "nothing else is left"
    );
    let request: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("is there")).expect("JSON");
    assert_eq!(
        (&request["format"], &request["steps"], &request["type"]),
        (&1.into(), &3.into(), &"KeyError".into())
    );
    assert!(now_ns() - request["requested"].as_u64().expect("a time") < 60 * SECOND);
    let frames = request["frames"].as_array().expect("frames");
    assert!((1..=3).contains(&frames.len()));
    assert_eq!(frames[0]["function"], "Pricing.convert");
    assert_eq!(frames[0]["module"], "shop.pricing");
    assert!(
        frames[0]["file"]
            .as_str()
            .expect("a file")
            .ends_with("shop/pricing.py")
    );

    // Ahead, as the command may come to it late.
    let mut ahead = request.clone();
    ahead["requested"] = (now_ns() + 30 * SECOND).into();
    std::fs::write(&file, ahead.to_string()).expect("is written");
    let list = output_of(dir.path(), &["deeper"]);
    assert!(
        list.starts_with("9be1c2d3  just now") && list.contains("1 request waits"),
        "{list}"
    );
    assert_eq!(
        json(dir.path(), &["deeper", "--json"])["requests"][0]["steps"],
        3
    );
    let shown = run(dir.path(), &["show", "4444"]);
    assert!(
        stderr(&shown).contains("kept with raised limits"),
        "{}",
        stderr(&shown)
    );

    let again = output_of(dir.path(), &["deeper", "9be1"]);
    assert!(again.contains("raised limits"), "{again}");
    assert_eq!(
        json(dir.path(), &["deeper", "--json"])["requests"][0]["steps"],
        1
    );
    assert!(output_of(dir.path(), &["deeper", "9be1", "--cancel"]).starts_with("Cancelled: "));
    assert!(!file.exists());
    assert!(
        output_of(dir.path(), &["deeper", "9be1", "--cancel"]).starts_with("Nothing was asked for")
    );
    assert!(output_of(dir.path(), &["deeper"]).starts_with("no request waits"));
}

#[test]
fn a_request_that_has_expired_is_promised_to_nobody() {
    let dir = store();
    output_of(dir.path(), &["deeper", "9be1"]);
    let file = dir.path().join(format!("deeper/{ISSUE:032x}"));
    let mut request: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("is there")).expect("JSON");
    request["requested"] = (now_ns() - 25 * 3600 * SECOND).into();
    std::fs::write(&file, request.to_string()).expect("is written");
    let shown = run(dir.path(), &["show", "4444"]);
    assert_eq!(stderr(&shown), "");
    std::fs::write(&file, "not a request").expect("is written");
    let shown = run(dir.path(), &["show", "4444"]);
    assert_eq!(stderr(&shown), "");
}

#[test]
fn deeper_refuses_what_it_cannot_do() {
    let dir = store();
    for (arguments, said) in [
        (
            &["deeper", "ffff"][..],
            "no snapshot and no issue begins with",
        ),
        (&["deeper", "shop"], "is no id"),
        (&["deeper", "9be1", "--times", "8"], "8"),
        (&["deeper", "--times", "2"], "required"),
        (&["deeper", "--cancel"], "required"),
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    // Somebody else's file in the place of the folder, and files that are no requests.
    std::fs::write(dir.path().join("deeper"), "x").expect("is written");
    let output = run(dir.path(), &["deeper", "9be1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("is no folder"),
        "{}",
        stderr(&output)
    );
    std::fs::remove_file(dir.path().join("deeper")).expect("is removed");
    let folder = dir.path().join("deeper");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        ("readme", "{}".to_owned()),
        ("0123456789abcdef0123456789abcdef", "not JSON".to_owned()),
        ("1123456789abcdef0123456789abcdef", "[1]".to_owned()),
        ("2123456789abcdef0123456789abcdef", " ".repeat(1 << 20)),
        (
            "3123456789abcdef0123456789abcdef",
            r#"{"type": "\u001b[2JEvil", "format": 1, "steps": 2, "requested": 1, "frames": []}"#
                .to_owned(),
        ),
    ] {
        std::fs::write(folder.join(name), text).expect("is written");
    }
    let list = output_of(dir.path(), &["deeper"]);
    assert!(
        list.starts_with("31234567") && list.contains("\\x1b[2JEvil") && !list.contains('\x1b'),
        "{list}"
    );
    assert!(
        list.contains("expired") && list.contains("0 requests wait"),
        "{list}"
    );
}
