//! A destination that answers as a test says: over TCP, TLS or a Unix socket.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// First line, without the version.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing for so long, then the end of the connection.
    Stall(Duration),
    /// An answer of status 200, a byte every so often.
    Drip(Duration),
}

pub const OK: Reply = Reply::Status(200, &[], "{}");

/// A certificate authority, and a certificate of its for one name.
pub struct Authority {
    pub pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two of one name would be taken for each other.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            pem: issuer.pem(),
            issuer,
        }
    }

    /// A server's half of TLS, for `name`; valid in the past only if `expired`.
    pub fn server(&self, name: &str, expired: bool) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

type Answer = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

/// A running server. It ends with the test.
pub struct Server {
    /// `http://127.0.0.1:PORT`, `https://localhost:PORT`, `unix://PATH`.
    pub url: String,
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    /// Whether requests are kept.
    keeps: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Server {
    /// Answers the n-th request, from 0, with `answer(request, n)`.
    pub fn new(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), None, answer)
    }

    pub fn tls(
        config: Arc<ServerConfig>,
        answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, Some(config), answer)
    }

    pub fn on(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let server = Self::record(match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        });
        let (served, answer) = (server.shared(), Arc::new(answer) as Answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (served, answer, tls) = (served.shared(), Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        served.serve(StreamOwned::new(connection, stream), &answer);
                    }
                    None => served.serve(stream, &answer),
                });
            }
        });
        Self { port, ..server }
    }

    pub fn unix(
        path: &Path,
        answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let server = Self::record(format!("unix://{}", path.display()));
        let (served, answer) = (server.shared(), Arc::new(answer) as Answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (served, answer) = (served.shared(), Arc::clone(&answer));
                std::thread::spawn(move || served.serve(stream, &answer));
            }
        });
        server
    }

    fn record(url: String) -> Self {
        Self {
            url,
            port: 0,
            received: Arc::default(),
            keeps: Arc::new(AtomicBool::new(true)),
            connections: Arc::default(),
            open: Arc::default(),
        }
    }

    fn shared(&self) -> Self {
        Self {
            url: self.url.clone(),
            port: self.port,
            received: Arc::clone(&self.received),
            keeps: Arc::clone(&self.keeps),
            connections: Arc::clone(&self.connections),
            open: Arc::clone(&self.open),
        }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Keeps no request: what becomes of one, `answer` sees.
    pub fn forgetful(self) -> Self {
        self.keeps.store(false, Ordering::SeqCst);
        self
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn serve(&self, mut stream: impl Read + Write, answer: &Answer) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        while let Ok(Some(request)) = receive(&mut stream) {
            let number = {
                let mut received = self.received.lock().unwrap();
                if self.keeps.load(Ordering::SeqCst) {
                    received.push(request.clone());
                }
                received.len().saturating_sub(1)
            };
            let reply = answer(&request, number);
            if !send(&mut stream, reply).unwrap_or(false) {
                break;
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads a request; `None` at the end of the connection.
pub fn receive(stream: &mut impl Read) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines
        .next()
        .unwrap()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(Some(Received {
        line,
        headers,
        body,
    }))
}

/// Whether the connection goes on.
fn send(stream: &mut impl Write, reply: Reply) -> io::Result<bool> {
    match reply {
        Reply::Status(status, headers, body) => {
            let mut text = format!(
                "HTTP/1.1 {status} Word\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            write!(stream, "{text}\r\n{body}")?;
            stream.flush()?;
            Ok(true)
        }
        Reply::Raw(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush()?;
            Ok(false)
        }
        Reply::Stall(time) => {
            std::thread::sleep(time);
            Ok(false)
        }
        Reply::Drip(pause) => {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                std::thread::sleep(pause);
            }
            Ok(true)
        }
    }
}
