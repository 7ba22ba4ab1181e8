//! The HTTP client: connections, times, and answers that are none.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use stillframe_core::config::UploadConfig;
use stillframe_core::sink::http::{
    Answer, Client, Http, HttpError, HttpErrorKind, Method, Request,
};

use crate::server::{OK, Reply, Server};

pub fn post(url: &str, path: &str) -> Request {
    Request {
        method: Method::Post,
        url: url.to_owned(),
        path: path.to_owned(),
        headers: vec![("x-key".into(), "k".to_owned())],
        body: b"hello".to_vec(),
        timeout: Duration::from_secs(5),
    }
}

pub fn send(client: &Client, url: &str) -> Result<Answer, HttpError> {
    client.send(&post(url, "/in"))
}

pub fn fails(client: &Client, url: &str) -> HttpError {
    send(client, url).expect_err("a failure")
}

fn plain() -> Client {
    Client::new(&UploadConfig::default())
}

#[test]
fn one_connection_carries_many_requests() {
    let server = Server::new(|_, _| Reply::Status(202, &[("X-Word", "y")], "taken"));
    let client = plain();
    for _ in 0..5 {
        let answer = send(&client, &server.url).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (202, &b"taken"[..])
        );
        assert!(
            answer
                .headers
                .contains(&("x-word".to_owned(), "y".to_owned()))
        );
    }
    let get = Request {
        method: Method::Get,
        body: Vec::new(),
        ..post(&server.url, "/info?a=b")
    };
    assert_eq!(client.send(&get).unwrap().status, 202);
    assert_eq!(server.connections(), 1);
    let received = server.received();
    assert_eq!(
        (received[0].line.as_str(), received[0].body.as_slice()),
        ("POST /in", &b"hello"[..])
    );
    assert_eq!(received[0].header("x-key"), Some("k"));
    assert_eq!(
        received[0].header("host"),
        Some(&server.url["http://".len()..])
    );
    assert!(
        received[0]
            .header("user-agent")
            .unwrap()
            .starts_with("stillframe/")
    );
    assert_eq!(
        (received[5].line.as_str(), received[5].body.len()),
        ("GET /info?a=b", 0)
    );
}

#[test]
fn a_unix_socket_is_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.socket");
    let server = Server::unix(&path, |_, _| OK);
    let client = plain();
    for _ in 0..3 {
        assert_eq!(send(&client, &server.url).unwrap().status, 200);
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(server.received()[0].line, "POST /in");
    let missing = fails(&client, "unix:///nowhere/agent.socket");
    assert_eq!(missing.kind, HttpErrorKind::Connect);
    assert_eq!(missing.why, "there is no such socket");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        fails(&client, &format!("unix://{}", file.display())).kind,
        HttpErrorKind::Connect
    );
}

#[test]
fn redirects_are_answers() {
    let other = Server::new(|_, _| OK);
    let location: &'static str = Box::leak(format!("{}/x", other.url).into_boxed_str());
    let headers: &'static [(&str, &str)] =
        Box::leak(vec![("location", location)].into_boxed_slice());
    let server =
        Server::new(move |_, n| Reply::Status(if n == 0 { 302 } else { 307 }, headers, ""));
    let client = plain();
    assert_eq!(send(&client, &server.url).unwrap().status, 302);
    assert_eq!(send(&client, &server.url).unwrap().status, 307);
    assert!(other.received().is_empty(), "a key went elsewhere");
}

#[test]
fn long_answers_are_cut_and_chunked_ones_understood() {
    let server = Server::new(|_, n| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let chunks = if n == 0 { 2 } else { 300 };
        for _ in 0..chunks {
            bytes.extend_from_slice(b"400\r\n");
            bytes.extend_from_slice(&[b'x'; 1024]);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Reply::Raw(bytes)
    });
    assert_eq!(send(&plain(), &server.url).unwrap().body.len(), 2048);
    assert_eq!(send(&plain(), &server.url).unwrap().body.len(), 64 << 10);
}

#[test]
fn what_is_no_answer_is_told_as_such() {
    let endless_header = || {
        let mut bytes = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        bytes.resize(1 << 20, b'y');
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, HttpErrorKind)> = vec![
        ("nothing", Vec::new(), HttpErrorKind::Closed),
        (
            "garbage",
            b"\x16\x03\x01\x00\x02\x02\x28".repeat(9),
            HttpErrorKind::Broken,
        ),
        (
            "text",
            b"220 mail.example ESMTP\r\n\r\n".to_vec(),
            HttpErrorKind::Broken,
        ),
        (
            "half a head",
            b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(),
            HttpErrorKind::Closed,
        ),
        ("an endless header", endless_header(), HttpErrorKind::Broken),
        (
            "a wrong length",
            b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n".to_vec(),
            HttpErrorKind::Broken,
        ),
    ];
    for (name, bytes, kind) in cases {
        let server = Server::new(move |_, _| Reply::Raw(bytes.clone()));
        let error = fails(&plain(), &server.url);
        assert_eq!(error.kind, kind, "{name}: {}", error.why);
        assert!(
            !error.why.is_empty() && error.why.len() < 120,
            "{name}: {}",
            error.why
        );
    }
    // The status is what counts; of the body there is what came.
    let early = b"HTTP/1.1 503 No\r\ncontent-length: 100\r\n\r\nonly this".to_vec();
    let server = Server::new(move |_, _| Reply::Raw(early.clone()));
    let answer = send(&plain(), &server.url).unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (503, &b"only this"[..])
    );
}

