//! Where each value stands in a YAML file.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::NonFiniteFloatPolicy;

/// Where a value stands in a file, and what it holds.
///
/// ```
/// let places = setpoint_rules::Place::of("rules:\n- {seriesQuery: up}\n");
/// let query = places.key("rules").item(0).key("seriesQuery");
/// assert_eq!((query.line, query.column), (2, 17));
/// ```
#[derive(Debug)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Map(Vec<(String, Place)>),
    List(Vec<Place>),
}

impl Place {
    /// The places of a document's values.
    #[must_use]
    pub fn of(text: &str) -> Self {
        // What can't be read as a document was told before.
        Self::read(text).unwrap_or(Self {
            line: 1,
            column: 1,
            held: Held::Nothing,
        })
    }

    /// The same, or why it can't be read.
    pub(crate) fn read(text: &str) -> Result<Self, serde_saphyr::Error> {
        // Whether a number may be NaN is not for here to say.
        let options = serde_saphyr::options! {
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        };
        serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options).map(Self::from)
    }

    /// Where the value of a key stands; the map itself where it lacks the key.
    #[must_use]
    pub fn key(&self, key: &str) -> &Self {
        let Held::Map(values) = &self.held else {
            return self;
        };
        let found = values.iter().find(|(found, _)| found == key);
        found.map_or(self, |(_, place)| place)
    }

    /// [`Self::key`], without the rest.
    #[must_use]
    pub(crate) fn into_key(mut self, key: &str) -> Self {
        match &mut self.held {
            Held::Map(values) => match values.iter().position(|(found, _)| found == key) {
                Some(index) => values.swap_remove(index).1,
                None => self,
            },
            _ => self,
        }
    }

    /// Where the value of a map with a single key stands.
    #[must_use]
    pub fn value(&self) -> &Self {
        match &self.held {
            Held::Map(values) if values.len() == 1 => &values[0].1,
            _ => self,
        }
    }

    /// Whether the value is a map with the key.
    #[must_use]
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(&self.held, Held::Map(values) if values.iter().any(|(found, _)| found == key))
    }

    /// Whether the value is a list.
    #[must_use]
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.held, Held::List(_))
    }

    /// Whether the value is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.held, Held::Map(_))
    }

    /// Where an element of a list stands; the list itself where it is shorter.
    #[must_use]
    pub fn item(&self, index: usize) -> &Self {
        match &self.held {
            Held::List(elements) => elements.get(index).unwrap_or(self),
            _ => self,
        }
    }
}

/// A text of its own within a file, such as a configuration in a ConfigMap.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    line: usize,
    column: usize,
    is_block: bool,
}

impl Place {
    /// What stands here as a text of its own, in the file with this text.
    #[must_use]
    pub fn embedded(&self, text: &str) -> Embedded {
        // A block stands from the line below its `|` on, indented as a whole.
        let above = text.lines().nth(self.line.saturating_sub(2));
        let mark = above.and_then(|above| above.rsplit_once(": "));
        Embedded {
            line: self.line,
            column: self.column,
            is_block: mark.is_some_and(|(_, mark)| mark.trim_start().starts_with(['|', '>'])),
        }
    }
}

impl Embedded {
    /// A line and a column of the text as those of the file.
    #[must_use]
    pub fn outer(&self, line: usize, column: usize) -> (usize, usize) {
        if self.is_block {
            (self.line + line - 1, self.column + column - 1)
        } else {
            // In quotes, where lines and columns are others.
            (self.line, self.column)
        }
    }
}

impl From<Spanned<Node>> for Place {
    fn from(node: Spanned<Node>) -> Self {
        let at = node.referenced;
        Self {
            line: usize::try_from(at.line()).unwrap_or(1).max(1),
            column: usize::try_from(at.column()).unwrap_or(1).max(1),
            held: node.value.0,
        }
    }
}

/// Any value; of scalars nothing is kept.
struct Node(Held);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

macro_rules! scalars {
    ($($visit:ident($($scalar:ty)?),)*) => {
        $(fn $visit<E>(self, $(_: $scalar)?) -> Result<Node, E> {
            Ok(Node(Held::Nothing))
        })*
    };
}

impl<'de> Visitor<'de> for Anything {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Spanned<Node>>()? {
            values.push((key, Place::from(value)));
        }
        Ok(Node(Held::Map(values)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element::<Spanned<Node>>()? {
            elements.push(Place::from(element));
        }
        Ok(Node(Held::List(elements)))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    scalars!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_i128(i128),
        visit_u128(u128),
        visit_f64(f64),
        visit_str(&str),
        visit_bytes(&[u8]),
        visit_none(),
        visit_unit(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &Place) -> (usize, usize) {
        (place.line, place.column)
    }

    #[test]
    fn the_same_words_stand_at_their_own_places() {
        let place = Place::of("a: [x, {b: x}]\nc:\n  - x\n  - &again {d: x}\n  - *again\n");
        assert_eq!(at(place.key("a").item(0)), (1, 5));
        assert_eq!(at(place.key("a").item(1).key("b")), (1, 12));
        assert_eq!(at(place.key("c").item(0)), (3, 5));
        assert_eq!(at(place.key("c").item(1).key("d")), (4, 16));
        assert_eq!(place.key("c").item(2).line, 5);
    }

    #[test]
    fn what_yaml_writes_with_a_dot_has_its_place_too() {
        for scalar in [
            ".nan",
            ".NaN",
            ".inf",
            "-.Inf",
            "0x1f",
            "1e400",
            "~",
            "2001-01-01",
        ] {
            let text = format!("a: 1\nb: {scalar}\n");
            let place = Place::read(&text).map_err(|error| format!("{scalar}: {error}"));
            assert_eq!(at(place.unwrap().key("b")), (2, 4), "{scalar}");
        }
    }

    #[test]
    fn what_is_not_there_is_where_it_should_be() {
        let place = Place::of("a: {b: 1}\n");
        assert_eq!(at(place.key("a").key("c")), at(place.key("a")));
        assert_eq!(at(place.key("a").item(3)), at(place.key("a")));
        assert_eq!(at(Place::of("{").key("a")), (1, 1));
    }

    #[test]
    fn the_value_of_a_single_key_is_a_place_of_its_own() {
        let place = Place::of("a:\n  b: 1\nc: {d: 1, e: 2}\n");
        assert_eq!(at(place.key("a").value()), (2, 6));
        assert_eq!(at(place.key("c").value()), at(place.key("c")));
    }
}
