//! Connections that the HTTP library does not make by itself: by a Unix socket, and through a proxy without a tunnel.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout as NetTimeout, set_socket_timeout};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};
use ureq::{Error, Timeout};

use super::proxy::Forward;
use super::{HttpError, HttpErrorKind};
use crate::config::Address;

/// Addresses of a host that are tried.
const MOST_ADDRESSES: usize = 8;

/// How the host of a request is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By itself.
    Direct,
    /// By a socket of this machine.
    Unix(PathBuf),
    /// By a proxy that forwards the request, for `http`.
    Forward(Forward),
    /// By a proxy that passes bytes on, for `https`.
    Tunnel(Address),
}

impl Way {
    /// Whether the first hop speaks TLS whatever the target does.
    pub(super) fn needs_tls(&self) -> bool {
        matches!(self, Self::Tunnel(proxy) if proxy.reveal().starts_with("https://"))
    }
}

/// Looks up names on the calling thread: the sender has nothing else to do, and a thread for each name would be one too many.
#[derive(Debug)]
pub(super) struct Resolve {
    /// The host of the request is not looked up: it is not what is connected to.
    skip: bool,
}

impl Resolve {
    pub(super) fn new(way: &Way) -> Self {
        Self {
            skip: matches!(way, Way::Unix(_) | Way::Forward(_)),
        }
    }
}

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut found = self.empty();
        if self.skip {
            return Ok(found);
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or_else(|| match uri.scheme_str() {
            Some("https") => 443,
            _ => 80,
        });
        let addresses = (bare, port)
            .to_socket_addrs()
            .map_err(|error| no_such_host(bare, &error))?;
        for address in addresses.take(MOST_ADDRESSES) {
            found.push(address);
        }
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(found)
    }
}

fn no_such_host(host: &str, error: &io::Error) -> Error {
    let why = error.to_string();
    let why = why.rsplit(": ").next().unwrap_or_default().to_lowercase();
    Error::Other(Box::new(HttpError {
        kind: HttpErrorKind::Connect,
        why: format!("the host {host} is not found ({why})"),
    }))
}

/// Makes the connection where the way is not a plain one.
#[derive(Debug)]
pub(super) struct Dial {
    way: Way,
}

impl Dial {
    pub(super) fn new(way: Way) -> Self {
        Self { way }
    }
}

impl Connector<()> for Dial {
    type Out = Stream;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Stream>, Error> {
        let (socket, head) = match &self.way {
            Way::Direct | Way::Tunnel(_) => return Ok(None),
            Way::Unix(path) => {
                let stream = dial_unix(path, *details.timeout.after)?;
                (Socket::Unix(stream), None)
            }
            Way::Forward(proxy) => {
                let stream = dial(proxy, *details.timeout.after)?;
                (Socket::Tcp(stream), Some(proxy.head(details.uri)))
            }
        };
        let socket = Arc::new(socket);
        (details.register_shutdown)(Arc::downgrade(&socket) as Weak<dyn ShutdownHandle>)?;
        let config = details.config;
        Ok(Some(Stream {
            socket,
            head,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

/// Connects to a socket within `limit`. The standard library waits for ever while a server that hangs has its queue full.
fn dial_unix(path: &Path, limit: Duration) -> Result<UnixStream, Error> {
    let of = |error: Errno| Error::from(io::Error::from(error));
    let address = SocketAddrUnix::new(path).map_err(of)?;
    let socket = net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(of)?;
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(Timeout::Connect));
        }
        // What limits writing limits this, too.
        set_socket_timeout(&socket, NetTimeout::Send, Some(left)).map_err(of)?;
        match net::connect(&socket, &address) {
            Ok(()) => return Ok(socket.into()),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(Error::Timeout(Timeout::Connect)),
            Err(error) => return Err(of(error)),
        }
    }
}

/// Connects to a proxy: its addresses one after the other, within `limit` altogether.
fn dial(proxy: &Forward, limit: Duration) -> Result<TcpStream, Error> {
    let addresses = (proxy.host.as_str(), proxy.port)
        .to_socket_addrs()
        .map_err(|error| no_such_host(&proxy.host, &error))?;
    let begun = Instant::now();
    let mut last = None;
    for address in addresses.take(MOST_ADDRESSES) {
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(Timeout::Connect));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(Error::Timeout(Timeout::Connect))
        }
        Some(error) => Err(error.into()),
        None => Err(Error::HostNotFound),
    }
}

/// A connected socket.
#[derive(Debug)]
enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    fn set_timeouts(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream
                .set_read_timeout(timeout)
                .and_then(|()| stream.set_write_timeout(timeout)),
            Self::Tcp(stream) => stream
                .set_read_timeout(timeout)
                .and_then(|()| stream.set_write_timeout(timeout)),
        }
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => (&*stream).read(into),
            Self::Tcp(stream) => (&*stream).read(into),
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => (&*stream).write_all(bytes),
            Self::Tcp(stream) => (&*stream).write_all(bytes),
        }
    }

    /// Whether nothing came that nobody asked for, and the other side has not closed.
    fn is_quiet(&self) -> bool {
        let non_blocking = |yes| match self {
            Self::Unix(stream) => stream.set_nonblocking(yes),
            Self::Tcp(stream) => stream.set_nonblocking(yes),
        };
        let quiet = non_blocking(true).is_ok()
            && matches!(self.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        non_blocking(false).is_ok() && quiet
    }
}

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // A socket that is closed already is as good.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
    }
}

/// A connection for the HTTP library.
pub(super) struct Stream {
    socket: Arc<Socket>,
    /// What the first line of the request begins with, until it is written.
    head: Option<String>,
    buffers: LazyBuffers,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Stream {
    /// Limits the next call to what is left of the time.
    fn limit(&self, timeout: NextTimeout) -> Result<Timeout, Error> {
        let left = timeout.not_zero().map(|left| *left);
        if !timeout.after.is_not_happening() && left.is_none_or(|left| left.is_zero()) {
            return Err(Error::Timeout(timeout.reason));
        }
        self.socket.set_timeouts(left)?;
        Ok(timeout.reason)
    }
}

fn timed(error: io::Error, reason: Timeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(reason),
        _ => error.into(),
    }
}

impl Transport for Stream {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let reason = self.limit(timeout.for_write())?;
        let mut output = &self.buffers.output()[..amount];
        if let Some(head) = self.head.take() {
            // A proxy is told the whole address: `POST /path` becomes `POST http://host/path`.
            let at = output
                .iter()
                .position(|&byte| byte == b' ')
                .map_or(0, |at| at + 1);
            self.socket
                .write_all(&[&output[..at], head.as_bytes()].concat())
                .map_err(|error| timed(error, reason))?;
            output = &output[at..];
        }
        self.socket
            .write_all(output)
            .map_err(|error| timed(error, reason))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let reason = self.limit(timeout.for_read())?;
        let socket = Arc::clone(&self.socket);
        let input = self.buffers.input_append_buf();
        // Every signal is blocked on the threads that send, so a read is interrupted by nothing that matters.
        let read = loop {
            match socket.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|error| timed(error, reason))?,
            }
        };
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.socket.is_quiet()
    }
}
