//! The authorities whose certificates are trusted: the system's, and those that the configuration adds.

use std::path::{Path, PathBuf};

use rustls_native_certs::load_certs_from_paths;
use ureq::tls::Certificate;

use super::{HttpError, HttpErrorKind};

/// Where systems keep them; the first file that is there counts. As in Go's `crypto/x509`.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What the environment names in place of the system's.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) file: Option<PathBuf>,
    pub(super) dir: Option<PathBuf>,
}

/// Reads all of them: those of `places`, else the system's; and those in `extra`.
pub(super) fn load(
    extra: Option<&Path>,
    places: &Places,
) -> Result<Vec<Certificate<'static>>, HttpError> {
    let mut found = Vec::new();
    let mut add = |file: Option<&Path>, dir: Option<&Path>| {
        let loaded = load_certs_from_paths(file, dir);
        found.extend(loaded.certs);
        loaded.errors.into_iter().next()
    };
    if let Some(path) = extra
        && let Some(error) = add(Some(path), None)
    {
        return Err(setup(format!(
            "upload.ca_file {} cannot be used: {error}",
            path.display()
        )));
    }
    if places.file.is_some() || places.dir.is_some() {
        if let Some(error) = add(places.file.as_deref(), places.dir.as_deref())
            && extra.is_none()
        {
            return Err(setup(format!(
                "SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}"
            )));
        }
    } else if let Some(file) = FILES.iter().map(Path::new).find(|file| file.exists()) {
        // Single certificates of a system that cannot be read are left out by everybody.
        let _ = add(Some(file), None);
    }
    if found.is_empty() {
        return Err(setup(
            "this machine has no certificate authorities: install ca-certificates, or set upload.ca_file".to_owned(),
        ));
    }
    Ok(found
        .into_iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .collect())
}

fn setup(why: String) -> HttpError {
    HttpError {
        kind: HttpErrorKind::Setup,
        why,
    }
}
