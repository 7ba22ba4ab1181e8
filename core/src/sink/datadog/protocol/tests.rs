//! Conversations with destinations, answer by answer.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proptest::prelude::*;

use super::*;

const BOTH: &str = r#"{"endpoints": ["/debugger/v2/input", "/debugger/v1/diagnostics"]}"#;
const INPUT: &str = r#"{"endpoints": ["/debugger/v2/input"]}"#;
const DIAGNOSTICS: &str = r#"{"endpoints": ["/debugger/v1/diagnostics"]}"#;
const NEITHER: &str = r#"{"endpoints": ["/v0.4/traces"]}"#;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: None,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// Answers to what is asked before a request, in their order.
#[derive(Default)]
struct Asked {
    answers: RefCell<Vec<Result<Answer, HttpError>>>,
    requests: RefCell<Vec<Request>>,
}

impl Asked {
    fn says(&self, status: u16, body: &str) {
        self.answers.borrow_mut().push(Ok(answer(status, body)));
    }

    fn paths(&self) -> Vec<String> {
        let requests = self.requests.take();
        requests.into_iter().map(|one| one.path).collect()
    }
}

impl Http for Asked {
    fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        self.requests.borrow_mut().push(request.clone());
        assert!(
            !self.answers.borrow().is_empty(),
            "{request:?} was not expected"
        );
        self.answers.borrow_mut().remove(0)
    }
}

struct Conversation {
    protocol: DatadogProtocol,
    http: Asked,
    seconds: Arc<AtomicU64>,
}

const ROUTE: &str = "ddtags=env:prod entity=ci-4711 external=it-false";

impl Conversation {
    fn new(target: Target) -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let clock = Box::new(move || Duration::from_secs(clock.load(Relaxed)));
        Self {
            protocol: DatadogProtocol::with(target, Duration::from_secs(10), clock),
            http: Asked::default(),
            seconds,
        }
    }

    fn agent() -> Self {
        Self::new(Target::Agent {
            url: "http://user:secret@agent:8126".into(),
        })
    }

    fn agentless() -> Self {
        Self::new(Target::Intake {
            url: "https://debugger-intake.datadoghq.eu".into(),
            path: "/api/v2/debugger".into(),
            key: "deadbeef".into(),
        })
    }

    fn request(&mut self) -> Result<Request, Trouble> {
        let batch = Batch {
            route: ROUTE,
            items: &[br#"{"a":1}"#, br#"{"b":2}"#],
        };
        self.protocol.request(&batch, &self.http)
    }

    /// The path that the next request goes to, without its query.
    fn path(&mut self) -> String {
        let request = self.request().expect("a request");
        request.path.split('?').next().expect("a path").to_owned()
    }

    fn unsupported(&mut self) -> String {
        match self.request() {
            Err(Trouble::Unsupported(why)) => {
                assert!(
                    !why.contains("secret") && !why.contains("deadbeef"),
                    "{why}"
                );
                why
            }
            other => panic!("{other:?}"),
        }
    }

    fn judge(&mut self, status: u16) -> Verdict {
        self.protocol.judge(&answer(status, ""))
    }
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut headers = request.headers.iter();
    headers
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn a_request_to_an_agent() {
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    let request = agent.request().expect("a request");
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url, "http://user:secret@agent:8126");
    assert_eq!(request.path, "/debugger/v2/input?ddtags=env:prod");
    assert_eq!(request.body, br#"[{"a":1},{"b":2}]"#);
    assert_eq!(request.timeout, Duration::from_secs(10));
    for (name, value) in [
        ("content-type", "application/json"),
        (
            "user-agent",
            concat!("stillframe/", env!("CARGO_PKG_VERSION")),
        ),
        ("datadog-container-id", "4711"),
        ("datadog-entity-id", "ci-4711"),
        ("datadog-external-env", "it-false"),
    ] {
        assert_eq!(header(&request, name), Some(value));
    }
    assert_eq!(header(&request, "dd-request-id").map(str::len), Some(36));
    assert_eq!(request.headers.len(), 6);
    let asked = agent.http.requests.take();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].method, asked[0].path.as_str()),
        (Method::Get, "/info")
    );
    assert!(asked[0].timeout <= ASK_TIMEOUT);
}

