//! JSON text that is written while a document of another format is read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// JSON text that is no longer than a limit.
pub(super) struct JsonText {
    text: String,
    limit: usize,
}

impl JsonText {
    /// An empty text that may grow to `limit` bytes.
    pub(super) fn with_limit(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn push<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if self.text.len().saturating_add(text.len()) > self.limit {
            return Err(E::custom(format_args!(
                "anchors and aliases expand to more than {} KiB, the limit for a document of this \
                 length; write them out, or split the document",
                self.limit >> 10
            )));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn string<E: Error>(&mut self, value: &str) -> Result<(), E> {
        self.push::<E>(&serde_json::to_string(value).map_err(E::custom)?)
    }
}

/// Writes the next value into a text.
pub(super) struct JsonSeed<'t>(pub(super) &'t mut JsonText);

impl<'de> DeserializeSeed<'de> for JsonSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.push(if value { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.0.push(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.0.push(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // JSON has neither infinity nor what is no number, and its writer makes null of both: a
        // value that somebody wrote must not turn into none.
        if !value.is_finite() {
            return Err(E::custom(super::NOT_FINITE));
        }
        self.0
            .push(&serde_json::to_string(&value).map_err(E::custom)?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.string(value)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.0.push("null")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.push("null")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push::<A::Error>("[")?;
        let empty = out.text.len();
        loop {
            let before = out.text.len();
            if before > empty {
                out.push::<A::Error>(",")?;
            }
            if items.next_element_seed(JsonSeed(out))?.is_none() {
                out.text.truncate(before);
                return out.push("]");
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push::<A::Error>("{")?;
        let mut separator = "";
        while let Some(key) = members.next_key::<String>()? {
            out.push::<A::Error>(separator)?;
            out.string::<A::Error>(&key)?;
            out.push::<A::Error>(":")?;
            members.next_value_seed(JsonSeed(out))?;
            separator = ",";
        }
        out.push("}")
    }
}
