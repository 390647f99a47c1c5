//! Objects out of texts: lists taken apart, other kinds counted, repeated objects found.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use bootimage_plan::{Repeated, repeated};
use openshift_model::{Kind, Members, ObjectRef, RawObject, Text as Str};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::files::{FileError, Text, Texts};

/// Everything that texts held.
#[derive(Debug, Default)]
pub struct Loaded<'a> {
    /// Objects of the kinds that osimage reads; of the same object twice the last one read.
    pub objects: Vec<RawObject<'a>>,
    /// How many documents and list elements were of other kinds, or of none.
    pub ignored: usize,
    /// Objects that stand in the texts twice, with different contents; there is a warning for each.
    pub repeated: Vec<ObjectRef>,
    /// What an administrator should know.
    pub warnings: Vec<String>,
    /// Documents that could not be read.
    pub errors: Vec<FileError>,
}

/// Takes texts apart into objects. Pods count as another kind: a dump has thousands, and only who
/// builds images looks at any.
pub fn load(texts: &Texts) -> Loaded<'_> {
    loaded(texts, Loader::default())
}

/// The same with pods.
pub fn load_with_pods(texts: &Texts) -> Loaded<'_> {
    let loader = Loader {
        keeps_pods: true,
        ..Loader::default()
    };
    loaded(texts, loader)
}

fn loaded<'a>(texts: &'a Texts, mut loader: Loader<'a>) -> Loaded<'a> {
    loader.loaded.ignored = texts.ignored;
    for text in &texts.texts {
        loader.add_text(text);
    }
    loader.loaded
}

#[derive(Default)]
struct Loader<'a> {
    loaded: Loaded<'a>,
    keeps_pods: bool,
    /// Where an object stands in `loaded.objects`, and the file that it is from.
    known: HashMap<(Kind, Str<'a>, Str<'a>), (usize, &'a str)>,
}

impl<'a> Loader<'a> {
    fn add_text(&mut self, text: &'a Text) {
        let documents = serde_json::Deserializer::from_str(&text.json);
        let documents = documents.into_iter::<Shape<Document<'a>>>();
        for (document, number) in documents.zip(text.document..) {
            match document {
                Ok(document) => self.add_document(document, &text.path),
                Err(error) => {
                    let (line, column) = (error.line() as u64, error.column() as u64);
                    let problem = error.to_string();
                    let problem = problem
                        .split(" at line ")
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    let (path, document) = (text.path.clone(), number);
                    let error = FileError::Syntax {
                        path,
                        document,
                        line,
                        column,
                        problem,
                    };
                    self.loaded.errors.push(error);
                }
            }
        }
    }

    fn add_document(&mut self, document: Shape<Document<'a>>, path: &'a str) {
        let Some(Document { members, items }) = document.0 else {
            self.loaded.ignored += 1;
            return;
        };
        let Some(items) = items else {
            return self.add_object(RawObject::from_members(members), path);
        };
        let string = |name: &str| -> Str<'a> {
            let raw: Option<&'a RawValue> = members.get(name);
            raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default()
        };
        let (api_version, kind) = (string("apiVersion"), string("kind"));
        let element_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        self.loaded.objects.reserve_exact(items.len());
        for Shape(item) in items {
            let object = match (item, element_kind) {
                (None, _) => None,
                // An API server leaves the type out of the elements of a typed list.
                (Some(item), Some(kind)) if item.get("kind").is_none() => {
                    RawObject::with_type(item, &api_version, kind)
                }
                (Some(item), _) => RawObject::from_members(item),
            };
            self.add_object(object, path);
        }
    }

    fn add_object(&mut self, object: Option<RawObject<'a>>, path: &'a str) {
        let is_kept = |object: &RawObject<'_>| self.keeps_pods || object.kind != Kind::Pod;
        let Some(object) = object.filter(is_kept) else {
            self.loaded.ignored += 1;
            return;
        };
        let identity = (object.kind, object.namespace.clone(), object.name.clone());
        match self.known.entry(identity) {
            Entry::Vacant(entry) => {
                entry.insert((self.loaded.objects.len(), path));
                self.loaded.objects.push(object);
            }
            Entry::Occupied(mut entry) => {
                let (place, before) = *entry.get();
                entry.insert((place, path));
                self.loaded.repeated(object, place, before, path);
            }
        }
    }
}