#[test]
fn the_time_for_a_request_is_all_that_it_gets() {
    let quick = |url: &str| {
        let request = Request {
            timeout: Duration::from_millis(300),
            ..post(url, "/in")
        };
        let begun = Instant::now();
        let error = plain().send(&request).expect_err("too slow");
        assert_eq!(error.kind, HttpErrorKind::Timeout, "{}", error.why);
        assert!(error.why.ends_with("within 300ms"), "{}", error.why);
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
    };
    quick(&Server::new(|_, _| Reply::Stall(Duration::from_secs(60))).url);
    quick(&Server::new(|_, _| Reply::Drip(Duration::from_millis(100))).url);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    quick(&Server::unix(&path, |_, _| Reply::Drip(Duration::from_millis(100))).url);
    // A host that never answers a connection: the backlog of this one is full.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let waiting: Vec<_> = (0..4200)
        .map_while(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok()
        })
        .collect();
    quick(&format!("http://{address}"));
    drop(waiting);
}

#[test]
fn a_socket_whose_server_hangs_takes_no_longer_than_the_request_may() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.socket");
    // It listens, and accepts nobody: as many as its queue holds are connected all the same.
    let of = |socket| {
        rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            socket,
            None,
        )
        .unwrap()
    };
    let address = rustix::net::SocketAddrUnix::new(&path).unwrap();
    let listener = of(rustix::net::SocketFlags::CLOEXEC);
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let socket = of(rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK);
        if rustix::net::connect(&socket, &address).is_err() {
            break;
        }
        waiting.push(socket);
    }
    let (done, ended) = std::sync::mpsc::channel();
    let url = format!("unix://{}", path.display());
    std::thread::spawn(move || {
        let request = Request {
            timeout: Duration::from_millis(300),
            ..post(&url, "/in")
        };
        done.send(plain().send(&request))
    });
    let result = ended.recv_timeout(Duration::from_secs(30));
    let error = result.expect("it ends").expect_err("nobody answers");
    assert_eq!(error.kind, HttpErrorKind::Timeout, "{}", error.why);
    assert_eq!(error.why, "no connection within 300ms");
}

#[test]
fn failures_to_connect_say_why() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let refused = fails(&plain(), &format!("http://{closed}"));
    assert_eq!(refused.kind, HttpErrorKind::Connect);
    assert_eq!(
        refused.why,
        "the connection is refused: nothing listens there"
    );
    let unknown = fails(&plain(), "http://no-such-host.invalid:80");
    assert_eq!(unknown.kind, HttpErrorKind::Connect, "{}", unknown.why);
    assert!(
        unknown.why.contains("no-such-host.invalid"),
        "{}",
        unknown.why
    );
    for url in [
        "http://",
        "ftp://host",
        "http://a b",
        "nonsense",
        "http://[::1",
    ] {
        let error = fails(&plain(), url);
        assert_eq!(error.kind, HttpErrorKind::Setup, "{url}: {}", error.why);
    }
    let header = Request {
        headers: vec![("x-key".into(), "split\r\nx: y".to_owned())],
        ..post("http://127.0.0.1:9", "/")
    };
    let error = plain().send(&header).expect_err("not valid");
    assert_eq!(error.kind, HttpErrorKind::Setup);
    assert!(!error.why.contains("split"), "{}", error.why);
}

#[test]
fn a_closed_client_ends_what_waits_and_refuses_more() {
    let server = Server::new(|_, _| Reply::Stall(Duration::from_secs(60)));
    let client = plain();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| send(&client, &server.url));
        assert!(crate::wire::until(crate::wire::SOON, || !server
            .received()
            .is_empty()));
        client.close();
        assert!(waits.join().unwrap().is_err());
    });
    assert_eq!(fails(&client, &server.url).why, "sending has ended");
}

#[test]
fn user_and_password_of_an_address_are_decoded_and_sent_once() {
    let server = Server::new(|_, _| OK);
    let client = plain();
    let with = |userinfo: &str| format!("http://{userinfo}@127.0.0.1:{}", server.port);
    let values = |request: &crate::server::Received| -> Vec<String> {
        let headers = request.headers.iter();
        let of_name = headers.filter(|(name, _)| name == "authorization");
        of_name.map(|(_, value)| value.clone()).collect()
    };
    // user:p@ss
    send(&client, &with("user:p%40ss")).unwrap();
    // What is configured as a header counts.
    let mut request = post(&with("user:p%40ss"), "/in");
    let bearer = ("authorization".into(), "Bearer 3f9c".to_owned());
    request.headers.push(bearer);
    client.send(&request).unwrap();
    send(&client, &with("")).unwrap();
    let received = server.received();
    assert_eq!(values(&received[0]), ["Basic dXNlcjpwQHNz"]);
    assert_eq!(values(&received[1]), ["Bearer 3f9c"]);
    assert!(values(&received[2]).is_empty());
    for request in received {
        let host = format!("127.0.0.1:{}", server.port);
        assert_eq!(request.header("host"), Some(host.as_str()));
        assert_eq!(request.line, "POST /in");
    }
}
