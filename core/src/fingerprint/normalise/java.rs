//! The JVM: lambdas, proxies, accessors, anonymous classes, of Java, Kotlin, Scala and Groovy.

use std::borrow::Cow;

use super::path::{base_name, without_hashes, without_number};
use crate::fingerprint::input::FrameInput;

/// From here on the name of a class was made up by a proxy library; before it stands the class that it is a proxy of.
const PROXY_MARKS: [&str; 13] = [
    "$$EnhancerBy",
    "$$SpringCGLIB",
    "$$KeyFactoryBy",
    "$$_jvst",
    "$$_javassist",
    "$$_WeldClientProxy",
    "$$_WeldSubclass",
    "$ByteBuddy$",
    "$HibernateProxy",
    "$HibernateBasicProxy",
    "$MockitoMock$",
    "$Proxy$_$$_Weld",
    "$$Proxy",
];

/// Steps that lead to the method they are called for.
const STEP_MARKS: [&str; 3] = ["$$Lambda", "$$FastClassBy", "$auxiliary$"];

/// What Quarkus and others put behind a class.
const PROXY_SUFFIXES: [&str; 2] = ["_ClientProxy", "_Subclass"];

pub(super) fn frame<'a>(frame: &FrameInput<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    if frame.module.is_empty() {
        return method(frame.function).map(|method| (base_name(frame.file), method));
    }
    let (class, step) = class(frame.module);
    if step {
        return None;
    }
    Some((class, method(frame.function)?))
}

/// A class without its loader, module and generated parts, and whether it is only a step to another one.
pub(super) fn class(name: &str) -> (Cow<'_, str>, bool) {
    // A hidden class: `Foo$$Lambda/0x00007f0a4c003000`, `Foo$$Lambda$14/1832`.
    let slash = |name: &str| memchr::memrchr(b'/', name.as_bytes());
    let name = match slash(name) {
        Some(at) if name[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => &name[..at],
        _ => name,
    };
    // `app//com.acme.Foo`, `java.base@21.0.1/java.util.HashMap`.
    let name = slash(name).map_or(name, |at| &name[at + 1..]);
    let simple = memchr::memrchr(b'.', name.as_bytes()).map_or(name, |at| &name[at + 1..]);
    let suffix = PROXY_SUFFIXES.iter().find_map(|end| name.strip_suffix(end));
    if let Some(class) = suffix {
        return (Cow::Borrowed(class), false);
    }
    let Some(first) = memchr::memchr(b'$', name.as_bytes()) else {
        let step = simple.starts_with("Generated")
            && (is_numbered(simple, "GeneratedMethodAccessor")
                || is_numbered(simple, "GeneratedConstructorAccessor"));
        return (without_hashes(name), step);
    };
    if is_numbered(simple, "$Proxy") {
        return (Cow::Borrowed(name), true);
    }
    for at in memchr::memchr_iter(b'$', &name.as_bytes()[first..]) {
        let rest = &name[first + at..];
        if STEP_MARKS.iter().any(|mark| rest.starts_with(mark)) {
            return (Cow::Borrowed(name), true);
        }
        if PROXY_MARKS.iter().any(|mark| rest.starts_with(mark)) {
            // `Foo_$$_jvst5a1_0`: the first underscore is part of the mark.
            let class = &name[..first + at];
            let class = class.strip_suffix('_').unwrap_or(class);
            return (without_anonymous_numbers(class), false);
        }
    }
    (without_anonymous_numbers(name), false)
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `Foo$*` of `Foo$1`, `Foo$bar$*` of `Foo$bar$2`, `Foo$_run_closure` of `Foo$_run_closure3`.
fn without_anonymous_numbers(name: &str) -> Cow<'_, str> {
    let numbered = |part: &str| {
        !part.is_empty()
            && (part.bytes().all(|byte| byte.is_ascii_digit())
                || without_number(part).ends_with("_closure") && without_number(part) != part)
    };
    let digit = |pair: &[u8]| pair[0] == b'$' && pair[1].is_ascii_digit();
    if !name.as_bytes().windows(2).any(digit) && !name.contains("_closure") {
        return without_hashes(name);
    }
    let mut clean = String::with_capacity(name.len());
    for (index, part) in name.split('$').enumerate() {
        if index > 0 {
            clean.push('$');
        }
        if index > 0 && numbered(part) {
            let word = without_number(part);
            clean.push_str(if word.is_empty() { "*" } else { word });
        } else {
            clean.push_str(part);
        }
    }
    Cow::Owned(clean)
}

/// A method without generated numbers; `None` if the compiler made it to reach another one.
fn method(name: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'$', name.as_bytes()).is_none() {
        return Some(Cow::Borrowed(name));
    }
    if is_numbered(name, "access$") {
        return None;
    }
    // Java: `lambda$run$0`. Scala: `$anonfun$run$1`, `$anonfun$run$1$adapted`.
    for prefix in ["lambda$", "$anonfun$"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            let method = rest.split('$').next().unwrap_or(rest);
            return Some(lambda(method));
        }
    }
    // Kotlin: `run$lambda$0`, `run$lambda-0`, nested ones behind.
    if let Some(at) = name.find("$lambda") {
        return Some(lambda(&name[..at]));
    }
    // Kotlin: default arguments and suspending functions; Scala: adapters.
    let method = ["$default", "$suspendImpl", "$adapted"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    Some(Cow::Borrowed(method.unwrap_or(name)))
}