#[test]
fn a_request_to_the_intake() {
    let mut intake = Conversation::agentless();
    let request = intake.request().expect("a request");
    assert_eq!(request.url, "https://debugger-intake.datadoghq.eu");
    assert_eq!(request.path, "/api/v2/debugger?ddtags=env:prod");
    assert_eq!(header(&request, "dd-api-key"), Some("deadbeef"));
    assert_eq!(header(&request, "dd-evp-origin"), Some("agent-debugger"));
    assert_eq!(
        request.headers.len(),
        5,
        "nothing of the container: only an Agent knows its tags"
    );
    assert_eq!(intake.judge(202), Verdict::Delivered);
    assert!(intake.http.paths().is_empty());
    assert!(!format!("{request:?} {:?}", intake.protocol).contains("deadbeef"));
}

#[test]
fn the_agent_is_asked_once_and_now_and_then() {
    let mut agent = Conversation::agent();
    agent.http.says(200, DIAGNOSTICS);
    for _ in 0..10 {
        assert_eq!(agent.path(), "/debugger/v1/diagnostics");
        assert_eq!(agent.judge(202), Verdict::Delivered);
    }
    assert_eq!(agent.http.paths(), ["/info"]);
    agent.seconds.store(ASK_AGAIN.as_secs() - 1, Relaxed);
    assert_eq!(agent.path(), "/debugger/v1/diagnostics");
    assert_eq!(agent.judge(202), Verdict::Delivered);
    assert!(agent.http.paths().is_empty());
    agent.seconds.store(ASK_AGAIN.as_secs(), Relaxed);
    agent.http.says(200, BOTH);
    assert_eq!(agent.path(), "/debugger/v2/input");
}

#[test]
fn without_an_answer_and_after_5xx_the_agent_is_asked_again() {
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    assert_eq!(agent.path(), "/debugger/v2/input");
    // No answer: nothing is judged. Another agent is there then.
    agent.http.says(200, DIAGNOSTICS);
    assert_eq!(agent.path(), "/debugger/v1/diagnostics");
    assert_eq!(agent.judge(500), Verdict::Retry { after: None });
    agent.http.says(200, INPUT);
    assert_eq!(agent.path(), "/debugger/v2/input");
    assert_eq!(agent.judge(200), Verdict::Delivered);
    assert_eq!(agent.path(), "/debugger/v2/input");
}

#[test]
fn where_404_is_answered_the_other_endpoint_is_taken_until_the_agent_is_asked_again() {
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    assert_eq!(agent.path(), "/debugger/v2/input");
    assert_eq!(agent.judge(404), Verdict::Elsewhere);
    for _ in 0..3 {
        assert_eq!(agent.path(), "/debugger/v1/diagnostics");
        assert_eq!(agent.judge(200), Verdict::Delivered);
    }
    agent.seconds.store(ASK_AGAIN.as_secs(), Relaxed);
    agent.http.says(200, BOTH);
    assert_eq!(agent.path(), "/debugger/v2/input");
    assert_eq!(agent.judge(405), Verdict::Elsewhere);
    assert_eq!(agent.path(), "/debugger/v1/diagnostics");
    assert_eq!(agent.judge(404), Verdict::Elsewhere);
    agent.http.says(200, BOTH);
    assert_eq!(
        agent.unsupported(),
        "the Agent takes no snapshots: it lists /debugger/v2/input, but answers 404 there"
    );
    agent.http.says(200, BOTH);
    assert_eq!(agent.path(), "/debugger/v2/input", "tried again, some time");
}

#[test]
fn an_agent_that_was_replaced_is_asked_before_anything_is_said() {
    let mut agent = Conversation::agent();
    agent.http.says(200, INPUT);
    assert_eq!(agent.path(), "/debugger/v2/input");
    assert_eq!(agent.judge(200), Verdict::Delivered);
    assert_eq!(agent.path(), "/debugger/v2/input");
    assert_eq!(agent.judge(404), Verdict::Elsewhere);
    agent.http.says(200, DIAGNOSTICS);
    assert_eq!(agent.path(), "/debugger/v1/diagnostics");
    assert_eq!(agent.judge(200), Verdict::Delivered);
}

