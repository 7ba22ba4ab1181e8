//! Through a proxy: forwarded, tunnelled, with a password, refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use stillframe_core::config::{Address, Environment, UploadConfig};
use stillframe_core::sink::http::{Client, HttpErrorKind};

use crate::client::{fails, post, send};
use crate::server::{Authority, OK, Received, Reply, Server, receive};
use stillframe_core::sink::http::Http;

/// A proxy that tunnels (`CONNECT`) to this machine's ports, whatever host is named, if it is asked with `password`.
struct Tunnel {
    port: u16,
    asked: Arc<Mutex<Vec<Received>>>,
}

impl Tunnel {
    fn new(password: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Received>>> = Arc::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || {
                    let Ok(Some(request)) = receive(&mut client) else {
                        return;
                    };
                    heard.lock().unwrap().push(request.clone());
                    if password.is_some() && request.header("proxy-authorization") != password {
                        let _ = client.write_all(b"HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n");
                        return;
                    }
                    let port = request.line.rsplit(':').next().unwrap().parse::<u16>();
                    let target = TcpStream::connect(("127.0.0.1", port.unwrap())).unwrap();
                    client.write_all(b"HTTP/1.1 200 Go\r\n\r\n").unwrap();
                    pass_on(&client, &target);
                });
            }
        });
        Self { port, asked }
    }
}

/// Passes bytes both ways until either ends.
fn pass_on(one: &TcpStream, other: &TcpStream) {
    let pump = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        })
    };
    pump(one, other);
    pump(other, one);
}

fn through(proxy: &str, ca_file: Option<std::path::PathBuf>) -> Client {
    Client::new(&UploadConfig {
        proxy: Some(Address::new(proxy)),
        ca_file,
        ..UploadConfig::default()
    })
}

#[test]
fn what_is_encrypted_is_tunnelled() {
    let authority = Authority::new();
    let server = Server::tls(authority.server("shop.example", false), |_, _| OK);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    // user:p@ss
    let proxy = Tunnel::new(Some("Basic dXNlcjpwQHNz"));
    let address = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
    let client = through(&address, Some(file.clone()));
    let target = format!("https://shop.example:{}", server.port);
    for _ in 0..3 {
        assert_eq!(send(&client, &target).unwrap().status, 200);
    }
    let asked = proxy.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "one tunnel for all");
    assert_eq!(
        asked[0].line,
        format!("CONNECT shop.example:{}", server.port)
    );
    assert_eq!(
        asked[0].header("x-key"),
        None,
        "a key is for the server only"
    );
    assert_eq!(server.received()[0].header("proxy-authorization"), None);

    let unknown = through(&format!("127.0.0.1:{}", proxy.port), Some(file));
    let error = fails(&unknown, &target);
    assert_eq!(error.kind, HttpErrorKind::Proxy);
    assert!(error.why.contains("asks for a password"), "{}", error.why);
}

#[test]
fn what_is_plain_is_forwarded() {
    let proxy = Server::new(|_, _| Reply::Status(202, &[], "by the proxy"));
    let address = format!("http://user:pass@127.0.0.1:{}", proxy.port);
    let client = through(&address, None);
    for _ in 0..2 {
        let answer = client
            .send(&post("http://collector.example:4318", "/v1/logs?a=b"))
            .unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (202, &b"by the proxy"[..])
        );
    }
    let received = proxy.received();
    assert_eq!(
        received[1].line,
        "POST http://collector.example:4318/v1/logs?a=b"
    );
    assert_eq!(received[1].header("host"), Some("collector.example:4318"));
    assert_eq!(
        received[1].header("proxy-authorization"),
        Some("Basic dXNlcjpwYXNz")
    );
    assert_eq!(received[1].body, b"hello");
}

#[test]
fn this_machine_and_the_exceptions_are_reached_without_a_proxy() {
    let proxy = Server::new(|_, _| Reply::Status(502, &[], ""));
    let server = Server::new(|_, _| OK);
    let client = through(&proxy.url, None);
    assert_eq!(send(&client, &server.url).unwrap().status, 200);
    let client = Client::new(&UploadConfig {
        environment: Environment {
            http_proxy: Some(Address::new(proxy.url.clone())),
            no_proxy: Some("example, 127.0.0.0/8".to_owned()),
            ..Environment::default()
        },
        ..UploadConfig::default()
    });
    assert_eq!(send(&client, &server.url).unwrap().status, 200);
    assert_eq!(send(&client, "http://no.such.host").unwrap().status, 502);
    assert_eq!(proxy.received().len(), 1);
}

#[test]
fn a_proxy_that_does_not_answer_is_named() {
    let client = through("http://user:secret@127.0.0.1:9", None);
    for target in ["http://shop.example", "https://shop.example"] {
        let error = fails(&client, target);
        assert_eq!(error.kind, HttpErrorKind::Connect, "{}", error.why);
        assert!(
            error.why.contains("proxy") && !error.why.contains("secret"),
            "{}",
            error.why
        );
    }
}

#[test]
fn a_proxy_is_not_told_user_and_password_of_the_target() {
    let proxy = Server::new(|_, _| OK);
    let client = through(&proxy.url, None);
    // user:p@ss
    let basic = Some("Basic dXNlcjpwQHNz");
    for (target, place) in [
        (
            "http://user:p%40ss@collector.example:4318",
            "collector.example:4318",
        ),
        ("http://user:p@ss@collector.example", "collector.example"),
        ("http://user:p%40ss@[fd00::7]:80", "[fd00::7]:80"),
    ] {
        client.send(&post(target, "/v1/logs?a=b@c")).unwrap();
        let request = proxy.received().pop().unwrap();
        assert_eq!(request.line, format!("POST http://{place}/v1/logs?a=b@c"));
        assert_eq!(request.header("authorization"), basic);
        let host = request.header("host").unwrap();
        assert!(place.starts_with(host) && !host.contains('@'), "{host}");
    }

    let authority = Authority::new();
    let server = Server::tls(authority.server("shop.example", false), |_, _| OK);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let proxy = Tunnel::new(None);
    let client = through(&format!("127.0.0.1:{}", proxy.port), Some(file));
    let target = format!("https://user:p%40ss@shop.example:{}", server.port);
    assert_eq!(send(&client, &target).unwrap().status, 200);
    let asked = proxy.asked.lock().unwrap().clone();
    assert_eq!(
        asked[0].line,
        format!("CONNECT shop.example:{}", server.port)
    );
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(server.received()[0].header("authorization"), basic);
}
