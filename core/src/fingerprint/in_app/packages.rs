//! Defaults by package name: Java, .NET, and native code.

const STANDARD: &str = "standard library";
const FRAMEWORK: &str = "framework";
const GENERATED: &str = "generated";
const SYSTEM: &str = "system library";
const PACKAGE: &str = "package";

/// What the JDK and the languages on it bring.
const JAVA_STANDARD: &[&str] = &[
    "java",
    "javax",
    "jakarta",
    "jdk",
    "sun",
    "com.sun",
    "com.oracle.graal",
    "org.graalvm",
    "oracle.jrockit",
    "kotlin",
    "kotlinx",
    "scala",
    "groovy",
    "org.codehaus.groovy",
    "org.apache.groovy",
    "clojure",
];

/// Frameworks, servers, drivers and tools of the JVM.
const JAVA_FRAMEWORKS: &[&str] = &[
    "akka",
    "android",
    "androidx",
    "ch.qos.logback",
    "co.elastic",
    "com.datadog",
    "com.fasterxml",
    "com.google.common",
    "com.google.gson",
    "com.google.inject",
    "com.google.protobuf",
    "com.hazelcast",
    "com.intellij",
    "com.linecorp.armeria",
    "com.mchange",
    "com.mongodb",
    "com.mysql",
    "com.netflix",
    "com.oracle",
    "com.rabbitmq",
    "com.squareup",
    "com.typesafe",
    "com.vaadin",
    "com.zaxxer",
    "dagger",
    "datadog.trace",
    "feign",
    "freemarker",
    "graphql",
    "io.dropwizard",
    "io.grpc",
    "io.helidon",
    "io.javalin",
    "io.ktor",
    "io.lettuce",
    "io.micrometer",
    "io.micronaut",
    "io.netty",
    "io.opentelemetry",
    "io.quarkus",
    "io.r2dbc",
    "io.reactivex",
    "io.rsocket",
    "io.smallrye",
    "io.swagger",
    "io.undertow",
    "io.vertx",
    "javassist",
    "junit",
    "liquibase",
    "net.bytebuddy",
    "net.sf.cglib",
    "net.sf.ehcache",
    "ognl",
    "okhttp3",
    "okio",
    "oracle.jdbc",
    "org.apache",
    "org.aspectj",
    "org.bson",
    "org.eclipse",
    "org.elasticsearch",
    "org.flywaydb",
    "org.glassfish",
    "org.gradle",
    "org.h2",
    "org.hibernate",
    "org.hsqldb",
    "org.infinispan",
    "org.jboss",
    "org.jetbrains",
    "org.jooq",
    "org.junit",
    "org.mariadb",
    "org.mockito",
    "org.mortbay",
    "org.mybatis",
    "org.neo4j",
    "org.opensearch",
    "org.openjdk",
    "org.postgresql",
    "org.quartz",
    "org.redisson",
    "org.slf4j",
    "org.springframework",
    "org.testcontainers",
    "org.testng",
    "org.thymeleaf",
    "org.wildfly",
    "org.xnio",
    "org.yaml.snakeyaml",
    "play",
    "reactor",
    "redis.clients",
    "retrofit2",
    "rx",
    "spray",
    "worker.org.gradle",
    "zio",
];

const DOTNET_STANDARD: &[&str] = &[
    "System", "mscorlib", "Internal", "Interop", "Windows", "FSharp",
];

const DOTNET_FRAMEWORKS: &[&str] = &[
    "Akka",
    "Amazon",
    "Autofac",
    "AutoMapper",
    "Azure",
    "Castle",
    "CommunityToolkit",
    "Dapper",
    "Datadog",
    "DotNetty",
    "Elastic",
    "FluentValidation",
    "Google",
    "Grpc",
    "Hangfire",
    "IdentityServer4",
    "Lamar",
    "MassTransit",
    "MediatR",
    "Microsoft",
    "Mono",
    "MongoDB",
    "Moq",
    "MySql",
    "MySqlConnector",
    "NHibernate",
    "NLog",
    "NServiceBus",
    "NUnit",
    "Newtonsoft",
    "Npgsql",
    "NSubstitute",
    "OpenTelemetry",
    "Oracle",
    "Orleans",
    "Polly",
    "Quartz",
    "RabbitMQ",
    "Refit",
    "RestSharp",
    "Serilog",
    "ServiceStack",
    "SimpleInjector",
    "StackExchange",
    "Swashbuckle",
    "Xunit",
    "log4net",
    "xunit",
];

const NATIVE_STANDARD: &[&str] = &[
    "std",
    "core",
    "alloc",
    "__cxxabiv1",
    "__gnu_cxx",
    "proc_macro",
    "test",
    "panic_unwind",
    "panic_abort",
    "compiler_builtins",
];

const NATIVE_PACKAGES: &[&str] = &[
    "absl",
    "actix_rt",
    "actix_web",
    "async_std",
    "axum",
    "backtrace",
    "boost",
    "crossbeam",
    "fmt",
    "folly",
    "futures",
    "futures_util",
    "grpc",
    "hyper",
    "rayon",
    "rayon_core",
    "rocket",
    "tokio",
    "tower",
    "tracing",
    "tungstenite",
    "warp",
];

