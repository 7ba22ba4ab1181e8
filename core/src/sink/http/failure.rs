//! What went wrong with a request, in words that say what to do.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use ureq::{Error, Timeout};

use super::connect::Way;
use super::{HttpError, HttpErrorKind, show_url};

/// What was tried.
pub(super) struct Context<'r> {
    pub(super) url: &'r str,
    pub(super) timeout: Duration,
}

impl fmt::Display for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_url(self.url))
    }
}

pub(super) fn explain(error: Error, context: &Context<'_>, way: &Way) -> HttpError {
    let of = |kind, why: String| HttpError { kind, why };
    match error {
        Error::Io(error) => of_io(error, context, way),
        Error::Other(other) => match other.downcast::<HttpError>() {
            Ok(known) => *known,
            Err(other) => of(HttpErrorKind::Broken, other.to_string()),
        },
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => of(
            HttpErrorKind::Timeout,
            format!("no connection within {:?}", context.timeout),
        ),
        Error::Timeout(_) => of(
            HttpErrorKind::Timeout,
            format!("no answer within {:?}", context.timeout),
        ),
        Error::Rustls(error) => of(HttpErrorKind::Tls, of_tls(&error)),
        Error::Tls(why) => of(HttpErrorKind::Tls, why.to_owned()),
        Error::HostNotFound => of(HttpErrorKind::Connect, "the host is not found".to_owned()),
        Error::ConnectProxyFailed(why) => {
            let why = if why.contains("407") {
                "the proxy asks for a password: set upload.proxy to http://user:password@host:port"
                    .to_owned()
            } else {
                format!("the proxy refuses: {why}")
            };
            of(HttpErrorKind::Proxy, why)
        }
        Error::InvalidProxyUrl => of(
            HttpErrorKind::Setup,
            "the proxy's address is not valid".to_owned(),
        ),
        Error::BadUri(_) | Error::Http(_) => of(
            HttpErrorKind::Setup,
            format!("the address {context} or a header is not valid"),
        ),
        Error::Protocol(_) | Error::LargeResponseHeader(..) => {
            of(HttpErrorKind::Broken, "the answer is not HTTP".to_owned())
        }
        other => of(HttpErrorKind::Broken, other.to_string()),
    }
}

fn of_io(error: io::Error, context: &Context<'_>, way: &Way) -> HttpError {
    use io::ErrorKind;

    if let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return HttpError {
            kind: HttpErrorKind::Tls,
            why: of_tls(tls),
        };
    }
    let by = match way {
        Way::Direct | Way::Unix(_) => "",
        Way::Forward(_) | Way::Tunnel(_) => " by the proxy or at it",
    };
    let (kind, why) = match error.kind() {
        ErrorKind::ConnectionRefused => (
            HttpErrorKind::Connect,
            format!("the connection is refused{by}: nothing listens there"),
        ),
        ErrorKind::NotFound => (HttpErrorKind::Connect, "there is no such socket".to_owned()),
        ErrorKind::PermissionDenied => (
            HttpErrorKind::Connect,
            "this process may not open the connection".to_owned(),
        ),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => (
            HttpErrorKind::Connect,
            "the host cannot be reached".to_owned(),
        ),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => (
            HttpErrorKind::Timeout,
            format!("no answer within {:?}", context.timeout),
        ),
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected => (
            HttpErrorKind::Closed,
            format!("the connection was closed{by} before there was an answer"),
        ),
        _ => (HttpErrorKind::Broken, error.to_string()),
    };
    HttpError { kind, why }
}

fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => {
                "the answer is not TLS: is the address http rather than https?".to_owned()
            }
            other => format!("TLS: {other}"),
        };
    };
    match certificate {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by an authority that is not trusted here: \
             set upload.ca_file to a file with that authority"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock of this machine right?".to_owned()
        }
        other => format!("its certificate is not valid: {other}"),
    }
}
