//! Any file, variables and arguments: a configuration comes out, in bounds, and what is wrong is told in plain lines.
//!
//! The input is parts separated by zero bytes: the file, the arguments as JSON, then values of variables, each for the key that its
//! first byte chooses.

#![no_main]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe_core::config::{KEYS, Sources, load};

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let dir = base.join(format!("stillframe-fuzz-config-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder");
    dir
});

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0);
    fs::write(DIR.join("stillframe.toml"), parts.next().unwrap_or(b"")).expect("written");
    let arguments: BTreeMap<_, _> =
        serde_json::from_slice(parts.next().unwrap_or(b"")).unwrap_or_default();
    let mut variables = BTreeMap::new();
    for part in parts {
        if let [choice, value @ ..] = part {
            let key = &KEYS[usize::from(choice >> 1) % KEYS.len()];
            let name = match key.datadog_variables().first() {
                Some(name) if choice & 1 == 1 => (*name).to_owned(),
                _ => key.variable(),
            };
            variables.insert(name.into(), OsString::from_vec(value.to_vec()));
        }
    }
    // The key of equality tokens is a file of the store, which is elsewhere then.
    variables.insert("STILLFRAME_DIR".into(), DIR.join("store").into());
    let sources = Sources {
        variables,
        arguments,
        folder: Some(DIR.clone()),
        call: None,
    };
    let (config, problems) = load(&sources);
    assert_eq!(config.limits.validate(), Ok(()));
    assert!(config.spool.max_bytes >= 1 << 20 && config.gate.rate_per_second >= 0.0);
    for problem in problems {
        assert!(
            !problem.to_string().contains(|c: char| c.is_control()),
            "{problem}"
        );
    }
    let (again, _) = load(&sources);
    assert_eq!(
        config, again,
        "the same sources give the same configuration"
    );
});
