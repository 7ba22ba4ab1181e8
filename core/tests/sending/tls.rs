//! TLS: who is trusted, and what is said about who is not.

use std::io::{Read, Write};
use std::net::TcpListener;

use stillframe_core::config::{Environment, UploadConfig};
use stillframe_core::sink::http::{Client, HttpErrorKind};

use crate::client::{fails, send};
use crate::server::{Authority, OK, Server};

/// A client that trusts what is in a file of these texts.
fn trusting(texts: &[&str]) -> (Client, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, texts.concat()).unwrap();
    let client = Client::new(&UploadConfig {
        ca_file: Some(file),
        ..UploadConfig::default()
    });
    (client, dir)
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_the_file_that_names_it() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::tls(ours.server("localhost", false), |_, _| OK);
    let (client, _dir) = trusting(&[&other.pem, &ours.pem]);
    for _ in 0..3 {
        assert_eq!(send(&client, &server.url).unwrap().status, 200);
    }
    assert_eq!(server.connections(), 1);
    let by_address = server.url.replace("localhost", "127.0.0.1");
    let error = fails(&client, &by_address);
    assert_eq!(error.kind, HttpErrorKind::Tls);
    assert_eq!(error.why, "its certificate is for another name");
}

#[test]
fn the_environment_names_authorities_too() {
    let ours = Authority::new();
    let server = Server::tls(ours.server("localhost", false), |_, _| OK);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, &ours.pem).unwrap();
    let client = Client::new(&UploadConfig {
        environment: Environment {
            ca_file: Some(file),
            ..Environment::default()
        },
        ..UploadConfig::default()
    });
    assert_eq!(send(&client, &server.url).unwrap().status, 200);
}

#[test]
fn who_is_not_trusted_is_told_with_what_to_do() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (client, _dir) = trusting(&[&other.pem]);
    let server = Server::tls(ours.server("localhost", false), |_, _| OK);
    let error = fails(&client, &server.url);
    assert_eq!(error.kind, HttpErrorKind::Tls);
    assert_eq!(
        error.why,
        "its certificate is signed by an authority that is not trusted here: set upload.ca_file to a file with that authority"
    );
    let server = Server::tls(other.server("localhost", true), |_, _| OK);
    let error = fails(&client, &server.url);
    assert_eq!(
        (error.kind, error.why.as_str()),
        (HttpErrorKind::Tls, "its certificate has expired")
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // What web servers say to a greeting that they do not understand.
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let error = fails(&client, &format!("https://localhost:{port}"));
    assert_eq!(error.kind, HttpErrorKind::Tls, "{}", error.why);
    assert_eq!(
        error.why,
        "the answer is not TLS: is the address http rather than https?"
    );
}

#[test]
fn a_file_without_authorities_is_told() {
    let (client, dir) = trusting(&["nothing of the kind"]);
    let server = Server::tls(Authority::new().server("localhost", false), |_, _| OK);
    let file = dir.path().join("ca.pem");
    // The file adds to the system's: without either there is nothing to trust, with the system's this server is not trusted.
    let error = fails(&client, &server.url);
    assert!(
        matches!(error.kind, HttpErrorKind::Setup | HttpErrorKind::Tls),
        "{}",
        error.why
    );
    std::fs::remove_file(&file).unwrap();
    let client = Client::new(&UploadConfig {
        ca_file: Some(file.clone()),
        ..UploadConfig::default()
    });
    let error = fails(&client, &server.url);
    assert_eq!(error.kind, HttpErrorKind::Setup);
    let named = format!("upload.ca_file {} cannot be used", file.display());
    assert!(error.why.starts_with(&named), "{}", error.why);
}
