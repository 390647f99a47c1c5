//! ConfigMaps and Secrets.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::StringMap;
use crate::object::RawObject;
use crate::read::ReadError;

/// BI-006, BI-030, BI-031: the ConfigMap `coreos-bootimages`.
#[derive(Debug, Clone, Default)]
pub struct BootImagesConfigMap<'a> {
    data: StringMap<'a>,
}

impl<'a> BootImagesConfigMap<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            data: object.view("data")?,
        })
    }

    /// The default stream document as JSON text; an absent key is the empty text (BI-032).
    pub fn stream(&self) -> &str {
        self.data.get("stream").unwrap_or_default()
    }

    /// BI-229: several stream documents by name, as JSON text.
    pub fn streams(&self) -> Option<&str> {
        self.data.get("streams")
    }

    /// The release that the payload says it is.
    pub fn release_version(&self) -> Option<&str> {
        self.data.get("releaseVersion")
    }

    /// BI-110: stamp of the operator: its git hash.
    pub fn mco_version_hash(&self) -> Option<&str> {
        self.data.get("MCOVersionHash")
    }

    /// BI-110: stamp of the operator: its release.
    pub fn mco_release_image_version(&self) -> Option<&str> {
        self.data.get("MCOReleaseImageVersion")
    }
}

/// BI-009: a Secret. Its contents appear in no error text.
#[derive(Clone, Default)]
pub struct Secret<'a> {
    /// Values in base64.
    data: StringMap<'a>,
    /// Values as they are; in manifests they stand beside `data` and win.
    string_data: StringMap<'a>,
}

impl<'a> Secret<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            data: map(object, "data")?,
            string_data: map(object, "stringData")?,
        })
    }

    /// The value of a key in base64, as the API delivers it.
    pub fn data(&self, key: &str) -> Option<&str> {
        self.data.get(key)
    }

    /// The value of a key as a manifest writes it.
    pub fn string_data(&self, key: &str) -> Option<&str> {
        self.string_data.get(key)
    }

    /// BI-351: the value of a key: that of `stringData`, else that of `data`, decoded; `None` where
    /// there is neither.
    pub fn value(&self, key: &str) -> Option<Result<Cow<'_, [u8]>, NotBase64>> {
        if let Some(text) = self.string_data(key) {
            return Some(Ok(Cow::Borrowed(text.as_bytes())));
        }
        let encoded = self.data(key)?;
        Some(decode_secret_value(key, encoded).map(Cow::Owned))
    }

    /// The keys that have a value.
    pub fn keys(&self) -> BTreeSet<&str> {
        let keys = self.data.iter().chain(self.string_data.iter());
        keys.map(|(key, _)| key).collect()
    }
}

/// A value of `data` is not base64. What it is instead is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("data.{key} is not base64 (plain text goes into stringData)")]
pub struct NotBase64 {
    /// The key of the value.
    pub key: String,
}

/// Decodes a value of a Secret's `data`. As the API server, it passes over line breaks, which
/// `base64` and YAML put into long values, and over blanks around the value.
pub fn decode_secret_value(key: &str, encoded: &str) -> Result<Vec<u8>, NotBase64> {
    let encoded = encoded.trim();
    let text: Cow<'_, str> = if encoded.contains(['\r', '\n']) {
        encoded.replace(['\r', '\n'], "").into()
    } else {
        encoded.into()
    };
    BASE64.decode(text.as_ref()).map_err(|_| NotBase64 {
        key: key.to_owned(),
    })
}

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = |map: &StringMap<'_>| {
            map.iter()
                .map(|(key, _)| key.to_owned())
                .collect::<Vec<_>>()
        };
        f.debug_struct("Secret")
            .field("data", &keys(&self.data))
            .field("string_data", &keys(&self.string_data))
            .finish()
    }
}

fn map<'a>(object: &RawObject<'a>, member: &str) -> Result<StringMap<'a>, ReadError> {
    object.view(member).map_err(|error| ReadError {
        // serde quotes what it found.
        problem: "a value is not a string".to_owned(),
        ..error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_351_a_value_may_be_broken_into_lines_and_string_data_wins() {
        let text = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},
            "data":{"a":"aHVu\r\ndGVy\nMg==\n","b":"?","c":"eA=="},"stringData":{"c":"y"}}"#;
        let object = RawObject::parse(text).unwrap().unwrap();
        let secret = Secret::read(&object).unwrap();
        let value = |key| secret.value(key).map(|value| value.map(Cow::into_owned));
        assert_eq!(value("a"), Some(Ok(b"hunter2".to_vec())));
        assert_eq!(value("c"), Some(Ok(b"y".to_vec())));
        assert_eq!(value("d"), None);
        let error = value("b").unwrap().unwrap_err();
        assert!(
            error.to_string().starts_with("data.b is not base64"),
            "{error}"
        );
        assert_eq!(
            secret.keys().into_iter().collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }

    #[test]
    fn a_secret_shows_its_contents_nowhere() {
        let text = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},
            "data":{"a":"aHVudGVyMg=="},"stringData":{"b":"hunter3"}}"#;
        let object = RawObject::parse(text).unwrap().unwrap();
        let secret = Secret::read(&object).unwrap();
        assert_eq!(
            (secret.data("a"), secret.string_data("b")),
            (Some("aHVudGVyMg=="), Some("hunter3"))
        );
        let shown = format!("{secret:?}");
        assert!(
            !shown.contains("hunter") && !shown.contains("aHVu"),
            "{shown}"
        );
        let broken = text.replace(r#""hunter3""#, "12345");
        let object = RawObject::parse(&broken).unwrap().unwrap();
        let error = Secret::read(&object).unwrap_err().to_string();
        assert_eq!(error, "Secret s: /stringData/b: a value is not a string");
    }
}
