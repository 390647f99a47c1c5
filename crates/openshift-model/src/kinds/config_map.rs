//! ConfigMaps and Secrets.

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
