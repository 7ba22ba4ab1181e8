//! Times of paths, taken in turns so that what the machine does meanwhile meets all of them.
//!
//! The clock is the thread's own CPU time. A figure is the median of its samples. Cold samples are of one operation after 32 MB
//! were read, as an exception is met in a program that did something else; what an empty sample takes is taken off.

use std::hint::black_box;
use std::time::Duration;

use crate::path::Path;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    rounds: usize,
    sample: Duration,
    cold_rounds: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 61,
        sample: Duration::from_micros(1000),
        cold_rounds: 41,
    };
    /// For trying things out.
    pub(crate) const QUICK: Self = Self {
        rounds: 7,
        sample: Duration::from_micros(300),
        cold_rounds: 5,
    };
}

/// One figure.
pub(crate) struct Time {
    /// Which path, by its place.
    pub(crate) path: usize,
    pub(crate) cold: bool,
    /// Of one operation.
    pub(crate) nanos: f64,
}

/// Bytes between two cold samples.
const STREAM: usize = 32 << 20;

pub(crate) fn measure(paths: &mut [Path], effort: Effort) -> Vec<Time> {
    let operations: Vec<u32> = paths.iter_mut().map(|path| sized(path, effort)).collect();
    let mut hot = vec![Vec::new(); paths.len()];
    for _ in 0..effort.rounds {
        for (index, path) in paths.iter_mut().enumerate() {
            let nanos = time(path, operations[index]);
            hot[index].push(nanos / f64::from(operations[index]));
        }
    }
    let stream = vec![1_u64; STREAM / 8];
    let mut empty = Path::new("", "", "", |_| ());
    let mut nothing = Vec::new();
    let mut cold = vec![Vec::new(); paths.len()];
    for _ in 0..effort.cold_rounds {
        nothing.push(cold_time(&mut empty, &stream));
        for (index, path) in paths.iter_mut().enumerate().filter(|(_, path)| path.cold) {
            cold[index].push(cold_time(path, &stream));
        }
    }
    let nothing = median(nothing);
    let figures = hot.into_iter().zip(cold).enumerate();
    figures
        .flat_map(|(path, (hot, cold))| {
            let figure = |cold, nanos| Time { path, cold, nanos };
            let later = (!cold.is_empty()).then(|| figure(true, median(cold) - nothing));
            [Some(figure(false, median(hot))), later]
        })
        .flatten()
        .collect()
}

/// How many operations make a sample of the wanted length.
fn sized(path: &mut Path, effort: Effort) -> u32 {
    path.warm_up();
    let mut operations = 1;
    while operations < 1 << 24 && time(path, operations) < effort.sample.as_nanos() as f64 {
        operations *= 2;
    }
    operations
}

fn cold_time(path: &mut Path, stream: &[u64]) -> f64 {
    black_box(
        black_box(stream)
            .iter()
            .fold(0, |sum: u64, word| sum.wrapping_add(*word)),
    );
    time(path, 1)
}

fn time(path: &mut Path, operations: u32) -> f64 {
    let start = processor_time();
    path.run(operations);
    (processor_time() - start).as_nanos() as f64
}

/// CPU time of this thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for a write.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "this system tells no CPU time of threads");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
