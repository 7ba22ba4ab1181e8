//! Defaults by package name: Java, .NET, and native code. The tables are sorted by bytes.

const STANDARD: &str = "standard library";
const FRAMEWORK: &str = "framework";
const GENERATED: &str = "generated";
const SYSTEM: &str = "system library";
const PACKAGE: &str = "package";

/// What the JDK and the languages on it bring; frameworks, servers, drivers and tools of the JVM.
const JAVA: &[(&str, &str)] = &[
    ("akka", FRAMEWORK),
    ("android", FRAMEWORK),
    ("androidx", FRAMEWORK),
    ("ch.qos.logback", FRAMEWORK),
    ("clojure", STANDARD),
    ("co.elastic", FRAMEWORK),
    ("com.datadog", FRAMEWORK),
    ("com.fasterxml", FRAMEWORK),
    ("com.google.common", FRAMEWORK),
    ("com.google.gson", FRAMEWORK),
    ("com.google.inject", FRAMEWORK),
    ("com.google.protobuf", FRAMEWORK),
    ("com.hazelcast", FRAMEWORK),
    ("com.intellij", FRAMEWORK),
    ("com.linecorp.armeria", FRAMEWORK),
    ("com.mchange", FRAMEWORK),
    ("com.mongodb", FRAMEWORK),
    ("com.mysql", FRAMEWORK),
    ("com.netflix", FRAMEWORK),
    ("com.oracle", FRAMEWORK),
    ("com.rabbitmq", FRAMEWORK),
    ("com.squareup", FRAMEWORK),
    ("com.sun", STANDARD),
    ("com.typesafe", FRAMEWORK),
    ("com.vaadin", FRAMEWORK),
    ("com.zaxxer", FRAMEWORK),
    ("dagger", FRAMEWORK),
    ("datadog.trace", FRAMEWORK),
    ("feign", FRAMEWORK),
    ("freemarker", FRAMEWORK),
    ("graphql", FRAMEWORK),
    ("groovy", STANDARD),
    ("io.dropwizard", FRAMEWORK),
    ("io.grpc", FRAMEWORK),
    ("io.helidon", FRAMEWORK),
    ("io.javalin", FRAMEWORK),
    ("io.ktor", FRAMEWORK),
    ("io.lettuce", FRAMEWORK),
    ("io.micrometer", FRAMEWORK),
    ("io.micronaut", FRAMEWORK),
    ("io.netty", FRAMEWORK),
    ("io.opentelemetry", FRAMEWORK),
    ("io.quarkus", FRAMEWORK),
    ("io.r2dbc", FRAMEWORK),
    ("io.reactivex", FRAMEWORK),
    ("io.rsocket", FRAMEWORK),
    ("io.smallrye", FRAMEWORK),
    ("io.swagger", FRAMEWORK),
    ("io.undertow", FRAMEWORK),
    ("io.vertx", FRAMEWORK),
    ("jakarta", STANDARD),
    ("java", STANDARD),
    ("javassist", FRAMEWORK),
    ("javax", STANDARD),
    ("jdk", STANDARD),
    ("junit", FRAMEWORK),
    ("kotlin", STANDARD),
    ("kotlinx", STANDARD),
    ("liquibase", FRAMEWORK),
    ("net.bytebuddy", FRAMEWORK),
    ("net.sf.cglib", FRAMEWORK),
    ("net.sf.ehcache", FRAMEWORK),
    ("ognl", FRAMEWORK),
    ("okhttp3", FRAMEWORK),
    ("okio", FRAMEWORK),
    ("oracle.jdbc", FRAMEWORK),
    ("oracle.jrockit", STANDARD),
    ("org.apache", FRAMEWORK),
    ("org.aspectj", FRAMEWORK),
    ("org.bson", FRAMEWORK),
    ("org.codehaus.groovy", STANDARD),
    ("org.eclipse", FRAMEWORK),
    ("org.elasticsearch", FRAMEWORK),
    ("org.flywaydb", FRAMEWORK),
    ("org.glassfish", FRAMEWORK),
    ("org.graalvm", STANDARD),
    ("org.gradle", FRAMEWORK),
    ("org.h2", FRAMEWORK),
    ("org.hibernate", FRAMEWORK),
    ("org.hsqldb", FRAMEWORK),
    ("org.infinispan", FRAMEWORK),
    ("org.jboss", FRAMEWORK),
    ("org.jetbrains", FRAMEWORK),
    ("org.jooq", FRAMEWORK),
    ("org.junit", FRAMEWORK),
    ("org.mariadb", FRAMEWORK),
    ("org.mockito", FRAMEWORK),
    ("org.mortbay", FRAMEWORK),
    ("org.mybatis", FRAMEWORK),
    ("org.neo4j", FRAMEWORK),
    ("org.openjdk", FRAMEWORK),
    ("org.opensearch", FRAMEWORK),
    ("org.postgresql", FRAMEWORK),
    ("org.quartz", FRAMEWORK),
    ("org.redisson", FRAMEWORK),
    ("org.slf4j", FRAMEWORK),
    ("org.springframework", FRAMEWORK),
    ("org.testcontainers", FRAMEWORK),
    ("org.testng", FRAMEWORK),
    ("org.thymeleaf", FRAMEWORK),
    ("org.wildfly", FRAMEWORK),
    ("org.xnio", FRAMEWORK),
    ("org.yaml.snakeyaml", FRAMEWORK),
    ("play", FRAMEWORK),
    ("reactor", FRAMEWORK),
    ("redis.clients", FRAMEWORK),
    ("retrofit2", FRAMEWORK),
    ("rx", FRAMEWORK),
    ("scala", STANDARD),
    ("spray", FRAMEWORK),
    ("sun", STANDARD),
    ("worker.org.gradle", FRAMEWORK),
    ("zio", FRAMEWORK),
];

