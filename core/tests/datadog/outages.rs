//! What is delivered when the destination fails, through the whole engine: every frame of every snapshot arrives, once as far as the
//! protocol allows, and a person is told what is wrong in one line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stillframe_core::config::{Address, Config, Secret};
use stillframe_core::encode::Encoder;
use stillframe_core::engine::{Engine, Host, Submission};
use stillframe_core::snapshot::{Meta, SnapshotId};
use stillframe_core::stats::DestinationStats;
use stillframe_core::tape::Tape;

use crate::agent::{
    Agent, DIAGNOSTICS, INPUT, INTAKE, PATIENCE, Reply, listen, listen_tls, listen_unix, status,
};
use crate::requests::authority;
use crate::support::{build, cases};

/// A program that fails, and its store.
struct Program {
    engine: Engine,
    tape: Arc<[u8]>,
    /// Frames whose variables were read, by their index.
    frames: Vec<u32>,
    /// Ids of all frames that must arrive.
    ids: Vec<String>,
}

impl Program {
    fn new(store: &Path, url: &str) -> Self {
        let mut config = Config::default();
        config.datadog.agent_url = Some(Address::new(url));
        Self::with(store, config)
    }

    fn agentless(store: &Path, url: &str, ca_file: &Path) -> Self {
        let mut config = Config::default();
        config.upload.ca_file = Some(ca_file.to_owned());
        config.datadog.agentless = true;
        config.datadog.api_key = Some(Secret::new("0123456789abcdef"));
        config.datadog.url = Some(Address::new(url));
        Self::with(store, config)
    }

    fn with(store: &Path, mut config: Config) -> Self {
        config.service = Some("shop".into());
        config.dir = Some(store.to_owned());
        config.datadog.enabled = true;
        config.upload.timeout = Duration::from_secs(5);
        let case = cases::all().into_iter().find(|case| case.name == "chain");
        let tape = build::build(&case.expect("a case").spec);
        let read = Tape::parse(&tape).expect("a valid tape");
        let frames = Encoder::new().datadog_frames(&read, 100);
        assert_eq!(frames.len(), FRAMES);
        Self {
            engine: Engine::new(Arc::new(config), Host::default()),
            tape: tape.into(),
            frames,
            ids: Vec::new(),
        }
    }

