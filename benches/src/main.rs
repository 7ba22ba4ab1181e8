//! What the stages of the core cost: one JSON object per row on standard output.
//!
//! ```text
//! rows                  times: thread CPU time, hot and cold          -> benches/run, the table
//! rows --allocations    allocations per operation after warm-up       -> benches/counts/check
//! rows --once NAME      one path, a fixed number of operations        -> the same, under callgrind
//! rows --list           the names of all paths and their operations
//! ```
//!
//! All four work on one list of [`Path`]s; [`paths`] makes it from [`inputs`].
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot do what it measures should stop"
)]

mod allocations;
mod crossing;
mod inputs;
mod path;
mod paths;
#[path = "../../core/benches/support/rules.rs"]
mod rules;
mod store;
mod timing;
#[path = "../scanner-vs-sds/src/values.rs"]
#[expect(dead_code, reason = "the core's own benches use more of it")]
mod values;

use std::error::Error;
use std::io::Write;

use serde_json::json;

use crate::path::Path;

/// Operations of `--once`: so many that what surrounds them does not count.
const ONCE: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut paths = paths::all();
    let mut out = std::io::stdout().lock();
    match arguments[..] {
        [] => times(&mut paths, timing::Effort::FULL, &mut out),
        ["--quick"] => times(&mut paths, timing::Effort::QUICK, &mut out),
        ["--allocations"] => count_allocations(&mut paths, &mut out),
        ["--list"] => paths.iter().filter(|path| path.counted).try_for_each(|path| {
            let row = json!({"path": path.name, "per_run": path.per_operation * f64::from(ONCE), "unit": path.unit});
            writeln!(out, "{row}")
        }),
        ["--once", name] => {
            let path = paths.iter_mut().find(|path| path.name == name);
            let path = path.ok_or_else(|| format!("no path is called {name}; see --list"))?;
            path.warm_up();
            measured(path);
            Ok(())
        }
        _ => return Err("usage: rows [--quick | --allocations | --list | --once NAME]".into()),
    }?;
    Ok(())
}

/// What callgrind counts: it is switched on by this function's name.
#[unsafe(no_mangle)]
#[inline(never)]
fn measured(path: &mut Path) {
    path.run(ONCE);
}

fn times(paths: &mut [Path], effort: timing::Effort, out: &mut impl Write) -> std::io::Result<()> {
    let times = timing::measure(paths, effort);
    for time in &times {
        let path = &paths[time.path];
        let target = if time.cold {
            None
        } else {
            path.target
                .map(|(of, most)| json!({"of": "value", of: most}))
        };
        let name = if time.cold {
            format!("{}, cold", path.title)
        } else {
            path.title.to_owned()
        };
        let mut row = json!({
            "stage": path.stage,
            "row": name,
            "value": path.figure(time.nanos),
            "unit": path.unit,
            "target": target,
        });
        let other = path.against.and_then(|other| {
            times
                .iter()
                .find(|time_of| paths[time_of.path].name == other && time_of.cold == time.cold)
        });
        if let Some(other) = other {
            row["against"] = paths[other.path].title.into();
            row["against_value"] = paths[other.path].figure(other.nanos).into();
        }
        if let Some(note) = path.note.as_ref().filter(|_| !time.cold) {
            row["note"] = note.as_str().into();
        }
        writeln!(out, "{row}")?;
    }
    Ok(())
}

fn count_allocations(paths: &mut [Path], out: &mut impl Write) -> std::io::Result<()> {
    for path in paths.iter_mut().filter(|path| path.counted) {
        path.warm_up();
        let count = allocations::of(|| path.run(ONCE));
        let per_operation = count as f64 / f64::from(ONCE);
        let row = json!({"path": path.name, "allocations": per_operation});
        writeln!(out, "{row}")?;
    }
    Ok(())
}
