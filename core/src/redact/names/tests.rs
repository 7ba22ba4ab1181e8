use super::*;

fn table(config: &RedactConfig) -> NameTable {
    let mut errors = Vec::new();
    let table = NameTable::new(config, false, &mut errors);
    assert!(errors.is_empty());
    table
}

fn word<'t>(table: &'t NameTable, name: &str) -> Option<&'t str> {
    table.find(name.as_bytes()).map(|f| table.word(f.word))
}

fn listing(names: &[&str], excluded: &[&str]) -> NameTable {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    table(&RedactConfig {
        names: own(names),
        excluded_names: own(excluded),
        ..RedactConfig::default()
    })
}

#[test]
fn the_longest_run_is_reported() {
    let t = listing(&[], &[]);
    assert_eq!(word(&t, "github_access_token"), Some("accesstoken"));
    assert_eq!(word(&t, "csrf_token"), Some("csrftoken"));
    assert_eq!(word(&t, "AWS_SECRET_ACCESS_KEY"), Some("secretaccesskey"));
    assert_eq!(word(&t, "dbpassword"), Some("password"));
    assert_eq!(word(&t, "apiKeys2"), Some("apikey"));
}

#[test]
fn a_name_without_words_never_matches() {
    let t = listing(&["", "  ", "_", "--"], &[]);
    for name in ["", "_", "__", "-", " ", ".", "$", "\u{200b}"] {
        assert_eq!(word(&t, name), None, "{name:?}");
    }
}

#[test]
fn an_exclusion_wins_over_everything_inside_it() {
    let t = listing(
        &["shoe_size", "token"],
        &["session", "csrf_token", "Shoe-Size"],
    );
    assert_eq!(word(&t, "session"), None);
    assert_eq!(word(&t, "db_sessions"), None);
    assert_eq!(word(&t, "shoe_size"), None);
    assert_eq!(word(&t, "my_csrf_token"), None);
    assert_eq!(word(&t, "my_token"), Some("token"));
    assert_eq!(
        word(&t, "user_session"),
        Some("usersession"),
        "excluded words do not reach wider ones"
    );
}

#[test]
fn what_the_user_lists_is_hidden_whatever_the_tail_and_the_value() {
    let t = listing(&["customer", "x"], &[]);
    let found = t.find(b"customer_name").unwrap();
    assert_eq!(t.word(found.word), "customer");
    assert!(found.hides.hides(ValueKind::Bool));
    assert_eq!(word(&t, "pos_x"), Some("x"));
    let found = t.find(b"token_customer").unwrap();
    assert_eq!(
        t.word(found.word),
        "customer",
        "the user's own rule is the stronger one"
    );
}

#[test]
fn null_booleans_and_numbers_of_tokens_are_shown() {
    let t = listing(&[], &[]);
    let hides = |name: &str, kind| t.find(name.as_bytes()).unwrap().hides.hides(kind);
    assert!(!hides("password", ValueKind::Bool));
    assert!(hides("password", ValueKind::Number));
    assert!(!hides("password", ValueKind::Null));
    assert!(!hides("prompt_tokens", ValueKind::Number));
    assert!(!hides("tokens", ValueKind::Number));
    assert!(hides("tokens", ValueKind::Other));
    assert!(hides("token", ValueKind::Number));
}

#[test]
fn long_names_fail_closed() {
    let t = listing(&[], &[]);
    let pad = "x".repeat(600);
    assert_eq!(word(&t, &format!("user_password_{pad}")), Some("password"));
    assert_eq!(word(&t, &format!("{pad}_password")), Some("password"));
    assert_eq!(word(&t, &pad), Some(TOO_LONG));
    assert_eq!(word(&t, &"x".repeat(512)), None);
    assert_eq!(word(&t, &"x".repeat(513)), Some(TOO_LONG));
}

#[test]
fn the_datadog_profile_matches_exactly() {
    let names = vec!["Shoe Size".to_owned(), "ÄRGER".to_owned()];
    let t = table(&RedactConfig {
        profile: Profile::Datadog,
        names,
        ..RedactConfig::default()
    });
    assert_eq!(word(&t, "X-Api-Key"), Some("xapikey"));
    assert_eq!(word(&t, "connect.sid"), Some("connectsid"));
    assert_eq!(word(&t, "$pass_word@"), Some("password"));
    assert_eq!(word(&t, "ärger"), Some("ärger"));
    assert_eq!(word(&t, "shoe size"), Some("shoe size"));
    for name in [
        "user_password",
        "passwords",
        "password1",
        "pass word",
        "passphrase",
        "_",
        "ｐassword",
    ] {
        assert_eq!(word(&t, name), None, "{name}");
    }
    assert_eq!(word(&t, &"password".repeat(100)), None);
    assert!(t.find(b"password").unwrap().hides.hides(ValueKind::Bool));
}

#[test]
fn phrases_match_at_their_end_only() {
    let t = listing(&[], &[]);
    let found = |p: &str| t.find_at_end(p.as_bytes()).is_some();
    assert!(found("your API key"));
    assert!(found("Secret access key"));
    assert!(!found("bad token value"));
    assert!(!found("session type"));
}

#[test]
fn every_word_of_the_table_is_found_under_its_own_name() {
    let t = listing(&[], &[]);
    for w in list::DATADOG
        .iter()
        .chain(&list::SENTRY)
        .chain(list::FURTHER)
    {
        assert_eq!(word(&t, w), Some(*w));
        assert_eq!(word(&t, &w.to_uppercase()), Some(*w));
    }
    let mut sorted = list::BENIGN_TAILS.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, list::BENIGN_TAILS);
}

#[test]
fn a_name_too_many_is_reported() {
    let names = (0..MAX_USER_NAMES + 1)
        .map(|i| format!("field{i}x"))
        .collect();
    let mut errors = Vec::new();
    let config = RedactConfig {
        names,
        ..RedactConfig::default()
    };
    let t = NameTable::new(&config, false, &mut errors);
    assert_eq!(errors.len(), 1);
    assert_eq!(
        word(&t, "password"),
        Some("password"),
        "the built-in words always stand"
    );
}