impl<'a> Loaded<'a> {
    fn repeated(&mut self, object: RawObject<'a>, place: usize, before: &str, path: &str) {
        let Some(first) = self.objects.get_mut(place) else {
            return;
        };
        let which = object.reference();
        let (first_path, second_path) = (before.to_owned(), path.to_owned());
        match repeated(first, &object) {
            Repeated::Same => return,
            Repeated::Contradiction => self.errors.push(FileError::Differs {
                object: which.to_string(),
                first_path,
                second_path,
            }),
            Repeated::OfTwoClusters {
                member,
                first,
                second,
            } => {
                let is_known = |error: &FileError| matches!(error, FileError::TwoClusters { .. });
                if !self.errors.iter().any(is_known) {
                    self.errors.push(FileError::TwoClusters {
                        object: which.to_string(),
                        member,
                        first,
                        first_path,
                        second,
                        second_path,
                    });
                }
                self.warnings.push(stands_twice(&which, before, path));
            }
            Repeated::Differs => self.warnings.push(stands_twice(&which, before, path)),
        }
        self.repeated.push(which);
        *first = object;
    }
}

fn stands_twice(object: &ObjectRef, before: &str, path: &str) -> String {
    let files = if before == path {
        path.to_owned()
    } else {
        format!("{before} and {path}")
    };
    format!("{object} stands twice in the input ({files}) and differs; the last one read counts")
}

/// A JSON object; the elements of a list are taken apart in the same pass over the text.
struct Document<'a> {
    /// All but `items`.
    members: Members<'a>,
    /// The elements of a list; `None` for one that is no object.
    items: Option<Vec<Shape<Members<'a>>>>,
}

impl<'a> FromMap<'a> for Document<'a> {
    fn from_map<A: MapAccess<'a>>(mut map: A) -> Result<Self, A::Error> {
        let mut members = Members::default();
        let mut items = None;
        while let Some(key) = map.next_key::<Str<'a>>()? {
            if key.as_str() == "items" {
                items = map.next_value()?;
            } else {
                members.push(key, map.next_value::<&'a RawValue>()?);
            }
        }
        Ok(Self { members, items })
    }
}

impl<'a> FromMap<'a> for Members<'a> {
    fn from_map<A: MapAccess<'a>>(mut map: A) -> Result<Self, A::Error> {
        let mut members = Self::with_room();
        while let Some(key) = map.next_key::<Str<'a>>()? {
            members.push(key, map.next_value::<&'a RawValue>()?);
        }
        Ok(members)
    }
}

/// What can be read from the members of a JSON object.
trait FromMap<'de>: Sized {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

/// Any JSON value: `Some` for an object, `None` for everything else.
struct Shape<T>(Option<T>);

