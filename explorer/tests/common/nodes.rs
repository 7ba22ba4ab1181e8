//! Values to make snapshots of.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use stillframe_core::snapshot::{Node, Ordered, Scalar};

fn scalar(type_name: &str, value: impl Into<Scalar>) -> Node {
    Node {
        type_name: Some(type_name.into()),
        value: Some(value.into()),
        ..Node::default()
    }
}

pub(crate) fn text(value: &str) -> Node {
    scalar("str", value)
}

pub(crate) fn int(value: i64) -> Node {
    scalar("int", value)
}

pub(crate) fn dict(entries: Vec<(Node, Node)>) -> Node {
    Node {
        type_name: Some("dict".into()),
        size: Some(entries.len() as u64),
        entries: Some(entries),
        ..Node::default()
    }
}

pub(crate) fn object(fields: Vec<(&str, Node)>) -> Node {
    Node {
        type_name: Some("shop.User".into()),
        fields: Some(named(fields)),
        ..Node::default()
    }
}

/// A value that stands elsewhere in the snapshot.
pub(crate) fn to(id: u32) -> Node {
    Node {
        reference: Some(id),
        ..Node::default()
    }
}

pub(crate) fn named<V>(pairs: Vec<(&str, V)>) -> Ordered<V> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