const DOTNET: &[(&str, &str)] = &[
    ("Akka", FRAMEWORK),
    ("Amazon", FRAMEWORK),
    ("AutoMapper", FRAMEWORK),
    ("Autofac", FRAMEWORK),
    ("Azure", FRAMEWORK),
    ("Castle", FRAMEWORK),
    ("CommunityToolkit", FRAMEWORK),
    ("Dapper", FRAMEWORK),
    ("Datadog", FRAMEWORK),
    ("DotNetty", FRAMEWORK),
    ("Elastic", FRAMEWORK),
    ("FSharp", STANDARD),
    ("FluentValidation", FRAMEWORK),
    ("Google", FRAMEWORK),
    ("Grpc", FRAMEWORK),
    ("Hangfire", FRAMEWORK),
    ("IdentityServer4", FRAMEWORK),
    ("Internal", STANDARD),
    ("Interop", STANDARD),
    ("Lamar", FRAMEWORK),
    ("MassTransit", FRAMEWORK),
    ("MediatR", FRAMEWORK),
    ("Microsoft", FRAMEWORK),
    ("MongoDB", FRAMEWORK),
    ("Mono", FRAMEWORK),
    ("Moq", FRAMEWORK),
    ("MySql", FRAMEWORK),
    ("MySqlConnector", FRAMEWORK),
    ("NHibernate", FRAMEWORK),
    ("NLog", FRAMEWORK),
    ("NServiceBus", FRAMEWORK),
    ("NSubstitute", FRAMEWORK),
    ("NUnit", FRAMEWORK),
    ("Newtonsoft", FRAMEWORK),
    ("Npgsql", FRAMEWORK),
    ("OpenTelemetry", FRAMEWORK),
    ("Oracle", FRAMEWORK),
    ("Orleans", FRAMEWORK),
    ("Polly", FRAMEWORK),
    ("Quartz", FRAMEWORK),
    ("RabbitMQ", FRAMEWORK),
    ("Refit", FRAMEWORK),
    ("RestSharp", FRAMEWORK),
    ("Serilog", FRAMEWORK),
    ("ServiceStack", FRAMEWORK),
    ("SimpleInjector", FRAMEWORK),
    ("StackExchange", FRAMEWORK),
    ("Swashbuckle", FRAMEWORK),
    ("System", STANDARD),
    ("Windows", STANDARD),
    ("Xunit", FRAMEWORK),
    ("log4net", FRAMEWORK),
    ("mscorlib", STANDARD),
    ("xunit", FRAMEWORK),
];

/// First parts of the names of crates and namespaces.
const NATIVE: &[(&str, &str)] = &[
    ("__cxxabiv1", STANDARD),
    ("__gnu_cxx", STANDARD),
    ("absl", PACKAGE),
    ("actix_rt", PACKAGE),
    ("actix_web", PACKAGE),
    ("alloc", STANDARD),
    ("async_std", PACKAGE),
    ("axum", PACKAGE),
    ("backtrace", PACKAGE),
    ("boost", PACKAGE),
    ("compiler_builtins", STANDARD),
    ("core", STANDARD),
    ("crossbeam", PACKAGE),
    ("fmt", PACKAGE),
    ("folly", PACKAGE),
    ("futures", PACKAGE),
    ("futures_util", PACKAGE),
    ("grpc", PACKAGE),
    ("hyper", PACKAGE),
    ("panic_abort", STANDARD),
    ("panic_unwind", STANDARD),
    ("proc_macro", STANDARD),
    ("rayon", PACKAGE),
    ("rayon_core", PACKAGE),
    ("rocket", PACKAGE),
    ("std", STANDARD),
    ("test", STANDARD),
    ("tokio", PACKAGE),
    ("tower", PACKAGE),
    ("tracing", PACKAGE),
    ("tungstenite", PACKAGE),
    ("warp", PACKAGE),
];

