//! The macro behind every read view.

/// Declares a thin read view of a JSON object: every member is optional, `null` is absent, unknown
/// members are passed over, and of a member that is written twice the last one counts, as in Go's
/// JSON. (A derived `Deserialize` would refuse the second one.)
///
/// A view borrows, so that it has one lifetime. The crate that uses the macro depends on `serde`.
///
/// ```
/// openshift_model::view! {
///     /// A disk.
///     pub struct Disk<'a> {
///         /// What it is made from.
///         image: openshift_model::Text<'a> = "image",
///     }
/// }
/// let disk: Disk<'_> = serde_json::from_str(r#"{"image": "a", "sizeGb": 5}"#)?;
/// assert_eq!(disk.image.as_deref(), Some("a"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! view {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident<$life:lifetime> {
            $( $(#[$field_meta:meta])* $field:ident : $kind:ty = $key:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $visibility struct $name<$life> {
            $( $(#[$field_meta])* pub $field: Option<$kind>, )*
        }

        impl<'de: $life, $life> ::serde::Deserialize<'de> for $name<$life> {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                struct Members;

                impl<'de> ::serde::de::Visitor<'de> for Members {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A>(self, mut map: A) -> Result<$name<'de>, A::Error>
                    where
                        A: ::serde::de::MapAccess<'de>,
                    {
                        let mut view = $name::default();
                        while let Some(key) = map.next_key::<$crate::Text<'de>>()? {
                            match key.as_str() {
                                $( $key => view.$field = map.next_value()?, )*
                                _ => { map.next_value::<::serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(view)
                    }
                }

                deserializer.deserialize_map(Members)
            }
        }
    };
}
