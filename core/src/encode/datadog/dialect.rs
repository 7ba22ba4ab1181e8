//! What differs between the tracers whose snapshots we write: names of types, words for truth values and reasons.

use crate::language::Language;
use crate::reason::Reason;

/// Whose form of the snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ddtrace for Python: values as `repr`, short type names, frames keyed by their line.
    Python,
    /// dd-trace-java: full type names, sizes as text, dotted members of logger and trace.
    Java,
    /// dd-trace-dotnet: short type names with arity.
    Dotnet,
    /// C and C++, for which no tracer replays exceptions: what Python sends, since a file and a line are what is known of their frames too,
    /// with types and values as these languages write them.
    Native,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Python, Self::Java, Self::Dotnet, Self::Native];

    /// The dialect of a language; one that is not told speaks Python's.
    #[must_use]
    pub const fn of(language: Language) -> Self {
        match language {
            Language::Java => Self::Java,
            Language::Dotnet => Self::Dotnet,
            Language::Native => Self::Native,
            Language::Python | Language::Unknown => Self::Python,
        }
    }

    pub(super) const fn language(self, language: Language) -> &'static str {
        match self {
            Self::Python => language.as_str(),
            Self::Java => "java",
            Self::Dotnet => "dotnet",
            // The word of Datadog's tracer for C++.
            Self::Native => "cpp",
        }
    }

    /// Whether a frame is found by its file and line, rather than by its class and method.
    pub(super) const fn by_line(self) -> bool {
        matches!(self, Self::Python | Self::Native)
    }

    /// The form of a type's name: what Python calls `__qualname__`, what .NET calls `Name`, that of the others whole.
    pub(super) fn type_name(self, qualified: &str) -> &str {
        match self {
            Self::Java | Self::Native => qualified,
            Self::Dotnet => dotnet_name(qualified),
            Self::Python => python_name(qualified),
        }
    }

    pub(super) const fn boolean(self, value: bool) -> &'static str {
        match (self, value) {
            (Self::Java | Self::Native, true) => "true",
            (Self::Java | Self::Native, false) => "false",
            (_, true) => "True",
            (_, false) => "False",
        }
    }

    /// The word for a reason. Python's tracer has six; what else we know is told by the nearest of them. The others take any text.
    pub(super) const fn reason(self, reason: Reason) -> &'static str {
        match reason {
            Reason::Depth
            | Reason::FieldCount
            | Reason::CollectionSize
            | Reason::Timeout
            | Reason::RedactedIdent
            | Reason::RedactedType => reason.as_str(),
            _ if !matches!(self, Self::Python) => reason.as_str(),
            Reason::RedactedValue => "redactedIdent",
            Reason::Length => "collectionSize",
            Reason::Budget | Reason::Pruned | Reason::Frames | Reason::Chain => "timeout",
            Reason::OptimizedOut | Reason::Unbound | Reason::Unreadable | Reason::Error => "depth",
        }
    }
}

/// `List`1` of `System.Collections.Generic.List`1[System.Int32]`, `Item` of `Shop.Cart+Item`.
fn dotnet_name(qualified: &str) -> &str {
    let suffix = qualified.find("[]").filter(|_| !qualified.contains('`'));
    let arguments = suffix.map_or_else(|| qualified.find(['[', '<']), |_| None);
    let head = &qualified[..arguments.unwrap_or(qualified.len())];
    match head.rsplit(['.', '+']).next() {
        Some(name) if !name.is_empty() => name,
        _ => qualified,
    }
}

/// `Order.DoesNotExist` of `shop.models.Order.DoesNotExist`, `f.<locals>.Bad` of `shop.views.f.<locals>.Bad`.
///
/// A tape has the name in one piece; the module is taken to end before the first part that begins with a capital, or before the
/// function that a local class is in.
fn python_name(qualified: &str) -> &str {
    let Some((_, last)) = qualified.rsplit_once('.') else {
        return qualified;
    };
    let local = qualified.find(".<locals>").map(|end| {
        let function = qualified[..end].rfind('.').map_or(0, |at| at + 1);
        class_start(&qualified[..function]).unwrap_or(function)
    });
    match local.or_else(|| class_start(qualified)) {
        Some(start) => &qualified[start..],
        None => last,
    }
}

/// Where the first part behind the first that begins with a capital begins.
fn class_start(qualified: &str) -> Option<usize> {
    let mut parts = qualified.match_indices('.').map(|(at, _)| at + 1);
    parts.find(|&at| qualified[at..].starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names() {
        for (qualified, python, dotnet) in [
            ("int", "int", "int"),
            ("decimal.Decimal", "Decimal", "Decimal"),
            ("numpy.int64", "int64", "int64"),
            (
                "shop.models.Order.DoesNotExist",
                "Order.DoesNotExist",
                "DoesNotExist",
            ),
            (
                "shop.views.f.<locals>.Bad",
                "f.<locals>.Bad",
                "shop.views.f.<locals>.Bad",
            ),
            (
                "shop.V.m.<locals>.Bad",
                "V.m.<locals>.Bad",
                "shop.V.m.<locals>.Bad",
            ),
            (
                "System.Collections.Generic.List`1[System.Int32]",
                "Collections.Generic.List`1[System.Int32]",
                "List`1",
            ),
            ("System.Byte[]", "Byte[]", "Byte[]"),
            ("Shop.Cart+Item", "Cart+Item", "Item"),
        ] {
            assert_eq!(Dialect::Python.type_name(qualified), python);
            assert_eq!(Dialect::Java.type_name(qualified), qualified);
            assert_eq!(Dialect::Native.type_name(qualified), qualified);
            assert_eq!(Dialect::Dotnet.type_name(qualified), dotnet);
        }
    }
}
