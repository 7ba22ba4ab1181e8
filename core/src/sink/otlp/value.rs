//! Whatever can be serialised, as a value of OpenTelemetry.

use std::fmt;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    Serializer,
};

/// A value: numbers, text, arrays and maps with text as keys. Whatever else there is, such as an enumeration with contents, has no place in
/// format 1; it becomes an empty value.
pub(super) fn of(value: &(impl Serialize + ?Sized)) -> AnyValue {
    value.serialize(ToValue).unwrap_or_default()
}

/// A name and its value.
pub(super) fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

/// Text as a value.
pub(super) fn text(text: impl Into<String>) -> AnyValue {
    any(Value::StringValue(text.into()))
}

/// An integer as a value; as text if it does not fit.
pub(super) fn int(number: u64) -> AnyValue {
    match i64::try_from(number) {
        Ok(number) => any(Value::IntValue(number)),
        Err(_) => text(number.to_string()),
    }
}

const fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

struct ToValue;

/// What is not in format 1.
#[derive(Debug)]
pub(super) struct NoPlace;

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a value of format 1")
    }
}

impl std::error::Error for NoPlace {}

impl ser::Error for NoPlace {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Made = Result<AnyValue, NoPlace>;

macro_rules! integers {
    ($($method:ident: $kind:ty;)*) => {
        $(fn $method(self, value: $kind) -> Made { Ok(any(Value::IntValue(value.into()))) })*
    };
}

impl Serializer for ToValue {
    type Ok = AnyValue;
    type Error = NoPlace;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Impossible<AnyValue, NoPlace>;
    type SerializeTupleVariant = Impossible<AnyValue, NoPlace>;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Impossible<AnyValue, NoPlace>;

    integers! {
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
    }

    fn serialize_u64(self, value: u64) -> Made {
        Ok(int(value))
    }

    fn serialize_bool(self, value: bool) -> Made {
        Ok(any(Value::BoolValue(value)))
    }

    fn serialize_f32(self, value: f32) -> Made {
        Ok(any(Value::DoubleValue(value.into())))
    }

    fn serialize_f64(self, value: f64) -> Made {
        Ok(any(Value::DoubleValue(value)))
    }

    fn serialize_char(self, value: char) -> Made {
        Ok(text(value))
    }

    fn serialize_str(self, value: &str) -> Made {
        Ok(text(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Made {
        Ok(any(Value::BytesValue(value.to_vec())))
    }

    fn serialize_none(self) -> Made {
        Ok(AnyValue::default())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made {
        Ok(AnyValue::default())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Made {
        Ok(AnyValue::default())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made {
        Ok(text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Made {
        Err(NoPlace)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, NoPlace> {
        // A length that is told is not always true.
        Ok(Items(Vec::with_capacity(length.unwrap_or(0).min(4096))))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, NoPlace> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NoPlace> {
        Err(NoPlace)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NoPlace> {
        Err(NoPlace)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Members, NoPlace> {
        Ok(Members {
            pairs: Vec::with_capacity(length.unwrap_or(0).min(4096)),
            key: String::new(),
        })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Members, NoPlace> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NoPlace> {
        Err(NoPlace)
    }
}

/// An array on its way.
pub(super) struct Items(Vec<AnyValue>);

impl SerializeSeq for Items {
    type Ok = AnyValue;
    type Error = NoPlace;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoPlace> {
        self.0.push(value.serialize(ToValue)?);
        Ok(())
    }

    fn end(self) -> Made {
        Ok(any(Value::ArrayValue(ArrayValue { values: self.0 })))
    }
}

impl SerializeTuple for Items {
    type Ok = AnyValue;
    type Error = NoPlace;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoPlace> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Made {
        SerializeSeq::end(self)
    }
}

/// A map on its way.
pub(super) struct Members {
    pairs: Vec<KeyValue>,
    key: String,
}

impl SerializeMap for Members {
    type Ok = AnyValue;
    type Error = NoPlace;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoPlace> {
        match key.serialize(ToValue)?.value {
            Some(Value::StringValue(key)) => self.key = key,
            _ => return Err(NoPlace),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NoPlace> {
        self.pairs.push(KeyValue {
            key: std::mem::take(&mut self.key),
            value: Some(value.serialize(ToValue)?),
            ..KeyValue::default()
        });
        Ok(())
    }

    fn end(self) -> Made {
        Ok(any(Value::KvlistValue(KeyValueList { values: self.pairs })))
    }
}

impl SerializeStruct for Members {
    type Ok = AnyValue;
    type Error = NoPlace;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), NoPlace> {
        self.pairs.push(pair(key, value.serialize(ToValue)?));
        Ok(())
    }

    fn end(self) -> Made {
        SerializeMap::end(self)
    }
}