    /// Fails `times`.
    fn fail(&mut self, times: usize) {
        for _ in 0..times {
            let timestamp_ns = stillframe_core::engine::now_ns();
            let meta = Meta {
                id: SnapshotId::generate(timestamp_ns),
                timestamp_ns,
                process: Arc::clone(self.engine.process()),
                ..Meta::default()
            };
            let frames = self.frames.iter();
            self.ids
                .extend(frames.map(|frame| meta.id.of_frame(*frame).to_string()));
            let submission = Submission {
                tape: Arc::clone(&self.tape),
                meta,
                site: None,
                deeper: false,
            };
            while self.engine.submit(submission.clone()).is_err() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn stats(&self) -> DestinationStats {
        let stats = self.engine.stats();
        stats
            .destinations
            .get("datadog")
            .cloned()
            .unwrap_or_default()
    }

    /// What a person was told of the destination.
    fn told(&self) -> Vec<String> {
        self.engine.notices()
    }

    fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < until,
                "{what}: {:?} {:?}",
                self.stats(),
                self.told()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a person was told something with this in it.
    fn wait_told(&self, part: &str) -> String {
        let found = || self.told().into_iter().find(|line| line.contains(part));
        self.wait(part, |_| found().is_some());
        found().expect("found")
    }
}

/// Frames of the program's error whose variables were read.
const FRAMES: usize = 3;

/// Waits until all of `ids` have arrived, and checks that nothing else did, and nothing twice.
fn arrived(agent: &Agent, ids: &[String]) {
    let expected: BTreeMap<String, usize> = ids.iter().map(|id| (id.clone(), 1)).collect();
    agent.wait("all arrive", |agent| agent.ids().len() >= expected.len());
    assert_eq!(agent.ids(), expected);
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn all_is_delivered() {
    let (store, agent) = (folder(), Agent::new(&[INPUT, DIAGNOSTICS]));
    let place = listen(&agent, 0);
    let mut program = Program::new(store.path(), &place.url);
    program.fail(3);
    assert!(program.engine.flush(PATIENCE));
    arrived(&agent, &program.ids);
    program.fail(200);
    assert!(program.engine.shutdown(PATIENCE), "{:?}", program.stats());
    arrived(&agent, &program.ids);
    let stats = program.stats();
    assert_eq!(
        (stats.sent, stats.waiting, stats.rejected, stats.dropped),
        (203 * FRAMES as u64, 0, 0, 0)
    );
    assert_eq!(program.told(), [""; 0]);
    let log = agent.log();
    assert_eq!(
        log.iter()
            .filter(|line| line.starts_with("GET /info"))
            .count(),
        1,
        "{log:?}"
    );
    assert_eq!(agent.connections(), 1);
    let upload = &agent.uploads()[0];
    assert!(
        upload.tags[0].starts_with("debugger_version:"),
        "{:?}",
        upload.tags
    );
}

#[test]
fn an_agent_that_is_down_and_comes_up() {
    let (store, agent) = (folder(), Agent::new(&[INPUT]));
    let place = listen(&agent, 0);
    let (url, port) = (place.url.clone(), place.port());
    drop(place);
    let mut program = Program::new(store.path(), &url);
    program.fail(5);
    let told = program.wait_told("what is to be sent waits");
    assert!(told.starts_with(&format!("datadog, {url}: ")), "{told}");
    assert!(told.contains("refused"), "{told}");
    program.fail(5);
    let place = listen(&agent, port);
    arrived(&agent, &program.ids);
    program.wait_told("works again after");
    assert_eq!(program.told().len(), 2, "{:?}", program.told());
    // It is replaced by one that has another endpoint only.
    drop(place);
    agent.lists(&[DIAGNOSTICS]);
    program.fail(1);
    let _place = listen(&agent, port);
    arrived(&agent, &program.ids);
    assert_eq!(agent.uploads().last().expect("uploads").path, DIAGNOSTICS);
}

#[test]
fn endpoints_that_are_not_there() {
    let (store, agent) = (folder(), Agent::new(&[INPUT, DIAGNOSTICS]));
    let place = listen(&agent, 0);
    agent.always(INPUT, Some(status(404)));
    let mut program = Program::new(store.path(), &place.url);
    for _ in 0..3 {
        program.fail(1);
        assert!(program.engine.flush(PATIENCE));
    }
    arrived(&agent, &program.ids);
    let log = agent.log();
    assert_eq!(
        log.iter().filter(|line| line.contains(INPUT)).count(),
        1,
        "{log:?}"
    );
    assert_eq!(program.told(), [""; 0], "nothing is wrong");
}

#[test]
fn answers_that_ask_for_patience() {
    let (store, agent) = (folder(), Agent::new(&[INPUT]));
    let place = listen(&agent, 0);
    let mut program = Program::new(store.path(), &place.url);
    for reply in [
        status(500),
        Reply::With(429, vec![("retry-after", "1".into())], Vec::new()),
        status(503),
        Reply::HangUp,
        Reply::Garbage,
    ] {
        agent.once(INPUT, reply);
        program.fail(1);
        arrived(&agent, &program.ids);
    }
    program.wait("all is counted", |program| program.stats().waiting == 0);
    let stats = program.stats();
    assert_eq!(
        (stats.sent, stats.rejected, stats.dropped),
        (5 * FRAMES as u64, 0, 0)
    );
    assert!(stats.retries >= 5);
}

#[test]
fn what_is_refused_is_counted_and_told_once() {
    let (store, agent) = (folder(), Agent::new(&[INPUT]));
    let place = listen(&agent, 0);
    let mut program = Program::new(store.path(), &place.url);
    for _ in 0..2 {
        agent.once(INPUT, Reply::With(400, Vec::new(), b"bad\nshape".to_vec()));
        program.fail(1);
        assert!(program.engine.flush(PATIENCE));
    }
    program.ids.clear();
    assert_eq!(program.stats().rejected, 2 * FRAMES as u64);
    let told = format!(
        "datadog, {}: it refuses snapshots: 400: bad shape",
        place.url
    );
    assert_eq!(program.told(), [told]);
    // Too large: halved until it fits.
    agent.once(INPUT, status(413));
    program.fail(1);
    assert!(program.engine.flush(PATIENCE));
    arrived(&agent, &program.ids);
    assert_eq!(program.stats().rejected, 2 * FRAMES as u64);
    // One that is too large alone is lost, not those beside it.
    for _ in 0..2 {
        agent.once(INPUT, status(413));
    }
    program.fail(1);
    program.wait("the others arrive", |program| {
        program.stats().rejected == 2 * FRAMES as u64 + 1 && program.stats().waiting == 0
    });
    assert_eq!(agent.ids().len(), 2 * FRAMES - 1);
    program.wait_told("a single snapshot is larger than it takes");
}

#[test]
fn what_is_no_agent_gets_nothing_and_the_next_process_delivers() {
    let (store, agent) = (folder(), Agent::new(&[]));
    let place = listen(&agent, 0);
    let mut ids = Vec::new();
    let html = Reply::With(200, Vec::new(), b"<html>It works!</html>".to_vec());
    for (reply, part) in [
        (None, "the Agent takes no snapshots: it lists neither"),
        (Some(html), "this is no Datadog Agent"),
        (Some(status(404)), "it has no /info (404)"),
    ] {
        agent.always("/info", reply);
        let mut program = Program::new(store.path(), &place.url);
        program.fail(1);
        let told = program.wait_told(part);
        assert!(
            told.starts_with(&format!("datadog, {}: th", place.url)),
            "{told}"
        );
        assert!(told.ends_with("; what is to be sent waits"), "{told}");
        assert!(program.engine.shutdown(PATIENCE), "it waits in files");
        assert_eq!(program.told().len(), 1, "{:?}", program.told());
        ids.append(&mut program.ids);
    }
    assert!(agent.uploads().is_empty());
    agent.always("/info", None);
    agent.lists(&[INPUT]);
    let mut program = Program::new(store.path(), &place.url);
    program.fail(1);
    ids.append(&mut program.ids);
    arrived(&agent, &ids);
    assert!(program.engine.shutdown(PATIENCE));
}

#[test]
fn a_wrong_key_loses_nothing() {
    let (store, intake) = (folder(), Agent::new(&[]));
    let (tls, ca_file) = authority(store.path());
    let place = listen_tls(&intake, tls);
    let dir = store.path().join("store");
    intake.always(
        INTAKE,
        Some(Reply::With(403, Vec::new(), b"Forbidden".to_vec())),
    );
    let mut program = Program::agentless(&dir, &place.url, &ca_file);
    program.fail(2);
    let told = program.wait_told(
        "Datadog refuses the API key (403: Forbidden): check datadog.api_key (DD_API_KEY)",
    );
    assert!(
        told.starts_with(&format!("datadog, {}/api/v2/debugger: ", place.url)),
        "{told}"
    );
    program.fail(2);
    assert!(
        program.engine.flush(PATIENCE),
        "what waits in files is safe"
    );
    assert!(program.engine.shutdown(PATIENCE));
    assert_eq!(program.told().len(), 1, "{:?}", program.told());
    assert!(!format!("{:?} {:?}", program.told(), program.stats()).contains("0123456789abcdef"));
    assert_eq!(
        intake.log().len(),
        1,
        "asked once, then not before a long pause"
    );
    let ids = std::mem::take(&mut program.ids);
    drop(program);
    intake.always(INTAKE, None);
    let mut program = Program::agentless(&dir, &place.url, &ca_file);
    program.fail(1);
    arrived(&intake, &[ids, program.ids.clone()].concat());
    assert!(program.engine.shutdown(PATIENCE));
}

#[test]
fn a_socket_that_appears_later() {
    let (store, agent) = (folder(), Agent::new(&[INPUT]));
    let path = store.path().join("apm.socket");
    let mut program = Program::new(
        &store.path().join("store"),
        &format!("unix://{}", path.display()),
    );
    program.fail(2);
    let told = program.wait_told("what is to be sent waits");
    assert!(told.contains("apm.socket"), "{told}");
    let _place = listen_unix(&agent, &path);
    arrived(&agent, &program.ids);
}

/// As a program that is started with the address, its store and a number in the environment.
const ROLE: &str = "STILLFRAME_TEST_DATADOG";

#[test]
fn killed_processes_lose_nothing_and_repeat_at_most_a_batch() {
    if let Ok(role) = std::env::var(ROLE) {
        let (url, store) = role.split_once(' ').expect("a role");
        let mut program = Program::new(Path::new(store), url);
        let mut out = std::io::stdout();
        loop {
            let before = program.ids.len();
            program.fail(1);
            assert!(program.engine.flush(PATIENCE));
            for id in &program.ids[before..] {
                writeln!(out, "id {id}").expect("written");
            }
        }
    }
    let (store, agent) = (folder(), Agent::new(&[INPUT]));
    let place = listen(&agent, 0);
    let mut flushed = Vec::new();
    for round in 0..4 {
        // Every other one meets an agent that is down, so all of its snapshots are left over.
        agent.always(INPUT, (round % 2 == 1).then(|| status(503)));
        let test = "outages::killed_processes_lose_nothing_and_repeat_at_most_a_batch";
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "--nocapture", "--test-threads=1", test])
            .env(ROLE, format!("{} {}", place.url, store.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let ids = out
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| Some(line.split_once("id ")?.1.to_owned()));
        flushed.extend(ids.take((10 + 2 * round) * FRAMES));
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    agent.always(INPUT, None);
    let mut program = Program::new(store.path(), &place.url);
    program.fail(1);
    flushed.append(&mut program.ids);
    agent.wait("what was flushed", |agent| {
        let ids = agent.ids();
        flushed.iter().all(|id| ids.contains_key(id))
    });
    assert!(program.engine.shutdown(PATIENCE));
    let twice = agent.ids().values().filter(|times| **times > 1).count();
    assert!(agent.ids().values().all(|times| *times <= 2));
    assert!(
        twice <= 4 * 100,
        "{twice}: at most a batch for each process that was killed"
    );
}
