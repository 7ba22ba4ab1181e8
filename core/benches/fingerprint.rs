//! What grouping costs per error. `cargo bench -p stillframe-core --bench fingerprint`.

#[path = "support/cpu_time.rs"]
mod cpu_time;
#[path = "support/errors.rs"]
mod errors;

use errors::{error, python};
use stillframe_core::fingerprint::{
    ErrorInput, FingerprintConfig, Fingerprinter, FrameInput, parameterise,
};
use stillframe_core::language::Language;

fn java() -> ErrorInput<'static> {
    let frames = (0..30usize).map(|n| {
        let (function, module) = match n % 3 {
            0 => (
                "lambda$total$3",
                "com.acme.shop.Cart$$EnhancerBySpringCGLIB$$1a2b3c4d",
            ),
            1 => ("total", "com.acme.shop.Cart$1"),
            _ => (
                "doDispatch",
                "org.springframework.web.servlet.DispatcherServlet",
            ),
        };
        FrameInput {
            function,
            module,
            ..FrameInput::default()
        }
    });
    error(
        Language::Java,
        "java.lang.IllegalStateException",
        frames.collect(),
    )
}

fn native() -> ErrorInput<'static> {
    let frames = (0..30usize).map(|n| FrameInput {
        function: match n % 3 {
            0 => "shop::cart::Cart<T>::total::{{closure}}::h0123456789abcdef",
            1 => "<shop::Cart<T> as core::iter::Iterator>::next",
            _ => "std::vector<int, std::allocator<int> >::at(unsigned long)",
        },
        ..FrameInput::default()
    });
    error(Language::Native, "std::out_of_range", frames.collect())
}

fn patterns(count: usize) -> FingerprintConfig {
    FingerprintConfig {
        in_app_include: (0..count).map(|n| format!("vendor{n}_*")).collect(),
        ..FingerprintConfig::default()
    }
}

fn main() {
    let mut criterion = cpu_time::criterion();
    let mut group = criterion.benchmark_group("fingerprint, 30 frames");
    let default = Fingerprinter::default();
    for (name, input) in [
        ("Python", python(false)),
        ("Python, in-app told by the host", python(true)),
        ("Java", java()),
        ("native", native()),
    ] {
        group.bench_function(name, |b| b.iter(|| default.fingerprint(&input)));
    }
    let input = python(false);
    group.bench_function("Python, key only", |b| {
        b.iter(|| default.explain(&input).key())
    });
    let by_message = FingerprintConfig {
        by_message: true,
        ..FingerprintConfig::default()
    };
    let by_message = Fingerprinter::new(&by_message);
    group.bench_function("Python, by message", |b| {
        b.iter(|| by_message.fingerprint(&input))
    });
    for count in [10, 100] {
        let configured = Fingerprinter::new(&patterns(count));
        group.bench_function(format!("Python, {count} patterns"), |b| {
            b.iter(|| configured.fingerprint(&input))
        });
    }
    group.finish();
    let message = input.exceptions[0].message;
    criterion.bench_function("parameterise, 72 characters", |b| {
        b.iter(|| parameterise(message))
    });
    criterion.final_summary();
}
