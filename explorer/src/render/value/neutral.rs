//! Values of a language that has no look of its own: as C, Java and JSON have in common.

use stillframe_core::snapshot::Node;

use super::{Brackets, Look, Quotes, Rendered};
use crate::render::text;

/// The common look.
pub(super) struct Neutral;

impl Look for Neutral {
    fn null(&self) -> &'static str {
        "null"
    }

    fn boolean(&self, value: bool) -> &'static str {
        if value { "true" } else { "false" }
    }

    fn float(&self, value: f64) -> String {
        let plain = format!("{value}");
        if plain.len() > 20 {
            format!("{value:e}")
        } else if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        }
    }

    fn quotes(&self, _text: &str, bytes: bool) -> Quotes {
        Quotes {
            open: "\"",
            close: "\"",
            bytes,
        }
    }

    fn escape(&self, c: char, quotes: &Quotes, out: &mut String) {
        if c == '\\' || c == '"' {
            out.push('\\');
            out.push(c);
        } else if text::is_printable(c) && (!quotes.bytes || c.is_ascii()) {
            out.push(c);
        } else {
            text::push_escape(out, c);
        }
    }

    fn rendered(&self, _type_name: &str, text: &str) -> Rendered {
        Rendered::Bare(text.to_owned())
    }

    fn brackets(&self, node: &Node) -> Brackets {
        let short = self.short_type(node.type_name.as_deref().unwrap_or("object"));
        let (open, close, empty) = if node.elements.is_some() {
            ("[".to_owned(), "]", "[]".to_owned())
        } else if node.entries.is_some() {
            ("{".to_owned(), "}", "{}".to_owned())
        } else {
            (format!("{short}("), ")", format!("{short}()"))
        };
        Brackets {
            open,
            close,
            empty,
            single: "",
        }
    }

    fn is_text(&self, type_name: &str) -> bool {
        matches!(
            type_name,
            "string"
                | "java.lang.String"
                | "System.String"
                | "char*"
                | "const char*"
                | "std::string"
                | "std::string_view"
        ) || type_name.starts_with("char[")
    }

    fn short_type<'t>(&self, type_name: &'t str) -> &'t str {
        let end = type_name.find(['<', '[', '`']).unwrap_or(type_name.len());
        let start = type_name[..end]
            .rfind(['.', ':', '$'])
            .map_or(0, |at| at + 1);
        if start < end {
            &type_name[start..]
        } else {
            type_name
        }
    }

    fn is_named(&self, type_name: &str) -> bool {
        matches!(
            type_name,
            "java.lang.Class" | "System.Type" | "System.RuntimeType"
        )
    }

    fn is_noise(&self, _name: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_by_their_last_part() {
        for (full, short) in [
            ("java.util.List", "List"),
            ("java.util.Map<java.lang.String>", "Map<java.lang.String>"),
            ("com.shop.Cart$Item", "Item"),
            ("shop::cart::Item", "Item"),
            ("byte[]", "byte[]"),
            ("System.Collections.Generic.List`1", "List`1"),
            ("", ""),
        ] {
            assert_eq!(Neutral.short_type(full), short);
        }
    }

    #[test]
    fn floats_always_look_like_floats() {
        assert_eq!(Neutral.float(1.0), "1.0");
        assert_eq!(Neutral.float(0.5), "0.5");
        assert_eq!(Neutral.float(1e300), "1e300");
    }
}
