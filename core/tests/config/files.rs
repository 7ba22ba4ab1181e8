//! Where the file is looked for, and where the store is.

use std::fs;
use std::path::{Path, PathBuf};

use stillframe_core::config::{Sources, load};

use crate::{file, lines, nothing, variables};

fn found_from(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let mut sources = Sources {
        folder: Some(folder.to_owned()),
        ..nothing()
    };
    if let Some(home) = home {
        sources.variables.insert("HOME".into(), home.into());
    }
    let (config, problems) = load(&sources);
    assert_eq!(lines(&problems), [""; 0]);
    config.file
}

#[test]
fn the_file_is_looked_for_up_to_the_root_of_the_project_or_the_home_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let (top, project) = (dir.path().to_owned(), dir.path().join("project"));
    let deep = project.join("src/deep");
    fs::create_dir_all(&deep).expect("made");
    let put = |folder: &Path| {
        let path = folder.join("stillframe.toml");
        fs::write(&path, "debug = true\n").expect("written");
        path
    };
    let at_top = put(&top);
    assert_eq!(found_from(&deep, None), Some(at_top.clone()));
    assert_eq!(
        found_from(&deep, Some(&top)),
        Some(at_top),
        "the home folder itself counts"
    );
    assert_eq!(
        found_from(&deep, Some(&project)),
        None,
        "what is above it does not"
    );
    fs::create_dir(project.join(".git")).expect("made");
    assert_eq!(
        found_from(&deep, None),
        None,
        "nor what is above the project"
    );
    let in_project = put(&project);
    assert_eq!(found_from(&deep, None), Some(in_project));
    let near = put(&deep);
    assert_eq!(found_from(&deep, None), Some(near));
}

#[test]
fn a_named_file_is_used_and_one_that_cannot_be_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("other.toml");
    fs::write(&path, "service = \"named\"\n").expect("written");
    let named = |name: &Path| {
        let mut sources = variables(&[]);
        sources.folder = Some(dir.path().to_owned());
        sources
            .variables
            .insert("STILLFRAME_CONFIG".into(), name.into());
        load(&sources)
    };
    for name in [path.as_path(), Path::new("other.toml")] {
        let (config, problems) = named(name);
        assert_eq!(lines(&problems), [""; 0]);
        assert_eq!(
            (config.service.as_deref(), config.file.as_deref()),
            (Some("named"), Some(&*path))
        );
    }
    let (_, problems) = named(Path::new("missing.toml"));
    let missing = dir.path().join("missing.toml");
    assert_eq!(
        lines(&problems),
        [format!(
            "{}: there is no such file (STILLFRAME_CONFIG)",
            missing.display()
        )]
    );
    let (_, problems) = named(dir.path());
    assert!(lines(&problems)[0].contains("not a file"), "{problems:?}");
    fs::write(&path, [b'a', b' ', 0xFF, b'\n']).expect("written");
    let (_, problems) = named(&path);
    assert!(
        lines(&problems)[0].contains("not UTF-8 at byte 2"),
        "{problems:?}"
    );
    fs::write(&path, "# ".to_owned() + &"x".repeat(1 << 20)).expect("written");
    let (_, problems) = named(&path);
    assert!(
        lines(&problems)[0].contains("larger than 1048576 bytes"),
        "{problems:?}"
    );
}

#[test]
fn a_file_of_another_user_is_not_followed_by_itself() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away.
        assert!(
            load(&file("debug = true\n").0).0.debug,
            "one's own file is used"
        );
        return;
    }
    let (mut sources, dir) = file("service = \"planted\"\n");
    let path = dir.path().join("stillframe.toml");
    std::os::unix::fs::chown(&path, Some(65_534), None).expect("given away");
    let (config, problems) = load(&sources);
    assert_eq!((config.service, config.file), (None, None));
    assert!(
        lines(&problems)[0].contains("belongs to user 65534"),
        "{problems:?}"
    );
    sources
        .variables
        .insert("STILLFRAME_CONFIG".into(), path.into());
    assert_eq!(load(&sources).0.service.as_deref(), Some("planted"));
}

#[test]
fn paths_are_absolute_and_relative_to_where_they_were_written() {
    let (mut sources, dir) = file("dir = \"store\"\n");
    sources.variables.insert("HOME".into(), "/home/u".into());
    assert_eq!(load(&sources).0.dir, Some(dir.path().join("store")));
    let of = |value: &str| {
        let mut sources = variables(&[("HOME", "/home/u"), ("STILLFRAME_DIR", value)]);
        sources.folder = Some("/srv".into());
        load(&sources).0.store_dir().expect("a folder")
    };
    assert_eq!(of("/var/x"), Path::new("/var/x"));
    assert_eq!(of("x/y"), Path::new("/srv/x/y"));
    assert_eq!(of("~/x"), Path::new("/home/u/x"));
}

#[test]
fn the_store_is_named_after_the_service() {
    let of = |pairs: &[(&str, &str)]| load(&variables(pairs)).0.store_dir();
    let home = ("HOME", "/home/u");
    let dir = of(&[home, ("DD_SERVICE", "shop")]).expect("a folder");
    assert_eq!(dir, Path::new("/home/u/.local/state/stillframe/shop"));
    let dir = of(&[home, ("XDG_STATE_HOME", "/state")]).expect("a folder");
    assert_eq!(dir, Path::new("/state/stillframe/unnamed"));
    let error = of(&[("DD_SERVICE", "shop")]).expect_err("no home");
    assert!(error.to_string().contains("STILLFRAME_DIR"), "{error}");
    let (mut config, _) = load(&variables(&[home]));
    config.set_default_service("found");
    assert_eq!(
        config
            .store_dir()
            .expect("a folder")
            .file_name()
            .expect("a name"),
        "found"
    );
    assert_eq!(config.gate.service, "found");
    config.set_default_service("too late");
    assert_eq!(config.service.as_deref(), Some("found"));
}
