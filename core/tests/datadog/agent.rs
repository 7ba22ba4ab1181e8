//! A Datadog Agent for tests: it says which endpoints it has, takes what is sent, checks its structure, and keeps it. It also can fail in
//! every way that an Agent, or what is mistaken for one, fails.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stillframe_core::lock::Mutex;

pub(crate) const INPUT: &str = "/debugger/v2/input";
pub(crate) const DIAGNOSTICS: &str = "/debugger/v1/diagnostics";
pub(crate) const INTAKE: &str = "/api/v2/debugger";
/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With a status, headers and a body.
    With(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection ends without a word.
    HangUp,
    /// With something that is not HTTP.
    Garbage,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply::With(status, Vec::new(), Vec::new())
}

/// An accepted request with snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) path: String,
    pub(crate) tags: Vec<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) items: Vec<Json>,
}

#[derive(Debug, Default)]
struct State {
    endpoints: Vec<&'static str>,
    /// Replies to the next requests to a path; then it works.
    replies: BTreeMap<&'static str, VecDeque<Reply>>,
    /// Replies to every request to a path.
    always: BTreeMap<&'static str, Reply>,
    uploads: Vec<Upload>,
    /// Each request and the status that it got.
    log: Vec<String>,
    connections: usize,
}

/// What has been received, whatever address it came by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agent(Arc<Mutex<State>>);

impl Agent {
    pub(crate) fn new(endpoints: &[&'static str]) -> Self {
        let agent = Self::default();
        agent.0.lock().endpoints = endpoints.to_vec();
        agent
    }

    pub(crate) fn lists(&self, endpoints: &[&'static str]) {
        self.0.lock().endpoints = endpoints.to_vec();
    }

    /// Answers the next request to `path` with `reply`.
    pub(crate) fn once(&self, path: &'static str, reply: Reply) {
        self.0
            .lock()
            .replies
            .entry(path)
            .or_default()
            .push_back(reply);
    }

    /// Answers every request to `path` with `reply`; `None`: as it should be.
    pub(crate) fn always(&self, path: &'static str, reply: Option<Reply>) {
        let always = &mut self.0.lock().always;
        match reply {
            Some(reply) => drop(always.insert(path, reply)),
            None => drop(always.remove(path)),
        }
    }

    pub(crate) fn uploads(&self) -> Vec<Upload> {
        self.0.lock().uploads.clone()
    }

    /// Requests and their statuses up to now, which are forgotten.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().log)
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.lock().connections
    }

    /// How often each snapshot of a frame has come, by its id.
    pub(crate) fn ids(&self) -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for item in self
            .0
            .lock()
            .uploads
            .iter()
            .flat_map(|upload| &upload.items)
        {
            let id = item["debugger"]["snapshot"]["id"].as_str().expect("an id");
            *ids.entry(id.to_owned()).or_default() += 1;
        }
        ids
    }