#[test]
fn what_is_no_agent_that_takes_snapshots_says_what_to_do() {
    for (status, body, part) in [
        (
            200,
            NEITHER,
            "lists neither /debugger/v2/input nor /debugger/v1/diagnostics; update it to 7.49 or later",
        ),
        (
            200,
            "<html>Welcome to nginx!</html>",
            "it does not answer GET /info as one does",
        ),
        (200, "", "this is no Datadog Agent"),
        (
            404,
            "404 page not found",
            "it has no /info (404); 7.49 or later is needed",
        ),
        (
            301,
            "",
            "answers GET /info with 301; check datadog.agent_url (DD_TRACE_AGENT_URL)",
        ),
        (403, "", "answers GET /info with 403"),
    ] {
        let mut agent = Conversation::agent();
        agent.http.says(status, body);
        let why = agent.unsupported();
        assert!(why.contains(part), "{why}");
        agent.http.says(200, BOTH);
        assert_eq!(
            agent.path(),
            "/debugger/v2/input",
            "the next time it is asked anew"
        );
    }
}

#[test]
fn an_agent_that_cannot_say_yet_is_retried() {
    let mut agent = Conversation::agent();
    agent.http.says(503, "starting");
    match agent.request() {
        Err(Trouble::Http(error)) => {
            assert_eq!(error.why, "the Agent answers GET /info with 503");
        }
        other => panic!("{other:?}"),
    }
    let down = HttpError {
        kind: HttpErrorKind::Connect,
        why: "connection refused".into(),
    };
    agent.http.answers.borrow_mut().push(Err(down.clone()));
    assert_eq!(agent.request(), Err(Trouble::Http(down)));
}

#[test]
fn a_wrong_key_is_told_and_nothing_is_lost() {
    let mut intake = Conversation::agentless();
    for status in [401, 403] {
        intake.request().expect("a request");
        let verdict = intake
            .protocol
            .judge(&answer(status, "{\"errors\": [\"no key\n deadbeef\"]}"));
        let why = format!(
            "Datadog refuses the API key ({status}: {{\"errors\": [\"no key ...\"]}}): check datadog.api_key (DD_API_KEY), \
             and that it belongs to this site (DD_SITE)"
        );
        assert_eq!(verdict, Verdict::Wrong { why });
    }
    intake.request().expect("tried again, some time");
    assert_eq!(intake.judge(202), Verdict::Delivered);
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    agent.path();
    let why = "the Agent is not allowed to deliver (403): check its own API key and site";
    assert_eq!(agent.judge(403), Verdict::Wrong { why: why.into() });
}

#[test]
fn keys_that_are_repeated_are_not_told() {
    let target = Target::Intake {
        url: "https://reader:p%40ss@relay.example".into(),
        path: "/in".into(),
        key: "deadbeef".into(),
    };
    let mut protocol = DatadogProtocol::new(target, Duration::from_secs(1));
    let Verdict::Refused { why } =
        protocol.judge(&answer(400, "deadbeef of reader with p@ss or p%40ss"))
    else {
        panic!("a refusal");
    };
    assert_eq!(why, "400: ... of ... with ... or ...");
}

#[test]
fn wrong_addresses_are_told_and_nothing_is_lost() {
    let mut intake = Conversation::agentless();
    intake.path();
    let why = "there is no intake here (404): check datadog.site (DD_SITE) or datadog.url";
    assert_eq!(intake.judge(404), Verdict::Wrong { why: why.into() });
    for status in [302, 407] {
        intake.path();
        let Verdict::Wrong { why } = intake.judge(status) else {
            panic!("{status}");
        };
        assert!(why.contains("is something else here?"), "{why}");
    }
}

#[test]
fn a_web_page_takes_nothing_and_nothing_is_lost() {
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    for status in [200, 400] {
        agent.path();
        let mut page = answer(status, "<html>Welcome!</html>");
        page.headers
            .push(("content-type".into(), "text/html; charset=utf-8".into()));
        let why = format!(
            "it does not answer as Datadog does ({status}: a web page): is something else here?"
        );
        assert_eq!(agent.protocol.judge(&page), Verdict::Wrong { why });
        agent.http.says(200, BOTH);
    }
}