/// Functions of the C and the unwinding runtime that carry no package.
const NATIVE_FUNCTIONS: &[&str] = &[
    "BaseThreadInitThunk",
    "KiUserExceptionDispatcher",
    "RaiseException",
    "RtlUserThreadStart",
    "_CxxThrowException",
    "_Unwind_RaiseException",
    "_Unwind_Resume",
    "__GI_abort",
    "__GI_raise",
    "__assert_fail",
    "__assert_fail_base",
    "__clone",
    "__cxa_rethrow",
    "__cxa_throw",
    "__libc_init_first",
    "__libc_start_call_main",
    "__libc_start_main",
    "__pthread_kill_implementation",
    "__rust_begin_short_backtrace",
    "__rust_end_short_backtrace",
    "__rust_start_panic",
    "_rjem_malloc",
    "_start",
    "abort",
    "clone",
    "clone3",
    "gsignal",
    "pthread_kill",
    "raise",
    "rust_begin_unwind",
    "rust_panic",
    "start_thread",
];

/// What a table says about the package that a name is in. No package of a table is inside another one, so it can only be the last
/// one that is not behind the name.
fn find(name: &str, table: &[(&str, &'static str)]) -> Option<&'static str> {
    let behind = table.partition_point(|(package, _)| *package <= name);
    let (package, reason) = table.get(behind.checked_sub(1)?)?;
    let rest = name.strip_prefix(package)?;
    (rest.is_empty() || rest.starts_with('.')).then_some(*reason)
}

/// Why a frame of this class is not in-app, if it is not.
pub(super) fn java(class: &str) -> Option<&'static str> {
    // `loader/module@version/package.Class`; a hidden class has an address behind another slash.
    let class = match memchr::memchr(b'/', class.as_bytes()) {
        None => class,
        Some(_) => {
            let class = class.split("/0x").next().unwrap_or(class);
            class.rsplit('/').next().unwrap_or(class)
        }
    };
    if class.starts_with("$Proxy") || class.starts_with("GeneratedMethodAccessor") {
        return Some(GENERATED);
    }
    find(class, JAVA)
}

/// Why a frame of this type is not in-app, if it is not.
pub(super) fn dotnet(type_name: &str) -> Option<&'static str> {
    find(type_name, DOTNET)
}

/// Why a native frame is not in-app, if it is not. `module` is a crate, a namespace or the path of an image.
pub(super) fn native(file: &str, module: &str, function: &str) -> Option<&'static str> {
    // `<alloc::vec::Vec<T> as core::ops::Index>::index` is alloc's.
    let function = function.trim_start_matches(['<', '&', '*']);
    let first = |name: &str| {
        let first = memchr::memchr(b':', name.as_bytes()).map_or(name, |at| &name[..at]);
        let at = NATIVE.binary_search_by_key(&first, |(package, _)| package);
        at.ok().map(|at| NATIVE[at].1)
    };
    if let Some(reason) = first(module).or_else(|| first(function)) {
        return Some(reason);
    }
    if is_rust_source(file) {
        return Some(STANDARD);
    }
    if is_package_source(file) {
        return Some(PACKAGE);
    }
    if NATIVE_FUNCTIONS.binary_search(&function).is_ok()
        || is_system_image(module)
        || is_system_source(file)
    {
        return Some(SYSTEM);
    }
    None
}

fn is_rust_source(file: &str) -> bool {
    file.starts_with("/rustc/") || file.contains("/rustlib/src/")
}

fn is_package_source(file: &str) -> bool {
    if file.is_empty() {
        return false;
    }
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
    if module.is_empty() {
        return false;
    }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_no_package_is_inside_another() {
        for table in [JAVA, DOTNET, NATIVE] {
            for pair in table.windows(2) {
                let inside = pair[1]
                    .0
                    .strip_prefix(pair[0].0)
                    .is_some_and(|rest| rest.starts_with('.'));
                assert!(pair[0].0 < pair[1].0 && !inside, "{pair:?}");
            }
            assert!(
                table
                    .iter()
                    .all(|(name, _)| name.bytes().all(|byte| byte >= b'.'))
            );
        }
        assert!(NATIVE_FUNCTIONS.windows(2).all(|pair| pair[0] < pair[1]));
        for (name, reason) in JAVA {
            assert_eq!(java(name), Some(*reason));
            assert_eq!(java(&format!("{name}.x.Y")), Some(*reason));
            assert_eq!(java(&format!("x{name}.Y")), None);
        }
    }
}
