//! Enums that files write as maps with one key: `fault: {none: {}}`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer as _,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Reads an enum from a map with one key, the variant. By itself an enum takes a word alone for a variant, and what is
/// wrong with it would be told where the next value stands.
///
/// # Errors
/// When it is no such map.
pub(crate) fn keyed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(OneKey(PhantomData::<T>))
}

/// [`keyed`], of a value that may be left out.
///
/// # Errors
/// When it is no such map.
pub(crate) fn keyed_or_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let found = Option::<Keyed<T>>::deserialize(deserializer)?;
    Ok(found.map(|Keyed(value)| value))
}

struct Keyed<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keyed(deserializer).map(Self)
    }
}

struct OneKey<T>(PhantomData<T>);

/// What is no map has no entry.
macro_rules! no_entry {
    ($($visit:ident($scalar:ty),)*) => {
        $(fn $visit<E: Error>(self, _: $scalar) -> Result<T, E> {
            T::deserialize(NoEntry::<E>::of(None))
        })*
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneKey<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key with its value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return T::deserialize(NoEntry::<A::Error>::of(None));
        };
        let entry = MapEntry {
            key: &key,
            map: &mut map,
        };
        let value = T::deserialize(entry)?;
        match map.next_key::<String>()? {
            None => Ok(value),
            Some(other) => Err(A::Error::custom(format!(
                "expected one key, and there are `{key}` and `{other}`"
            ))),
        }
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        T::deserialize(NoEntry::<E>::of(Some(word)))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        T::deserialize(NoEntry::<E>::of(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        T::deserialize(NoEntry::<A::Error>::of(None))
    }

    no_entry!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
    );
}

/// An entry of a map as an enum: the key is the variant. Nothing is copied on the way, so errors keep their places.
pub(crate) struct MapEntry<'a, A> {
    /// The key, which was read.
    pub key: &'a str,
    /// The map, whose next value is the key's.
    pub map: &'a mut A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for MapEntry<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for MapEntry<'_, A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), A::Error> {
        let variant = seed.deserialize(self.key.into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for MapEntry<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.map.next_value()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a key has one value"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(Fields { fields, visitor })
    }
}

/// The fields of a variant that has them itself.
struct Fields<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_struct("", self.fields, self.visitor)
    }
}

/// What stands where an entry is expected. An enum that is read from it says which keys there are.
struct NoEntry<'a, E> {
    /// The word, if it is one.
    word: Option<&'a str>,
    error: PhantomData<E>,
}

impl<'a, E> NoEntry<'a, E> {
    fn of(word: Option<&'a str>) -> Self {
        let error = PhantomData;
        Self { word, error }
    }
}

impl<'de, E: Error> Deserializer<'de> for NoEntry<'_, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::custom("expected a key with its value"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, E> {
        let known = self.word.filter(|word| variants.contains(word));
        Err(E::custom(match known {
            Some(word) => {
                format!("`{word}` has no value here; expected one, such as `{word}: {{}}`")
            }
            None => format!(
                "expected a key with its value, one of {}",
                variants.join(", ")
            ),
        }))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Nothing, located};

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    enum Shape {
        None(Nothing),
        Word(String),
        Keys { a: u16 },
    }

    #[derive(Debug, serde::Deserialize)]
    struct File {
        #[serde(deserialize_with = "keyed")]
        shape: Shape,
        #[serde(default, deserialize_with = "keyed_or_none")]
        other: Option<Box<Shape>>,
    }

    fn read(text: &str) -> Result<File, String> {
        serde_saphyr::from_str(text).map_err(|error| located(&error))
    }

    #[test]
    fn a_key_with_its_value_is_a_variant() {
        let file = read("shape: {none: {}}\nother: {keys: {a: 1}}\n").unwrap();
        assert!(matches!(file.shape, Shape::None(_)));
        assert!(matches!(file.other.as_deref(), Some(Shape::Keys { a: 1 })));
        let file = read("{shape: {word: x}, other: ~}").unwrap();
        assert!(matches!(file.shape, Shape::Word(word) if word == "x"));
        assert!(file.other.is_none());
        assert!(read("shape: {none: {}}").unwrap().other.is_none());
        let of_json = serde_json::json!({"shape": {"keys": {"a": 1}}});
        assert!(serde_json::from_value::<File>(of_json).is_ok());
    }

    #[test]
    fn what_is_no_key_with_its_value_is_told_where_it_stands() {
        for (text, told) in [
            (
                "shape: none\nother: {none: {}}\n",
                "1:8: `none` has no value here; expected one, such as `none: {}`",
            ),
            (
                "shape: some",
                "1:8: expected a key with its value, one of none, word, keys",
            ),
            (
                "shape: {}",
                "1:8: expected a key with its value, one of none, word, keys",
            ),
            (
                "shape: [none]",
                "1:8: expected a key with its value, one of none, word, keys",
            ),
            (
                "shape: {none: {}}\nother: 1",
                "2:8: expected a key with its value, one of none, word, keys",
            ),
            (
                "shape: {none: {}, word: x}",
                "1:8: expected one key, and there are `none` and `word`",
            ),
            (
                "shape: {non: {}}",
                "1:9: unknown variant `non`, expected one of none, word, keys",
            ),
            (
                "shape: {keys: {a: 65536}}",
                "1:19: expected a whole number from 0 to 65535",
            ),
            (
                "shape: {keys: {b: 1}}",
                "1:16: unknown field `b`, expected one of a",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), told, "{text}");
        }
    }
}
