//! Requests through the real client: an Agent at a port and at a socket, and an intake behind TLS.

use std::sync::Arc;

use stillframe_core::config::{Address, Config, Secret};
use stillframe_core::sink::destinations;
use stillframe_core::sink::http::{Client, Http, HttpErrorKind};
use stillframe_core::sink::wire::{Batch, Trouble, Verdict};

use crate::agent::{
    Agent, DIAGNOSTICS, INPUT, INTAKE, Reply, listen, listen_tls, listen_unix, status,
};

const ITEM: &[u8] = br#"{"service":"shop","debugger":{"snapshot":{"id":"1"}}}"#;

/// What a sender does with one batch, without its patience: the verdicts, and the trouble that it ends with.
fn deliver(config: &Config) -> (Vec<Verdict>, Option<Trouble>) {
    let (mut destinations, problems) = destinations(config);
    assert_eq!(problems, [""; 0]);
    let destination = destinations.pop().expect("a destination");
    let mut protocol = destination.protocol;
    let client = Client::new(&config.upload);
    let batch = Batch {
        route: "ddtags=env:prod%20eu,host:web-1 entity=ci-4711",
        items: &[ITEM, ITEM],
    };
    let mut verdicts = Vec::new();
    for _ in 0..5 {
        let request = match protocol.request(&batch, &client) {
            Ok(request) => request,
            Err(trouble) => return (verdicts, Some(trouble)),
        };
        match client.send(&request) {
            Ok(answer) => verdicts.push(protocol.judge(&answer)),
            Err(error) => return (verdicts, Some(Trouble::Http(error))),
        }
        if matches!(
            verdicts.last(),
            Some(
                Verdict::Delivered
                    | Verdict::Refused { .. }
                    | Verdict::Wrong { .. }
                    | Verdict::Split
            )
        ) {
            return (verdicts, None);
        }
    }
    panic!("no end of {verdicts:?}");
}

fn at(url: &str) -> Config {
    let mut config = Config::default();
    config.datadog.enabled = true;
    config.datadog.agent_url = Some(Address::new(url));
    config
}

fn agentless(url: &str) -> Config {
    let mut config = at("http://agent.invalid");
    config.datadog.agentless = true;
    config.datadog.api_key = Some(Secret::new("0123456789abcdef0123456789abcdef"));
    config.datadog.url = Some(Address::new(url));
    config
}

fn delivered(result: (Vec<Verdict>, Option<Trouble>)) {
    assert_eq!(result, (vec![Verdict::Delivered], None));
}

#[test]
fn an_agent_at_a_port() {
    let agent = Agent::new(&[INPUT, DIAGNOSTICS]);
    let place = listen(&agent, 0);
    delivered(deliver(&at(&place.url)));
    assert_eq!(
        agent.log(),
        ["GET /info 200", "POST /debugger/v2/input 202"]
    );
    let upload = &agent.uploads()[0];
    assert_eq!(upload.path, INPUT);
    assert_eq!(upload.tags, ["env:prod eu", "host:web-1"]);
    assert_eq!(upload.items.len(), 2);
    assert_eq!(upload.headers["content-type"], "application/json");
    assert_eq!(upload.headers["datadog-container-id"], "4711");
    assert!(upload.headers["user-agent"].starts_with("stillframe/"));
    assert!(!upload.headers.contains_key("dd-api-key"));
    assert_eq!(agent.connections(), 1, "kept alive");
}

