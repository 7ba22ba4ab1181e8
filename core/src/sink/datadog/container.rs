//! Which container the program runs in, as Datadog's Agent wants to be told: it knows the tags of the container and adds them.

use std::fs::File;
use std::io::Read;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Bytes read of a file of `/proc`.
const MOST: u64 = 64 << 10;
/// Bytes of an id, or of what the admission controller says.
const LONGEST: usize = 256;
/// Inode of the cgroup namespace of the machine itself.
const HOST_NAMESPACE: u64 = 0xEFFF_FFFB;
/// Ids of Docker and Kubernetes, of Fargate, and of Garden, at the end of a line of `/proc/self/cgroup`.
const ID: &str = r"(?m)([0-9a-f]{64}|[0-9a-f]{32}-\d+|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.scope)?$";

/// Where snapshots come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// `ci-` and the container's id, or `in-` and the inode of its cgroup.
    pub(super) entity: Option<String>,
    /// What Datadog's admission controller put into `DD_EXTERNAL_ENV` when the container was made.
    pub(super) external: Option<String>,
}

impl Origin {
    /// That of this process.
    pub(super) fn here() -> Self {
        let cgroup = text_of("/proc/self/cgroup");
        let in_container = inode(Path::new("/proc/self/ns/cgroup")) != Some(HOST_NAMESPACE);
        // The environment that the process began with: reading the present one while the program changes it would not be safe.
        let environment = text_of("/proc/self/environ");
        let external = environment
            .split('\0')
            .find_map(|variable| variable.strip_prefix("DD_EXTERNAL_ENV="));
        Self {
            entity: entity(&cgroup, in_container, inode),
            external: external.filter(|text| is_header(text)).map(str::to_owned),
        }
    }
}

/// The id in the text of `/proc/self/cgroup`, else the inode of the cgroup that a container sees as its root.
fn entity(
    cgroup: &str,
    in_container: bool,
    inode: impl Fn(&Path) -> Option<u64>,
) -> Option<String> {
    let id = Regex::new(ID).ok()?;
    if let Some(found) = id.captures(cgroup).and_then(|found| found.get(1)) {
        return Some(format!("ci-{}", found.as_str()));
    }
    if !in_container {
        return None;
    }
    let path = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let folder = match controllers {
            "" => PathBuf::from("/sys/fs/cgroup"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                PathBuf::from("/sys/fs/cgroup/memory")
            }
            _ => return None,
        };
        Some(folder.join(path.strip_prefix('/')?))
    };
    let inode = cgroup
        .lines()
        .filter_map(path)
        .find_map(|path| inode(&path))?;
    // 0 to 2 are no inodes of a cgroup.
    (inode > 2).then(|| format!("in-{inode}"))
}

fn inode(path: &Path) -> Option<u64> {
    Some(std::fs::metadata(path).ok()?.st_ino())
}

fn text_of(path: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Whether `text` can be the value of a header, and a part of a route.
pub(super) fn is_header(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cgroup: &str) -> Option<String> {
        entity(cgroup, true, |path| match path.to_str() {
            Some("/sys/fs/cgroup/" | "/sys/fs/cgroup/memory/") => Some(4711),
            _ => None,
        })
    }

    #[test]
    fn ids_of_containers() {
        let docker = "34dc0b5e626f2c5c4c5170e34b10e7654ce36f0fcd532739f4445baabea03376";
        let garden = "6f265890-5165-7fab-6b52-18d1d8ab6f3c";
        for (cgroup, id) in [
            (format!("12:memory:/docker/{docker}\n1:name=systemd:/docker/{docker}\n"), docker),
            (format!("0::/kubepods.slice/kubepods-pod2d3da189.slice/cri-containerd-{docker}.scope\n"), docker),
            ("0::/ecs/55091c13-b8cf-4801-b527-f4601742204d/432624d2150b349fe35ba397284dea78-3249812341".into(),
             "432624d2150b349fe35ba397284dea78-3249812341"),
            (format!("1:name=systemd:/system.slice/garden.service/garden/{garden}"), garden),
        ] {
            assert_eq!(of(&cgroup), Some(format!("ci-{id}")), "{cgroup}");
        }
    }

    #[test]
    fn inodes_where_the_namespace_hides_the_id() {
        assert_eq!(of("0::/\n"), Some("in-4711".into()));
        assert_eq!(of("5:cpu,memory:/\n"), Some("in-4711".into()));
        assert_eq!(of("5:cpu:/\n"), None);
        assert_eq!(of("0::/user.slice/session-1.scope\n"), None);
        assert_eq!(of("garbage\n::\n"), None);
        let none = |_: &Path| Some(2);
        assert_eq!(entity("0::/\n", true, none), None);
        let any = |_: &Path| Some(4711);
        assert_eq!(entity("0::/\n", false, any), None, "the machine itself");
    }

    #[test]
    fn what_cannot_be_a_header() {
        assert!(is_header("it-false,cn-weblog,pu-75a2b6d5"));
        for text in ["", "a b", "a\nb", "ä", &"x".repeat(257)] {
            assert!(!is_header(text), "{text:?}");
        }
    }
}
