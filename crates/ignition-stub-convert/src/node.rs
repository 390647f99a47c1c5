//! A JSON tree that borrows its texts and keeps what is written twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A JSON value. Unlike `serde_json::Value` it borrows texts from the document, so that a stub of
/// ten megabytes is not copied, and keeps members that are written twice, so that none is lost
/// unseen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Flag(bool),
    /// All numbers of Ignition configs are integers.
    Integer(i64),
    /// A number that is none of those.
    OtherNumber,
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Object<'a>),
    /// A list or an object deeper than anything that spec 2 has: not looked into.
    Deep,
}

/// How many levels are read. Spec 2 has eight: the document, `ignition`, `security`, `tls`,
/// `certificateAuthorities`, an entry, `verification`, `hash`. What is deeper is below something
/// that is unknown or of the wrong type, and is found there.
const LEVELS: usize = 8;

impl Node<'_> {
    /// What it is, in a sentence.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "a boolean",
            Self::Integer(_) | Self::OtherNumber => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) | Self::Deep => "an object",
        }
    }
}

/// The members of a JSON object, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object<'a>(pub(crate) Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Object<'a> {
    /// Adds a member, unless there is nothing to add: absent values, empty lists and empty objects
    /// say nothing in an Ignition config.
    pub(crate) fn put(&mut self, name: &'static str, value: impl Into<Node<'a>>) {
        let value = value.into();
        let says_nothing = match &value {
            Node::Null => true,
            Node::List(list) => list.is_empty(),
            Node::Object(Object(members)) => members.is_empty(),
            _ => false,
        };
        if !says_nothing {
            self.0.push((Cow::Borrowed(name), value));
        }
    }
}

impl From<bool> for Node<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Node<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a str> for Node<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for Node<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Object<'a>> for Node<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a, T: Into<Node<'a>>> From<Vec<T>> for Node<'a> {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<Node<'a>>> From<Option<T>> for Node<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Never put: what is neither text nor flag nor integer is refused.
            Self::Null | Self::OtherNumber | Self::Deep => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A text, borrowed from the document where it has no escapes.
pub(crate) struct Str<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Str<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;

        impl<'de> Visitor<'de> for StrVisitor {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(StrVisitor)
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Levels(LEVELS).deserialize(deserializer)
    }
}

/// Reads a value of at most so many levels.
#[derive(Clone, Copy)]
struct Levels(usize);

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node<'de>, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(i64::try_from(number).map_or(Node::OtherNumber, Node::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node<'de>, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let Some(below) = self.0.checked_sub(1) else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Node::Deep);
        };
        let mut list = Vec::new();
        while let Some(element) = seq.next_element_seed(Self(below))? {
            list.push(element);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let Some(below) = self.0.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Node::Deep);
        };
        let mut members = Vec::new();
        while let Some(Str(name)) = map.next_key()? {
            members.push((name, map.next_value_seed(Self(below))?));
        }
        Ok(Node::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_borrowed_and_members_written_twice_are_kept() {
        let text = r#"{"a":[1,-2,true,null,"x"],"a":{"b":"y\n"}}"#;
        let node: Node<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&node).unwrap(), text);
        let Node::Object(Object(members)) = node else {
            panic!("an object")
        };
        let Node::List(list) = &members[0].1 else {
            panic!("a list")
        };
        assert!(matches!(list.last(), Some(Node::Text(Cow::Borrowed("x")))));
    }

    #[test]
    fn what_is_deeper_than_spec_2_is_not_looked_into() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let levels = |text: &str| {
            let mut node: Node<'_> = serde_json::from_str(text).unwrap();
            let mut levels = 0;
            while let Node::List(list) = node {
                levels += 1;
                node = list.into_iter().next().unwrap_or(Node::Null);
            }
            (levels, node == Node::Deep)
        };
        assert_eq!(levels(&nested(LEVELS)), (LEVELS, false));
        assert_eq!(levels(&nested(100_000)), (LEVELS, true));
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let mut object = Object::default();
        object.put("a", None::<bool>);
        object.put("b", Vec::<&str>::new());
        object.put("c", Object::default());
        object.put("d", false);
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"d":false}"#);
    }
}
