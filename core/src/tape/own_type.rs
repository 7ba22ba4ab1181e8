//! The type that an opcode stands for in the tape's language when it names none.

use super::entry::{TimeKind, Value};
use crate::language::Language;

/// The name of a value's own type: what type 0 means. `None` for values that have no type of their own (references, hidden and
/// skipped values, exceptions, frames).
#[must_use]
pub fn own_type(language: Language, value: &Value<'_>) -> Option<&'static str> {
    let column = match language {
        Language::Unknown => 0,
        Language::Python => 1,
        Language::Java => 2,
        Language::Dotnet => 3,
        Language::Native => 4,
    };
    let row: [&str; 5] = match value {
        Value::Null => ["null", "NoneType", "null", "null", "null"],
        Value::Bool(_) => ["bool", "bool", "boolean", "System.Boolean", "bool"],
        Value::Int(_) => ["int", "int", "long", "System.Int64", "int64_t"],
        Value::Uint(_) => [
            "uint",
            "int",
            "java.math.BigInteger",
            "System.UInt64",
            "uint64_t",
        ],
        Value::Big(_) => [
            "int",
            "int",
            "java.math.BigInteger",
            "System.Numerics.BigInteger",
            "integer",
        ],
        Value::Float(_) => ["float", "float", "double", "System.Double", "double"],
        Value::Time(time) => match time.kind {
            TimeKind::DateTime => [
                "datetime",
                "datetime.datetime",
                "java.time.Instant",
                "System.DateTime",
                "struct timespec",
            ],
            TimeKind::Date => [
                "date",
                "datetime.date",
                "java.time.LocalDate",
                "System.DateOnly",
                "struct tm",
            ],
            TimeKind::TimeOfDay => [
                "time",
                "datetime.time",
                "java.time.LocalTime",
                "System.TimeOnly",
                "struct tm",
            ],
            TimeKind::Duration => [
                "duration",
                "datetime.timedelta",
                "java.time.Duration",
                "System.TimeSpan",
                "struct timespec",
            ],
        },
        Value::Text(_) | Value::Cleaned { .. } => [
            "string",
            "str",
            "java.lang.String",
            "System.String",
            "char*",
        ],
        Value::Bytes { .. } => ["bytes", "bytes", "byte[]", "System.Byte[]", "uint8_t[]"],
        Value::List { .. } => [
            "list",
            "list",
            "java.util.List",
            "System.Collections.IList",
            "array",
        ],
        Value::Map { .. } => [
            "map",
            "dict",
            "java.util.Map",
            "System.Collections.IDictionary",
            "map",
        ],
        Value::Object { .. } => [
            "object",
            "object",
            "java.lang.Object",
            "System.Object",
            "struct",
        ],
        _ => return None,
    };
    Some(row[column])
}