#[test]
fn an_agent_at_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let agent = Agent::new(&[DIAGNOSTICS]);
    let path = folder.path().join("apm.socket");
    let place = listen_unix(&agent, &path);
    delivered(deliver(&at(&place.url)));
    assert_eq!(
        agent.log(),
        ["GET /info 200", "POST /debugger/v1/diagnostics 202"]
    );
    drop(place);
    std::fs::remove_file(&path).expect("there");
    match deliver(&at(&format!("unix://{}", path.display()))) {
        (verdicts, Some(Trouble::Http(error))) => {
            assert_eq!(
                (verdicts.len(), error.kind),
                (0, HttpErrorKind::Connect),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_agent_that_lists_what_it_does_not_have() {
    let agent = Agent::new(&[INPUT, DIAGNOSTICS]);
    let place = listen(&agent, 0);
    agent.once(INPUT, status(404));
    assert_eq!(
        deliver(&at(&place.url)),
        (vec![Verdict::Elsewhere, Verdict::Delivered], None)
    );
    assert_eq!(agent.uploads()[0].path, DIAGNOSTICS);
    agent.always(INPUT, Some(status(404)));
    agent.always(DIAGNOSTICS, Some(status(404)));
    let (verdicts, trouble) = deliver(&at(&place.url));
    assert_eq!(verdicts, [Verdict::Elsewhere, Verdict::Elsewhere]);
    assert!(
        matches!(trouble, Some(Trouble::Unsupported(why)) if why.contains("answers 404 there"))
    );
}

#[test]
fn what_is_mistaken_for_an_agent() {
    let other = Agent::new(&[]);
    let place = listen(&other, 0);
    let html = Reply::With(
        200,
        vec![("content-type", "text/html".into())],
        b"<html>It works!</html>".to_vec(),
    );
    for (reply, part) in [
        (html, "this is no Datadog Agent"),
        (status(404), "too old"),
        (status(302), "answers GET /info with 302"),
    ] {
        other.always("/info", Some(reply));
        let (verdicts, trouble) = deliver(&at(&place.url));
        assert_eq!(verdicts, []);
        assert!(
            matches!(&trouble, Some(Trouble::Unsupported(why)) if why.contains(part)),
            "{trouble:?}"
        );
    }
    for reply in [Reply::Garbage, Reply::HangUp, status(500)] {
        other.always("/info", Some(reply));
        let (_, trouble) = deliver(&at(&place.url));
        assert!(
            matches!(
                &trouble,
                Some(Trouble::Http(error))
                    if matches!(error.kind, HttpErrorKind::Broken | HttpErrorKind::Closed)
            ),
            "{trouble:?}"
        );
    }
    assert_eq!(other.uploads().len(), 0, "nothing was given away");
}

/// A configuration of TLS for `localhost`, and its authority as a file.
pub(crate) fn authority(
    folder: &std::path::Path,
) -> (Arc<rustls::ServerConfig>, std::path::PathBuf) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = folder.join("ca.pem");
    std::fs::write(&file, own.cert.pem()).expect("writes");
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a configuration");
    (Arc::new(config), file)
}

#[test]
fn an_intake_behind_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tls, ca_file) = authority(folder.path());
    let intake = Agent::new(&[]);
    let place = listen_tls(&intake, tls);
    let mut config = agentless(&place.url);
    let (verdicts, trouble) = deliver(&config);
    assert_eq!(verdicts, []);
    assert!(
        matches!(&trouble, Some(Trouble::Http(error)) if error.kind == HttpErrorKind::Tls),
        "{trouble:?}"
    );
    assert_eq!(intake.uploads().len(), 0, "nobody knows who that was");

    config.upload.ca_file = Some(ca_file);
    delivered(deliver(&config));
    assert_eq!(intake.log(), ["POST /api/v2/debugger 202"]);
    let upload = &intake.uploads()[0];
    assert_eq!(
        upload.headers["dd-api-key"],
        "0123456789abcdef0123456789abcdef"
    );
    assert_eq!(upload.headers["dd-evp-origin"], "agent-debugger");
    assert!(
        !upload
            .headers
            .keys()
            .any(|name| name.starts_with("datadog-"))
    );

    intake.always(
        INTAKE,
        Some(Reply::With(
            403,
            Vec::new(),
            br#"{"errors":["Forbidden"]}"#.to_vec(),
        )),
    );
    let (verdicts, trouble) = deliver(&config);
    let ([Verdict::Wrong { why }], None) = (verdicts.as_slice(), &trouble) else {
        panic!("{verdicts:?} {trouble:?}");
    };
    assert!(
        why.starts_with(
            "Datadog refuses the API key (403: {\"errors\":[\"Forbidden\"]}): check datadog.api_key"
        ),
        "{why}"
    );
    // A redirect is not followed: the key must not go elsewhere.
    let elsewhere = Reply::With(
        307,
        vec![("location", "https://localhost:1/".into())],
        Vec::new(),
    );
    intake.always(INTAKE, Some(elsewhere));
    let (verdicts, trouble) = deliver(&config);
    assert!(
        matches!(verdicts.as_slice(), [Verdict::Wrong { why }] if why.contains("(307)")),
        "{verdicts:?} {trouble:?}"
    );
}