impl<'de, T: FromMap<'de>> Deserialize<'de> for Shape<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor<T>(PhantomData<T>);

        impl<'de, T: FromMap<'de>> Visitor<'de> for ShapeVisitor<T> {
            type Value = Shape<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape<T>, A::Error> {
                T::from_map(map).map(|value| Shape(Some(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape<T>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shape(None))
            }

            fn visit_unit<E>(self) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Shape<T>, E> {
                Ok(Shape(None))
            }
        }

        deserializer.deserialize_any(ShapeVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(documents: &[&str]) -> Texts {
        let text = |(index, json): (usize, &&str)| Text {
            path: format!("f{index}"),
            document: 1,
            json: (*json).to_owned(),
        };
        Texts {
            texts: documents.iter().enumerate().map(text).collect(),
            ..Texts::default()
        }
    }

    fn check(documents: &[&str], names: &[&str], ignored: usize, warnings: usize, errors: usize) {
        let texts = texts(documents);
        let loaded = load(&texts);
        let found: Vec<_> = loaded
            .objects
            .iter()
            .map(|object| object.reference().to_string())
            .collect();
        assert_eq!(found, names, "{documents:?}");
        assert_eq!(loaded.ignored, ignored, "{documents:?}");
        assert_eq!(loaded.warnings.len(), warnings, "{:?}", loaded.warnings);
        assert_eq!(loaded.errors.len(), errors, "{:?}", loaded.errors);
    }

    const A: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"},"x":1}"#;
    const B: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"},"x":2}"#;
    const OTHER: &str = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"p"}}"#;

    #[test]
    fn lists_are_taken_apart_and_other_kinds_counted() {
        check(&[A], &["Node a"], 0, 0, 0);
        check(
            &[
                OTHER, "5", "null", "[{}]", "\"x\"", "{}", "true", "1.5", "-1",
            ],
            &[],
            9,
            0,
            0,
        );
        let list = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{A},{OTHER},5,{{}}]}}"#);
        check(&[&list], &["Node a"], 3, 0, 0);
        let typed = r#"{"apiVersion":"machine.openshift.io/v1beta1","items":[
            {"metadata":{"name":"w","namespace":"n"}}],"kind":"MachineSetList"}"#;
        check(&[typed], &["MachineSet n/w"], 0, 0, 0);
        check(&[&format!("{A}\n{OTHER}\n{A}")], &["Node a"], 1, 0, 0);
        check(&[r#"{"kind":"List","items":null}"#], &[], 1, 0, 0);
    }

    #[test]
    fn of_a_repeated_object_the_last_one_counts() {
        let reordered =
            r#"{"x": 1.0, "metadata": {"name": "a"}, "kind": "Node", "apiVersion": "v1"}"#;
        check(&[A, A, reordered], &["Node a"], 0, 0, 0);
        let texts = texts(&[A, B]);
        let loaded = load(&texts);
        assert_eq!(
            loaded.warnings,
            ["Node a stands twice in the input (f0 and f1) and differs; the last one read counts"]
        );
        assert_eq!(loaded.objects[0].member("x").unwrap().get(), "2");
    }

    #[test]
    fn objects_of_two_clusters_are_an_error() {
        let version = |id: &str, more: &str| {
            format!(
                r#"{{"apiVersion":"config.openshift.io/v1","kind":"ClusterVersion","metadata":
                {{"name":"version"}},"spec":{{"clusterID":{id}{more}}}}}"#
            )
        };
        let infrastructure = |name: &str| {
            format!(
                r#"{{"apiVersion":"config.openshift.io/v1","kind":"Infrastructure","metadata":
                {{"name":"cluster"}},"status":{{"infrastructureName":{name}}}}}"#
            )
        };
        let errors = |documents: [String; 2]| {
            let texts = texts(&documents.each_ref().map(String::as_str));
            let errors = load(&texts).errors;
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let found = errors([version(r#""a""#, ""), version(r#""b""#, "")]);
        assert_eq!(
            found,
            [
                "the input is of two clusters: ClusterVersion version has clusterID \"a\" in f0, and \
              \"b\" in f1; give one cluster at a time"
            ]
        );
        assert_eq!(
            errors([infrastructure(r#""x-1""#), infrastructure(r#""y-2""#)]).len(),
            1
        );
        let same = [
            version(r#""a""#, ""),
            version(r#""a""#, r#","channel":"x""#),
        ];
        let differs = "ClusterVersion version stands twice in the input (f0 and f1) and differs";
        assert!(errors(same)[0].starts_with(differs));
        for unsaid in ["null", "5", r#""""#] {
            assert!(errors([version(r#""a""#, ""), version(unsaid, "")])[0].starts_with(differs));
        }
    }

    #[test]
    fn broken_json_names_document_line_and_column() {
        let texts = texts(&[&format!("{A}\n{{\"a\":\n tru}}")]);
        let loaded = load(&texts);
        assert_eq!(loaded.objects.len(), 1);
        let error = loaded.errors[0].to_string();
        assert!(
            error.starts_with("f0: document 2, line 3, column "),
            "{error}"
        );
        check(&[r#"{"kind":"List","items":5}"#], &[], 0, 0, 1);
    }
}
