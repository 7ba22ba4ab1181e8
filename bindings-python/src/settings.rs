//! The settings that a program hands over, as the configuration takes them. Whatever they are, reading them ends, and what cannot be
//! used is said.

use std::collections::BTreeMap;

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use serde_json::Value;

/// How deep tables and lists may lie in one another: one that contains itself has no end.
const DEEPEST: usize = 16;

/// How many values are read: an iterator may have no end.
const MOST: usize = 1 << 18;

/// Reads `settings`. Also returns what is wrong with them, one line each; such a setting is left out.
pub(crate) fn read(
    settings: &Bound<'_, PyDict>,
) -> PyResult<(BTreeMap<String, Value>, Vec<String>)> {
    let mut reader = Reader {
        problems: Vec::new(),
        left: MOST,
    };
    let mut values = BTreeMap::new();
    for (name, value) in settings {
        let name = name.str()?.to_string_lossy().into_owned();
        let value = reader.setting(&name, &value, 0)?;
        values.insert(name, value);
    }
    Ok((values, reader.problems))
}

/// Why a setting cannot be used.
enum Fault {
    Raised(PyErr),
    Is(&'static str),
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

struct Reader {
    problems: Vec<String>,
    left: usize,
}

impl Reader {
    /// One setting; null, which is as good as nothing, if it cannot be used.
    fn setting(&mut self, key: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
        let what = match self.value(key, value, depth) {
            Ok(value) => return Ok(value),
            Err(Fault::Is(what)) => what.to_owned(),
            Err(Fault::Raised(error)) if error.is_instance_of::<PyException>(value.py()) => {
                let kind = error.get_type(value.py());
                let kind = kind.name().map(|name| name.to_string_lossy().into_owned());
                format!("reading it raises {}", kind.unwrap_or_default())
            }
            // What interrupts the program is not ours.
            Err(Fault::Raised(error)) => return Err(error),
        };
        self.problem(key, &what, "left out");
        Ok(Value::Null)
    }

    fn value(&mut self, key: &str, value: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(Fault::Is("too many lists in one another"));
        }
        self.left = self.left.checked_sub(1).ok_or(Fault::Is("too long"))?;
        if value.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(text) = value.cast::<PyString>() {
            return utf8(text);
        }
        if let Ok(value) = value.cast::<PyBool>() {
            return Ok(Value::Bool(value.is_true()));
        }
        if let Ok(value) = value.extract::<i64>() {
            return Ok(Value::from(value));
        }
        if let Ok(value) = value.extract::<f64>() {
            return Ok(Value::from(value));
        }
        if let Ok(table) = value.cast::<PyDict>() {
            let mut entries = serde_json::Map::new();
            for (name, value) in table {
                let name = name.str()?.to_string_lossy().into_owned();
                let value = self.setting(&format!("{key}.{name}"), &value, depth + 1)?;
                entries.insert(name, value);
            }
            return Ok(Value::Object(entries));
        }
        match value.try_iter() {
            Ok(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.push(self.item(key, &item?, depth + 1)?);
                }
                Ok(Value::Array(list))
            }
            // Paths and the like.
            Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => utf8(&value.str()?),
            Err(error) => Err(error.into()),
        }
    }

    /// One of a list. The others hold without it, and a name that is hidden by as much of it as can be read is better than none.
    fn item(&mut self, key: &str, item: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Fault> {
        if let Ok(text) = item.cast::<PyString>()
            && text.to_str().is_err()
        {
            self.problem(key, "not UTF-8", "what is not is replaced");
            return Ok(Value::from(text.to_string_lossy().into_owned()));
        }
        self.value(key, item, depth)
    }

    fn problem(&mut self, key: &str, what: &str, then: &str) {
        let key: String = key.chars().flat_map(char::escape_debug).take(120).collect();
        let line = format!("{key}: {what}; {then} (install())");
        if !self.problems.contains(&line) {
            self.problems.push(line);
        }
    }
}

/// A text, which may hold what a file system had instead of one.
fn utf8(text: &Bound<'_, PyString>) -> Result<Value, Fault> {
    match text.to_str() {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(Fault::Is("not UTF-8")),
    }
}