    /// Waits until `done`.
    pub(crate) fn wait(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(
                Instant::now() < until,
                "{what}: {:?}, {:?}",
                self.ids(),
                self.0.lock().log
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answer(&self, request: &Asked) -> Reply {
        let mut state = self.0.lock();
        let path = request.path.as_str();
        let planned = state.replies.get_mut(path).and_then(VecDeque::pop_front);
        let reply = planned.or_else(|| state.always.get(path).cloned());
        let reply = reply.unwrap_or_else(|| match path {
            "/info" => {
                let info = json!({"version": "7.70.0", "endpoints": state.endpoints, "client_drop_p0s": true});
                Reply::With(200, Vec::new(), info.to_string().into_bytes())
            }
            INTAKE => status(202),
            path if state.endpoints.contains(&path) => status(202),
            _ => status(404),
        });
        let shown = match &reply {
            Reply::With(status, ..) => status.to_string(),
            other => format!("{other:?}"),
        };
        state.log.push(format!("{} {path} {shown}", request.method));
        if request.method == "POST" && matches!(reply, Reply::With(200..=299, ..)) {
            let items: Vec<Json> = serde_json::from_slice(&request.body).expect("a JSON array");
            assert!((1..=100).contains(&items.len()) && request.body.len() <= 5 << 20);
            state.uploads.push(Upload {
                path: request.path.clone(),
                tags: request.tags.clone(),
                headers: request.headers.clone(),
                items,
            });
        }
        reply
    }
}

/// One request, as it came.
struct Asked {
    method: String,
    path: String,
    tags: Vec<String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn read(from: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    from.read_line(&mut line)
        .ok()
        .filter(|length| *length > 0)?;
    let (method, rest) = line.split_once(' ')?;
    let (target, _) = rest.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    let tags = query.strip_prefix("ddtags=").unwrap_or_default();
    let tags = percent_encoding::percent_decode_str(tags)
        .decode_utf8()
        .expect("UTF-8");
    Some(Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        tags: tags.split(',').map(str::to_owned).collect(),
        headers,
        body,
    })
}

/// Answers requests of one connection until it ends.
fn serve(agent: &Agent, stream: impl Read + Write) {
    agent.0.lock().connections += 1;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let to = stream.get_mut();
        let written = match agent.answer(&request) {
            Reply::With(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                head += "\r\n";
                to.write_all(&[head.as_bytes(), &body].concat())
            }
            Reply::HangUp => return,
            Reply::Garbage => {
                let _ = to.write_all(b"\x00\xffSSH-2.0-OpenSSH_9.2\r\n");
                return;
            }
        };
        if written.and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

/// Ends a connection.
type End = Box<dyn Fn() + Send>;

/// A place where an agent listens, until this is dropped.
pub(crate) struct Listening {
    pub(crate) url: String,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<End>>>,
    wake: End,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        (self.wake)();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for end in self.open.lock().drain(..) {
            end();
        }
    }
}

/// Listens at a port: any, or one that was listened at before.
pub(crate) fn listen(agent: &Agent, port: u16) -> Listening {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let serve = |agent: Agent, stream: TcpStream| serve(&agent, stream);
    tcp(agent, listener, format!("http://{address}"), serve)
}

/// Listens with TLS, with the certificate and key of `config`, as the host `localhost`.
pub(crate) fn listen_tls(agent: &Agent, config: Arc<rustls::ServerConfig>) -> Listening {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let serve = move |agent: Agent, stream: TcpStream| {
        let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
        serve(&agent, rustls::StreamOwned::new(session, stream));
    };
    tcp(
        agent,
        listener,
        format!("https://localhost:{}", address.port()),
        serve,
    )
}

fn tcp(
    agent: &Agent,
    listener: TcpListener,
    url: String,
    serve: impl Fn(Agent, TcpStream) + Clone + Send + 'static,
) -> Listening {
    let address = listener.local_addr().expect("an address");
    let accept = move || listener.accept().map(|(stream, _)| stream);
    let end = |stream: &TcpStream| {
        let stream = stream.try_clone().expect("a copy");
        Box::new(move || drop(stream.shutdown(Shutdown::Both))) as End
    };
    let wake = move || drop(TcpStream::connect(address));
    start(agent, url, accept, end, serve, Box::new(wake))
}

/// Listens at a Unix domain socket.
pub(crate) fn listen_unix(agent: &Agent, path: &Path) -> Listening {
    let listener = UnixListener::bind(path).expect("a socket");
    let accept = move || listener.accept().map(|(stream, _)| stream);
    let end = |stream: &UnixStream| {
        let stream = stream.try_clone().expect("a copy");
        Box::new(move || drop(stream.shutdown(Shutdown::Both))) as End
    };
    let serve = |agent: Agent, stream: UnixStream| serve(&agent, stream);
    let socket = path.to_owned();
    let wake = move || drop(UnixStream::connect(&socket));
    start(
        agent,
        format!("unix://{}", path.display()),
        accept,
        end,
        serve,
        Box::new(wake),
    )
}

fn start<S: Send + 'static>(
    agent: &Agent,
    url: String,
    accept: impl Fn() -> std::io::Result<S> + Send + 'static,
    end: impl Fn(&S) -> End + Send + 'static,
    serve: impl Fn(Agent, S) + Clone + Send + 'static,
    wake: End,
) -> Listening {
    let stop = Arc::new(AtomicBool::new(false));
    let open = Arc::new(Mutex::new(Vec::new()));
    let (agent, stopped, ends) = (agent.clone(), Arc::clone(&stop), Arc::clone(&open));
    let thread = std::thread::spawn(move || {
        while let Ok(stream) = accept() {
            if stopped.load(SeqCst) {
                break;
            }
            ends.lock().push(end(&stream));
            let (agent, serve, end) = (agent.clone(), serve.clone(), end(&stream));
            std::thread::spawn(move || {
                serve(agent, stream);
                end();
            });
        }
    });
    Listening {
        url,
        stop,
        open,
        wake,
        thread: Some(thread),
    }
}

impl Listening {
    /// The port of an address of TCP.
    pub(crate) fn port(&self) -> u16 {
        let port = self
            .url
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        port.expect("a port")
    }
}
