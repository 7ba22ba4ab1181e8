//! "Deeper next time", asked for from outside: `stillframe deeper ISSUE` leaves a file in the store, one of its processes serves it.
//!
//! A file of the folder `deeper` in the store is named after the issue's key and says where the issue is raised. What is known by site in
//! this process is asked of the gate by site, anything else by name. Whoever has captured the issue with raised limits removes the
//! file; the others notice. The files are outside data: their number, size and age are bounded, and what is not understood is left alone.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::now_ns;
use crate::config::Config;
use crate::gate::{CoarseClock, Depth, Gate, NamedOrigin, SiteHash};

/// Name of the folder in a store.
pub const FOLDER: &str = "deeper";
/// How often the background thread looks whether the folder has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Requests read.
const MOST: usize = 16;
/// Longest file, in bytes.
pub const LONGEST: u64 = 64 << 10;
/// A request that nobody could serve for so long is not served any more.
pub const EXPIRES: Duration = Duration::from_secs(24 * 60 * 60);

/// Key of an issue.
type Key = [u8; 16];

/// Version of the file.
pub const FORMAT: u32 = 1;

/// The content of a file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was asked for, in nanoseconds since 1970.
    pub requested: u64,
    /// How often the limits are raised: 1 to 7.
    pub steps: u8,
    /// Full name of the exception's type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The frames where the issue is raised, raising frame first; only that is looked at.
    pub frames: Vec<Frame>,
}

/// A frame of a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function, with what it is defined in.
    pub function: String,
    /// Its module.
    #[serde(default)]
    pub module: Option<String>,
    /// Its file.
    #[serde(default)]
    pub file: Option<String>,
}

/// One request that waits to be served by this process.
#[derive(Debug)]
struct Waiting {
    depth: Depth,
    name: NamedOrigin,
    site: Option<SiteHash>,
}

/// The requests of a store, as this process sees them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    folder: Option<PathBuf>,
    modified: Option<SystemTime>,
    looked: Option<Instant>,
    waiting: HashMap<Key, Waiting>,
}

impl Requests {
    /// The requests of the configured store; none where nothing is stored.
    pub(super) fn new(config: &Config) -> Self {
        let store = config.spool.enabled.then(|| config.store_dir().ok());
        Self {
            folder: store.flatten().map(|store| store.join(FOLDER)),
            ..Self::default()
        }
    }

    /// Looks whether requests came or went, at most once a second, and tells the gate.
    pub(super) fn look(&mut self, gate: &Gate<CoarseClock>, sites: &HashMap<Key, SiteHash>) {
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_EVERY)
        {
            return;
        }
        self.looked = Some(Instant::now());
        let Some(folder) = &self.folder else {
            return;
        };
        let modified = fs::metadata(folder)
            .and_then(|folder| folder.modified())
            .ok();
        if modified == self.modified {
            return;
        }
        self.modified = modified;
        let found = read(folder);
        let gone: Vec<Key> = self
            .waiting
            .keys()
            .filter(|key| !found.contains_key(*key))
            .copied()
            .collect();
        for key in gone {
            self.forget(key, gate);
        }
        for (key, (name, depth)) in found {
            if self
                .waiting
                .get(&key)
                .is_some_and(|known| known.depth == depth)
            {
                continue;
            }
            let site = sites.get(&key).copied();
            let asked = match site {
                Some(site) => gate.request_deeper(site, depth),
                None => gate.request_deeper_named(name.clone(), depth),
            };
            if asked {
                self.waiting.insert(key, Waiting { depth, name, site });
            }
        }
    }

    /// An exception of an issue was captured at `site`, with raised limits or without.
    pub(super) fn captured(
        &mut self,
        key: Key,
        site: Option<SiteHash>,
        deeper: bool,
        gate: &Gate<CoarseClock>,
    ) {
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return;
        };
        if deeper {
            if let Some(folder) = &self.folder {
                // Another process may have removed it in this moment, and a store that cannot be written to is told elsewhere.
                let _ = fs::remove_file(folder.join(file_name(key)));
            }
            self.forget(key, gate);
        } else if let Some(site) = site
            && waiting.site.is_none()
            && gate.request_deeper(site, waiting.depth)
        {
            // Its names were not enough to tell it from another issue; now it is known.
            gate.cancel_deeper_named(&waiting.name);
            waiting.site = Some(site);
        }
    }

    fn forget(&mut self, key: Key, gate: &Gate<CoarseClock>) {
        if let Some(waiting) = self.waiting.remove(&key) {
            match waiting.site {
                Some(site) => gate.cancel_deeper(site),
                None => gate.cancel_deeper_named(&waiting.name),
            };
        }
    }
}

/// The name of the file that asks for an issue.
#[must_use]
pub fn file_name(key: Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(folder: &Path) -> HashMap<Key, (NamedOrigin, Depth)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return HashMap::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let key = key_of(entry.file_name().to_str()?)?;
            let request = request(&entry.path())?;
            Some((key, request))
        })
        .take(MOST)
        .collect()
}

fn key_of(name: &str) -> Option<Key> {
    if name.len() != 32 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(name, 16).ok()?.to_be_bytes())
}