#[test]
fn what_becomes_of_a_batch() {
    let mut agent = Conversation::agent();
    agent.http.says(200, BOTH);
    agent.path();
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let after = Some(Duration::from_secs(7));
        let busy = Answer {
            retry_after: after,
            ..answer(status, "")
        };
        assert_eq!(agent.protocol.judge(&busy), Verdict::Retry { after });
    }
    assert_eq!(agent.judge(413), Verdict::Split);
    let long = format!("bad\u{7}\r\n  shape {}", "x".repeat(1000));
    let Verdict::Refused { why } = agent.protocol.judge(&answer(400, &long)) else {
        panic!("a refusal");
    };
    assert!(
        why.starts_with("400: bad shape xxx") && why.ends_with("x…"),
        "{why}"
    );
    assert_eq!(why.chars().count(), "400: ".len() + said::MOST + 1);
    assert_eq!(agent.judge(422), Verdict::Refused { why: "422".into() });
}

#[test]
fn a_whole_batch_fits_into_a_request() {
    let bounds = Conversation::agent().protocol.bounds();
    assert_eq!(bounds.items, 100);
    let item = vec![b' '; bounds.bytes / bounds.items];
    let items = vec![item.as_slice(); bounds.items];
    let mut intake = Conversation::agentless();
    let batch = Batch {
        route: "",
        items: &items,
    };
    let request = intake
        .protocol
        .request(&batch, &intake.http)
        .expect("a request");
    assert!(request.body.len() <= 5 << 20);
    assert!(request.body.len() > (5 << 20) - 300);
}

proptest! {
    /// Whatever a destination says: each request goes where snapshots are taken, at most one question goes before it, only what is refused
    /// is lost, and nothing that a person reads has a key in it.
    #[test]
    fn any_conversation(
        agentless in any::<bool>(),
        answers in prop::collection::vec((100u16..600, ".{0,40}", 0u64..400), 1..30),
        infos in prop::collection::vec((200u16..206, prop_oneof![
            Just(BOTH.to_owned()), Just(INPUT.to_owned()), Just(DIAGNOSTICS.to_owned()), Just(NEITHER.to_owned()), ".{0,60}",
        ]), 30),
    ) {
        let mut talk = if agentless { Conversation::agentless() } else { Conversation::agent() };
        let mut infos = infos.into_iter();
        for (status, body, seconds) in answers {
            talk.seconds.fetch_add(seconds, Relaxed);
            if talk.http.answers.borrow().is_empty() {
                let (status, body) = infos.next().expect("enough");
                talk.http.says(status, &body);
            }
            match talk.request() {
                Ok(request) => {
                    let known = ["/debugger/v2/input?", "/debugger/v1/diagnostics?", "/api/v2/debugger?"];
                    let path = known.iter().position(|path| request.path.starts_with(path)).expect("known");
                    prop_assert_eq!(path == 2, agentless);
                    let keys = request.headers.iter().filter(|(name, _)| *name == "dd-api-key");
                    prop_assert_eq!(keys.count() == 1, agentless);
                }
                Err(Trouble::Unsupported(why)) => prop_assert!(!agentless || !why.contains("deadbeef")),
                Err(Trouble::Http(error)) => prop_assert_eq!(error.kind, HttpErrorKind::Broken),
            }
            prop_assert!(talk.http.paths().len() <= 1);
            // Sometimes there is no answer.
            if status % 7 > 0 {
                let said = format!("deadbeef {body}");
                match talk.protocol.judge(&answer(status, &said)) {
                    Verdict::Delivered => prop_assert!((200..300).contains(&status)),
                    Verdict::Refused { why } => {
                        prop_assert!((400..500).contains(&status));
                        prop_assert!(!agentless || !why.contains("deadbeef"));
                    }
                    Verdict::Split => prop_assert_eq!(status, 413),
                    Verdict::Partly { .. } => prop_assert!(false, "the whole is taken or not"),
                    Verdict::Wrong { why } => prop_assert!(!agentless || !why.contains("deadbeef")),
                    Verdict::Retry { .. } | Verdict::Elsewhere => {}
                }
            }
        }
    }
}
