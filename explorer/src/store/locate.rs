//! Which store: a directory that was named, or one of the stores in the user's state folder.

use std::path::{Path, PathBuf};

use stillframe_core::config::Config;
use stillframe_core::sink::spool::{SegmentName, service_dir, state_root};

use super::{Notice, StoreError};

/// What the user chose.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// A directory: `--dir`.
    pub dir: Option<PathBuf>,
    /// A service: `--service`.
    pub service: Option<String>,
}

/// Where a store is, or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its directory.
    pub dir: PathBuf,
    /// Other stores beside it.
    pub others: Vec<String>,
}

/// Finds the store that `choice` and the configuration mean.
///
/// # Errors
///
/// The service that was asked for has no store, or there is no place for stores.
pub fn locate(
    choice: &Choice,
    config: &Config,
    notices: &mut Vec<Notice>,
) -> Result<Place, StoreError> {
    if let Some(dir) = choice.dir.as_ref().or(config.dir.as_ref()) {
        return Ok(Place {
            dir: dir.clone(),
            others: Vec::new(),
        });
    }
    let root = match &config.state_root {
        Some(root) => root.clone(),
        None => state_root(|name| std::env::var_os(name))?,
    };
    let mut stores = stores(&root);
    let wanted = choice.service.as_ref().or(config.service.as_ref());
    if let Some(service) = wanted {
        let dir = service_dir(&root, service);
        let names: Vec<String> = stores.iter().map(|store| store.name.clone()).collect();
        if choice.service.is_some() && !dir.is_dir() {
            let error = StoreError::new(format!(
                "service {service:?} has no store in {}",
                root.display()
            ));
            return Err(if names.is_empty() {
                error
            } else {
                error.advise(format!("there are: {}", names.join(", ")))
            });
        }
        let own = dir
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let others = names
            .into_iter()
            .filter(|name| Some(name) != own.as_ref())
            .collect();
        return Ok(Place { dir, others });
    }
    stores.sort_by_key(|store| std::cmp::Reverse(store.newest_ms));
    let mut stores = stores.into_iter();
    let Some(first) = stores.next() else {
        return Ok(Place {
            dir: service_dir(&root, "unnamed"),
            others: Vec::new(),
        });
    };
    let others: Vec<String> = stores.map(|store| store.name).collect();
    if !others.is_empty() {
        notices.push(Notice::NewestOf {
            chosen: first.name.clone(),
            others: others.clone(),
        });
    }
    Ok(Place {
        dir: root.join(first.name),
        others,
    })
}

/// Names of the stores in the user's state folder.
pub fn services(config: &Config) -> Vec<String> {
    let root = config.state_root.clone();
    root.iter()
        .flat_map(|root| stores(root))
        .map(|store| store.name)
        .collect()
}

struct Found {
    name: String,
    /// When its newest segment was written to.
    newest_ms: u128,
}

/// The folders below `root` that hold segments.
fn stores(root: &Path) -> Vec<Found> {
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    folders
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            let newest_ms = newest(&folder.path())?;
            Some(Found { name, newest_ms })
        })
        .collect()
}

fn newest(dir: &Path) -> Option<u128> {
    std::fs::read_dir(dir)
        .ok()?
        .flatten()
        .filter(|file| {
            file.file_name()
                .to_str()
                .and_then(SegmentName::parse)
                .is_some()
        })
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .filter_map(|time| Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()))
        .max()
}
