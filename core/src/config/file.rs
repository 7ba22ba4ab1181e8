//! `stillframe.toml`: where it is, and what it says.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::node::Node;
use super::problem::{ConfigProblem, Origin};

/// Name of the file that is looked for.
pub(super) const FILE_NAME: &str = "stillframe.toml";
/// What marks the folder above which no file is looked for.
const PROJECT_ROOTS: &[&str] = &[".git", ".hg", ".svn", "pyproject.toml"];
/// Longest file that is read.
const LONGEST: u64 = 1 << 20;
/// Folders looked into.
const MOST_FOLDERS: usize = 64;

/// A file that was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// The place of a byte.
    pub(super) fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Origin::File {
            path: self.path.clone(),
            line,
            column,
        }
    }

    /// What it says. What is no TOML is told, the rest is understood as far as it goes.
    pub(super) fn members(&self, problems: &mut Vec<ConfigProblem>) -> Vec<(String, Node)> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        for error in errors {
            problems.push(ConfigProblem {
                key: String::new(),
                value: None,
                what: format!("not TOML: {}", error.message().replace('\n', ", ")),
                kept: None,
                origin: Some(self.origin(error.span().map_or(0, |span| span.start))),
            });
        }
        Node::members(table.get_ref())
    }
}

/// Reads the file at `path`, which the user named.
pub(super) fn named(path: &Path) -> Result<ConfigFile, String> {
    read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}

/// Looks for a file in `from` and the folders above it, up to the first that is the root of a project or the home folder.
///
/// A file in a folder that others may write to must not configure this program: one that belongs to another user (but root)
/// is told and left.
pub(super) fn search(
    from: &Path,
    home: Option<&Path>,
) -> Option<(PathBuf, Result<ConfigFile, String>)> {
    for folder in from.ancestors().take(MOST_FOLDERS) {
        let path = folder.join(FILE_NAME);
        match std::fs::metadata(&path) {
            Ok(metadata) => {
                let user = rustix::process::geteuid().as_raw();
                let file = if is_trusted(metadata.uid(), user) {
                    named(&path)
                } else {
                    Err(format!(
                        "ignored: it belongs to user {}; STILLFRAME_CONFIG={} uses it nevertheless",
                        metadata.uid(),
                        path.display()
                    ))
                };
                return Some((path, file));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A folder that cannot be searched; those above may be.
            Err(_) => {}
        }
        let root = PROJECT_ROOTS.iter().any(|name| folder.join(name).exists());
        if root || Some(folder) == home {
            break;
        }
    }
    None
}

/// Whether a file of `owner` may configure a program of `user` without being asked for.
fn is_trusted(owner: u32, user: u32) -> bool {
    owner == user || owner == 0
}

fn read(path: &Path) -> io::Result<ConfigFile> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a file"));
    }
    if metadata.len() > LONGEST {
        return Err(io::Error::other(format!("larger than {LONGEST} bytes")));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        io::Error::other(format!(
            "not UTF-8 at byte {}",
            error.utf8_error().valid_up_to()
        ))
    })?;
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text);
    Ok(ConfigFile {
        path: path.to_owned(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_files_and_roots_are_trusted() {
        assert!(is_trusted(1000, 1000) && is_trusted(0, 1000) && is_trusted(0, 0));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1000, 0));
    }

    #[test]
    fn places_are_lines_and_characters() {
        let file = ConfigFile {
            path: "f".into(),
            text: "a\n\u{e9}\u{e9}b\n".to_owned(),
        };
        for (at, place) in [
            (0, "f:1:1"),
            (1, "f:1:2"),
            (2, "f:2:1"),
            (6, "f:2:3"),
            (99, "f:3:1"),
        ] {
            assert_eq!(file.origin(at).to_string(), place);
        }
    }
}