fn lambda<'a>(method: &str) -> Cow<'a, str> {
    Cow::Owned(format!("{method}.lambda"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::frame;
    use crate::fingerprint::FrameInput;

    fn name(module: &str, function: &str) -> Option<String> {
        let input = FrameInput {
            function,
            module,
            ..FrameInput::default()
        };
        frame(&input).map(|(module, function)| format!("{module}:{function}"))
    }

    #[test]
    fn generated_names() {
        for (class, method, expected) in [
            ("com.acme.Cart", "total", Some("com.acme.Cart:total")),
            ("app//com.acme.Cart", "<init>", Some("com.acme.Cart:<init>")),
            (
                "java.base@21.0.1/java.util.HashMap",
                "get",
                Some("java.util.HashMap:get"),
            ),
            (
                "com.acme.Cart",
                "lambda$total$0",
                Some("com.acme.Cart:total.lambda"),
            ),
            (
                "com.acme.Cart",
                "lambda$total$17",
                Some("com.acme.Cart:total.lambda"),
            ),
            ("com.acme.Cart", "access$100", None),
            ("com.acme.Cart$$Lambda$14/0x0000000800c03000", "apply", None),
            ("com.acme.Cart$$Lambda/0x00007f0a4c003000", "apply", None),
            ("com.acme.Cart$$Lambda$14/1832", "apply", None),
            (
                "com.acme.Cart$$EnhancerBySpringCGLIB$$1a2b3c",
                "total",
                Some("com.acme.Cart:total"),
            ),
            (
                "com.acme.Cart$$SpringCGLIB$$0",
                "total",
                Some("com.acme.Cart:total"),
            ),
            ("com.acme.Cart$$FastClassBySpringCGLIB$$9", "invoke", None),
            (
                "com.acme.Cart_$$_jvst5a1_0",
                "total",
                Some("com.acme.Cart:total"),
            ),
            (
                "com.acme.Cart$HibernateProxy$x7Yz",
                "total",
                Some("com.acme.Cart:total"),
            ),
            (
                "com.acme.Cart$MockitoMock$981",
                "total",
                Some("com.acme.Cart:total"),
            ),
            (
                "com.acme.Cart_ClientProxy",
                "total",
                Some("com.acme.Cart:total"),
            ),
            (
                "com.acme.Cart_Subclass",
                "total",
                Some("com.acme.Cart:total"),
            ),
            ("jdk.proxy2.$Proxy12", "total", None),
            ("$Proxy7", "total", None),
            (
                "jdk.internal.reflect.GeneratedMethodAccessor12",
                "invoke",
                None,
            ),
            ("com.acme.Cart$1", "run", Some("com.acme.Cart$*:run")),
            (
                "com.acme.Cart$Item$2",
                "run",
                Some("com.acme.Cart$Item$*:run"),
            ),
            (
                "com.acme.Cart$Item",
                "price",
                Some("com.acme.Cart$Item:price"),
            ),
            (
                "com.acme.CartKt",
                "total$lambda$0",
                Some("com.acme.CartKt:total.lambda"),
            ),
            (
                "com.acme.CartKt",
                "total$lambda-2$lambda-1",
                Some("com.acme.CartKt:total.lambda"),
            ),
            (
                "com.acme.CartKt",
                "total$default",
                Some("com.acme.CartKt:total"),
            ),
            (
                "com.acme.Cart",
                "$anonfun$total$1$adapted",
                Some("com.acme.Cart:total.lambda"),
            ),
            (
                "Build$_run_closure3",
                "doCall",
                Some("Build$_run_closure:doCall"),
            ),
            ("", "total", Some(":total")),
        ] {
            assert_eq!(name(class, method).as_deref(), expected, "{class} {method}");
        }
    }
}