/// Functions of the C and the unwinding runtime that carry no package.
const NATIVE_FUNCTIONS: &[&str] = &[
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "__libc_init_first",
    "start_thread",
    "clone",
    "__clone",
    "clone3",
    "raise",
    "gsignal",
    "abort",
    "__GI_raise",
    "__GI_abort",
    "__assert_fail",
    "__assert_fail_base",
    "__pthread_kill_implementation",
    "pthread_kill",
    "rust_begin_unwind",
    "rust_panic",
    "__rust_begin_short_backtrace",
    "__rust_end_short_backtrace",
    "__rust_start_panic",
    "_Unwind_RaiseException",
    "_Unwind_Resume",
    "__cxa_throw",
    "__cxa_rethrow",
    "_rjem_malloc",
    "BaseThreadInitThunk",
    "RtlUserThreadStart",
    "KiUserExceptionDispatcher",
    "RaiseException",
    "_CxxThrowException",
];

/// Whether `name` is `package` or inside it.
fn is_in(name: &str, package: &str, separator: &str) -> bool {
    name.strip_prefix(package)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

fn any(name: &str, packages: &[&str], separator: &str) -> bool {
    packages
        .iter()
        .any(|package| is_in(name, package, separator))
}

/// Why a frame of this class is not in-app, if it is not.
pub(super) fn java(class: &str) -> Option<&'static str> {
    // `loader/module@version/package.Class`; a hidden class has another `/` behind.
    let class = class.split("/0x").next().unwrap_or(class);
    let class = class.rsplit('/').next().unwrap_or(class);
    if class.starts_with("$Proxy") || class.starts_with("GeneratedMethodAccessor") {
        Some(GENERATED)
    } else if any(class, JAVA_STANDARD, ".") {
        Some(STANDARD)
    } else if any(class, JAVA_FRAMEWORKS, ".") {
        Some(FRAMEWORK)
    } else {
        None
    }
}

/// Why a frame of this type is not in-app, if it is not.
pub(super) fn dotnet(type_name: &str) -> Option<&'static str> {
    if any(type_name, DOTNET_STANDARD, ".") {
        Some(STANDARD)
    } else if any(type_name, DOTNET_FRAMEWORKS, ".") {
        Some(FRAMEWORK)
    } else {
        None
    }
}

/// Why a native frame is not in-app, if it is not. `module` is a crate, a namespace or the path of an image.
pub(super) fn native(file: &str, module: &str, function: &str) -> Option<&'static str> {
    // `<alloc::vec::Vec<T> as core::ops::Index>::index` is alloc's.
    let function = function.trim_start_matches(['<', '&', '*']);
    let standard = |name| any(name, NATIVE_STANDARD, "::");
    let package = |name| any(name, NATIVE_PACKAGES, "::");
    if standard(module) || standard(function) || is_rust_source(file) {
        return Some(STANDARD);
    }
    if package(module) || package(function) || is_package_source(file) {
        return Some(PACKAGE);
    }
    if NATIVE_FUNCTIONS.contains(&function) || is_system_image(module) || is_system_source(file) {
        return Some(SYSTEM);
    }
    None
}

fn is_rust_source(file: &str) -> bool {
    file.starts_with("/rustc/") || file.contains("/rustlib/src/")
}

fn is_package_source(file: &str) -> bool {
    [
        "/.cargo/registry/",
        "/.cargo/git/",
        "/vcpkg/",
        "/.conan/",
        "/.conan2/",
    ]
    .iter()
    .any(|folder| file.contains(folder))
}

fn is_system_source(file: &str) -> bool {
    [
        "/usr/include/",
        "/usr/src/",
        "./sysdeps/",
        "../sysdeps/",
        "./nptl/",
        "./csu/",
        "../csu/",
    ]
    .iter()
    .any(|folder| file.starts_with(folder))
}

fn is_system_image(module: &str) -> bool {
    let unix = [
        "/lib/",
        "/lib64/",
        "/usr/lib/",
        "/usr/lib64/",
        "/System/Library/",
        "/usr/libexec/",
    ];
    let windows = ["c:\\windows\\", "c:/windows/"];
    let name = module.rsplit(['/', '\\']).next().unwrap_or(module);
    let names = [
        "libc.so",
        "libc-2.",
        "libstdc++.",
        "libgcc_s.",
        "libpthread",
        "libm.so",
        "ld-linux",
        "libsystem_",
        "libc++",
        "dyld",
        "ntdll",
        "kernel32",
        "kernelbase",
        "ucrtbase",
        "vcruntime",
        "msvcp",
        "linux-vdso",
    ];
    let starts = |text: &str, prefixes: &[&str]| {
        prefixes.iter().any(|prefix| {
            text.get(..prefix.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        })
    };
    starts(module, &unix) || starts(module, &windows) || starts(name, &names)
}