fn request(path: &Path) -> Option<(NamedOrigin, Depth)> {
    // Not a pipe or a device, which could wait for ever.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let request: Request = serde_json::from_str(&text).ok()?;
    let age = now_ns().saturating_sub(request.requested);
    if request.format != FORMAT || u128::from(age) > EXPIRES.as_nanos() {
        return None;
    }
    let raising = request.frames.into_iter().next()?;
    let own_name = raising.function.rsplit('.').next().unwrap_or_default();
    let name = NamedOrigin {
        type_name: request.type_name,
        module: raising.module.unwrap_or_default(),
        function: own_name.to_owned(),
    };
    Some((name, Depth::new(request.steps)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{GateConfig, SiteFacts};

    const KEY: Key = [0x9b; 16];
    const FACTS: SiteFacts<'static> = SiteFacts {
        type_name: "KeyError",
        module: "shop.pricing",
        function: "convert",
    };

    fn ask(folder: &Path, requested: u64) {
        fs::create_dir_all(folder).expect("folder");
        let text = serde_json::json!({
            "format": 1, "requested": requested, "steps": 2, "type": "KeyError",
            "frames": [{"function": "Pricing.convert", "module": "shop.pricing", "file": "shop/pricing.py"}],
        });
        fs::write(folder.join(file_name(KEY)), text.to_string()).expect("file");
    }

    fn requests(folder: &Path) -> Requests {
        Requests {
            folder: Some(folder.to_owned()),
            ..Requests::default()
        }
    }

    fn gate() -> Gate<CoarseClock> {
        Gate::new(&GateConfig::default())
    }

    fn depth(gate: &Gate<CoarseClock>, site: SiteHash) -> Option<u8> {
        let permit = gate
            .admit_explicit(site, &FACTS)
            .permit()
            .expect("explicit");
        permit.deeper().map(Depth::steps)
    }

    #[test]
    fn an_issue_that_this_process_has_not_met_is_found_by_name_and_served_once() {
        let store = tempfile::tempdir().expect("folder");
        ask(store.path(), now_ns());
        let (gate, mut requests) = (gate(), requests(store.path()));
        requests.look(&gate, &HashMap::new());
        let site = SiteHash::from_parts(800, 800);
        assert_eq!(depth(&gate, site), Some(2));
        requests.captured(KEY, Some(site), true, &gate);
        assert_eq!(fs::read_dir(store.path()).expect("folder").count(), 0);
        assert_eq!(depth(&gate, site), None);
    }

    #[test]
    fn one_that_was_met_before_is_found_by_its_site() {
        let store = tempfile::tempdir().expect("folder");
        ask(store.path(), now_ns());
        let site = SiteHash::from_parts(800, 800);
        let (gate, mut requests) = (gate(), requests(store.path()));
        requests.look(&gate, &HashMap::from([(KEY, site)]));
        let elsewhere = SiteHash::from_parts(1600, 1600);
        assert_eq!(depth(&gate, elsewhere), None, "the same names elsewhere");
        assert_eq!(depth(&gate, site), Some(2));
    }

    #[test]
    fn one_whose_names_fit_another_issue_is_served_at_its_next_time() {
        let store = tempfile::tempdir().expect("folder");
        ask(store.path(), now_ns());
        let (gate, mut requests) = (gate(), requests(store.path()));
        requests.look(&gate, &HashMap::new());
        let (other, site) = (
            SiteHash::from_parts(800, 800),
            SiteHash::from_parts(1600, 1600),
        );
        assert_eq!(depth(&gate, other), Some(2));
        requests.captured([1; 16], Some(other), true, &gate);
        assert_eq!(depth(&gate, site), None);
        requests.captured(KEY, Some(site), false, &gate);
        assert_eq!(depth(&gate, site), Some(2));
    }

    #[test]
    fn a_request_that_was_taken_back_is_not_served() {
        let store = tempfile::tempdir().expect("folder");
        ask(store.path(), now_ns());
        let (gate, mut requests) = (gate(), requests(store.path()));
        requests.look(&gate, &HashMap::new());
        fs::remove_file(store.path().join(file_name(KEY))).expect("file");
        requests.looked = None;
        requests.modified = None;
        requests.look(&gate, &HashMap::new());
        assert_eq!(depth(&gate, SiteHash::from_parts(800, 800)), None);
    }

    #[test]
    fn what_is_old_or_not_understood_is_left_alone() {
        let store = tempfile::tempdir().expect("folder");
        let path = store.path().join(file_name(KEY));
        ask(store.path(), 1);
        assert!(request(&path).is_none(), "older than a day");
        for text in ["", "[]", "{\"format\": 1}", "\u{0}"] {
            fs::write(&path, text).expect("file");
            assert!(request(&path).is_none(), "{text}");
        }
        fs::remove_file(&path).expect("file");
        fs::create_dir(&path).expect("folder");
        assert!(request(&path).is_none());
        assert!(key_of("9b").is_none() && key_of(&"+".repeat(32)).is_none());
        assert!(read(&store.path().join("nothing")).is_empty());
    }
}
