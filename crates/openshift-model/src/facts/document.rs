//! Facts as documents: ours, and what `aws ec2 describe-images` and govc print.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{Answer, AwsImage, Facts, VsphereMachine, VsphereMachines, VsphereSearch};
use crate::Text;
use crate::read::{WrongType, read};

/// `apiVersion` of every document that osimage reads and writes.
pub const API_VERSION: &str = "osimage.dev/v1";
const KIND: &str = "Facts";

/// Why a document with facts cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// The text is no JSON.
    #[error("the facts cannot be read: {0}")]
    Json(String),
    /// It is another document.
    #[error(
        "the facts are neither a document of kind Facts in osimage.dev/v1 nor the output of \
         `aws ec2 describe-images`, `govc find -json` or `govc object.collect -json`"
    )]
    OtherDocument,
    /// A member has another type than it should.
    #[error("the facts cannot be read: {0}")]
    WrongType(#[from] WrongType),
    /// An answer is to a question that no plan asks.
    #[error("the facts cannot be read: {pointer}/kind: {kind:?} is no kind of fact")]
    OtherKind {
        /// JSON pointer to the answer.
        pointer: String,
        /// What it calls itself.
        kind: String,
    },
    /// A member is missing that tells what the answer is about.
    #[error("the facts cannot be read: {pointer}: {member} is missing")]
    Missing {
        /// JSON pointer to the answer.
        pointer: String,
        /// What is missing, as a sentence.
        member: &'static str,
    },
}

/// One answer, with the question. A region of `None` is that of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// To [`FactRequest::AwsImage`](super::FactRequest::AwsImage).
    AwsImage {
        /// The region.
        region: Option<String>,
        /// The image.
        id: String,
        /// What EC2 says of it.
        answer: Answer<AwsImage>,
    },
    /// To [`FactRequest::AwsMarketplaceImages`](super::FactRequest::AwsMarketplaceImages).
    AwsMarketplaceImages {
        /// The region.
        region: Option<String>,
        /// The product.
        product_id: String,
        /// Its images.
        answer: Answer<Vec<AwsImage>>,
    },
    /// To [`FactRequest::VsphereTemplate`](super::FactRequest::VsphereTemplate).
    VsphereTemplate {
        /// Where was looked, under which names.
        search: VsphereSearch,
        /// What was found.
        answer: Answer<VsphereMachines>,
    },
}

impl Facts {
    /// Reads one document.
    pub fn parse(text: &str) -> Result<Self, FactsError> {
        let mut facts = Self::default();
        facts.read(text)?;
        Ok(facts)
    }

    /// Reads one more document, or several one behind the other: `kind: Facts`, or saved output of
    /// `aws ec2 describe-images` (BI-276), `govc find -json` or `govc object.collect -json`. Returns
    /// how many answers it has; where one cannot be read nothing is added.
    pub fn read(&mut self, text: &str) -> Result<usize, FactsError> {
        let json = |error: serde_json::Error| FactsError::Json(error.to_string());
        let mut read = self.clone();
        let mut count = 0;
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        let first = documents.next();
        let first = first
            .unwrap_or_else(|| serde_json::from_str(text))
            .map_err(json)?;
        for document in std::iter::once(Ok(first)).chain(documents) {
            count += read.read_document(document.map_err(json)?)?;
        }
        *self = read;
        Ok(count)
    }

    fn read_document(&mut self, raw: &RawValue) -> Result<usize, FactsError> {
        if let Some(count) = self.govc.read(raw) {
            return Ok(count);
        }
        let document: Document<'_> = read(raw, "")?;
        match (
            document.api_version.as_deref(),
            document.kind.as_deref(),
            document.images,
        ) {
            (Some(API_VERSION), Some(KIND), _) => {
                let facts = facts(&document.items.unwrap_or_default())?;
                let count = facts.len();
                for fact in facts {
                    self.insert(fact);
                }
                Ok(count)
            }
            (None, None, Some(images)) => {
                let images = aws_images(images, "/Images")?;
                let count = images.len();
                for image in images {
                    self.insert_saved_image(image);
                }
                Ok(count)
            }
            _ => Err(FactsError::OtherDocument),
        }
    }
}

view! {
    /// Either document.
    struct Document<'a> {
        /// `osimage.dev/v1`
        api_version: Text<'a> = "apiVersion",
        /// `Facts`
        kind: Text<'a> = "kind",
        /// Our answers.
        items: Vec<&'a RawValue> = "items",
        /// What EC2 says.
        images: Vec<Ec2Image<'a>> = "Images",
    }
}

view! {
    /// What all answers have.
    struct Head<'a> {
        /// What it is about.
        kind: Text<'a> = "kind",
        /// It is not there.
        not_found: bool = "notFound",
        /// Nobody would say.
        denied: Text<'a> = "denied",
    }
}

view! {
    /// An answer about AWS.
    struct AwsItem<'a> {
        /// The region; absent: the cluster's.
        region: Text<'a> = "region",
        /// The image that was asked for.
        id: Text<'a> = "id",
        /// The product that was asked for.
        product_id: Text<'a> = "productId",
        /// The image.
        image: Ec2Image<'a> = "image",
        /// The images of the product.
        images: Vec<Ec2Image<'a>> = "images",
    }
}

view! {
    /// An image as the AWS command line prints it.
    struct Ec2Image<'a> {
        /// `ami-…`
        id: Text<'a> = "ImageId",
        /// The account that published it.
        owner: Text<'a> = "OwnerId",
        /// Its name.
        name: Text<'a> = "Name",
        /// Its description.
        description: Text<'a> = "Description",
        /// When it was made.
        creation_date: Text<'a> = "CreationDate",
    }
}

view! {
    /// An answer about a vCenter.
    struct VsphereItem<'a> {
        /// The vCenter.
        server: Text<'a> = "server",
        /// The datacenter.
        datacenter: Text<'a> = "datacenter",
        /// The folder.
        folder: Text<'a> = "folder",
        /// The names that were asked for.
        names: Vec<Text<'a>> = "names",
        /// Where the folder is.
        folder_path: Text<'a> = "folderPath",
        /// The machines.
        machines: Vec<Machine<'a>> = "machines",
    }
}

view! {
    /// A machine of a vCenter.
    struct Machine<'a> {
        /// Inventory path.
        path: Text<'a> = "path",
        /// What its product information says.
        version: Text<'a> = "version",
        /// Of its disk.
        thin_provisioned: bool = "thinProvisioned",
        /// Of its disk.
        eagerly_scrub: bool = "eagerlyScrub",
    }
}

fn facts(items: &[&RawValue]) -> Result<Vec<Fact>, FactsError> {
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| fact(item, &format!("/items/{index}")))
        .collect()
}

fn fact(item: &RawValue, pointer: &str) -> Result<Fact, FactsError> {
    let head: Head<'_> = read(item, pointer)?;
    match head.kind.as_deref() {
        Some("AwsImage") => {
            let item: AwsItem<'_> = read(item, pointer)?;
            let id = required(item.id, pointer, "id")?;
            let image = |image: Ec2Image<'_>| AwsImage {
                id: id.clone(),
                ..aws_image(image)
            };
            let found = item.image.map(image);
            let answer = head.answer(found, pointer, "image, notFound or denied")?;
            let region = item.region.map(Text::into_string);
            Ok(Fact::AwsImage { region, id, answer })
        }
        Some("AwsMarketplaceImages") => {
            let item: AwsItem<'_> = read(item, pointer)?;
            let images = item
                .images
                .map(|images| aws_images(images, &format!("{pointer}/images")));
            let found = images.transpose()?;
            Ok(Fact::AwsMarketplaceImages {
                region: item.region.map(Text::into_string),
                product_id: required(item.product_id, pointer, "productId")?,
                answer: head.answer(found, pointer, "images, notFound or denied")?,
            })
        }
        Some("VsphereTemplate") => {
            let item: VsphereItem<'_> = read(item, pointer)?;
            let names = item.names.unwrap_or_default().into_iter();
            let search = VsphereSearch {
                server: required(item.server, pointer, "server")?,
                datacenter: text(item.datacenter),
                folder: text(item.folder),
                names: names.map(Text::into_string).collect(),
            };
            let machines = item
                .machines
                .map(|machines| vsphere_machines(machines, &format!("{pointer}/machines")));
            let found = machines.transpose()?.map(|machines| VsphereMachines {
                folder_path: item.folder_path.map(Text::into_string),
                machines,
            });
            let answer = head.answer(found, pointer, "machines, notFound or denied")?;
            Ok(Fact::VsphereTemplate { search, answer })
        }
        Some(other) => Err(FactsError::OtherKind {
            pointer: pointer.to_owned(),
            kind: other.to_owned(),
        }),
        None => Err(missing(pointer, "kind")),
    }
}

impl Head<'_> {
    /// A refusal goes before what was found, and that before `notFound`.
    fn answer<T>(
        self,
        found: Option<T>,
        pointer: &str,
        members: &'static str,
    ) -> Result<Answer<T>, FactsError> {
        match (self.denied, found, self.not_found) {
            (Some(words), _, _) => Ok(Answer::Denied(words.into_string())),
            (None, Some(found), _) => Ok(Answer::Found(found)),
            (None, None, Some(true)) => Ok(Answer::NotFound),
            (None, None, _) => Err(missing(pointer, members)),
        }
    }
}

fn aws_images(images: Vec<Ec2Image<'_>>, pointer: &str) -> Result<Vec<AwsImage>, FactsError> {
    let images = images.into_iter().enumerate();
    let image = |(index, image): (usize, Ec2Image<'_>)| {
        let image = aws_image(image);
        if image.id.is_empty() {
            return Err(missing(&format!("{pointer}/{index}"), "ImageId"));
        }
        Ok(image)
    };
    images.map(image).collect()
}

fn aws_image(image: Ec2Image<'_>) -> AwsImage {
    AwsImage {
        id: text(image.id),
        owner: text(image.owner),
        name: text(image.name),
        description: text(image.description),
        creation_date: text(image.creation_date),
    }
}

fn vsphere_machines(
    machines: Vec<Machine<'_>>,
    pointer: &str,
) -> Result<Vec<VsphereMachine>, FactsError> {
    let machines = machines.into_iter().enumerate();
    let machine = |(index, machine): (usize, Machine<'_>)| {
        Ok(VsphereMachine {
            path: required(machine.path, &format!("{pointer}/{index}"), "path")?,
            version: text(machine.version),
            thin_provisioned: machine.thin_provisioned,
            eagerly_scrub: machine.eagerly_scrub,
        })
    };
    machines.map(machine).collect()
}

fn text(member: Option<Text<'_>>) -> String {
    member.map(Text::into_string).unwrap_or_default()
}

fn required(
    member: Option<Text<'_>>,
    pointer: &str,
    name: &'static str,
) -> Result<String, FactsError> {
    member
        .map(Text::into_string)
        .ok_or_else(|| missing(pointer, name))
}

fn missing(pointer: &str, member: &'static str) -> FactsError {
    FactsError::Missing {
        pointer: pointer.to_owned(),
        member,
    }
}

impl Serialize for Facts {
    /// As a document that [`Facts::read`] takes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(3))?;
        document.serialize_entry("apiVersion", API_VERSION)?;
        document.serialize_entry("kind", KIND)?;
        document.serialize_entry("items", &self.iter().collect::<Vec<_>>())?;
        document.end()
    }
}

impl Serialize for Fact {
    /// As an item of the document.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_map(None)?;
        match self {
            Self::AwsImage { region, id, answer } => {
                item.serialize_entry("kind", "AwsImage")?;
                write_region(&mut item, region.as_deref())?;
                item.serialize_entry("id", id)?;
                write_answer(&mut item, "image", answer)?;
            }
            Self::AwsMarketplaceImages {
                region,
                product_id,
                answer,
            } => {
                item.serialize_entry("kind", "AwsMarketplaceImages")?;
                write_region(&mut item, region.as_deref())?;
                item.serialize_entry("productId", product_id)?;
                write_answer(&mut item, "images", answer)?;
            }
            Self::VsphereTemplate { search, answer } => {
                item.serialize_entry("kind", "VsphereTemplate")?;
                item.serialize_entry("server", &search.server)?;
                item.serialize_entry("datacenter", &search.datacenter)?;
                item.serialize_entry("folder", &search.folder)?;
                item.serialize_entry("names", &search.names)?;
                if let Answer::Found(found) = answer {
                    item.serialize_entry("folderPath", &found.folder_path)?;
                }
                let machines = answer.as_ref().map(|found| &found.machines);
                write_answer(&mut item, "machines", &machines)?;
            }
        }
        item.end()
    }
}

fn write_region<M: SerializeMap>(item: &mut M, region: Option<&str>) -> Result<(), M::Error> {
    match region {
        Some(region) => item.serialize_entry("region", region),
        None => Ok(()),
    }
}

fn write_answer<M: SerializeMap, T: Serialize, W: Serialize>(
    item: &mut M,
    member: &str,
    answer: &Answer<T, W>,
) -> Result<(), M::Error> {
    match answer {
        Answer::Found(found) => item.serialize_entry(member, found),
        Answer::NotFound => item.serialize_entry("notFound", &true),
        Answer::Denied(words) => item.serialize_entry("denied", words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A document with these items.
    fn document(items: &str) -> String {
        format!(r#"{{"apiVersion": "osimage.dev/v1", "kind": "Facts", "items": [{items}]}}"#)
    }

    fn check(item: &str, expected: &Fact) {
        let facts = Facts::parse(&document(item)).unwrap();
        assert_eq!(
            facts.iter().collect::<Vec<_>>(),
            std::slice::from_ref(expected),
            "{item}"
        );
    }

    #[test]
    fn every_kind_of_answer_is_read() {
        let of_image = |answer| Fact::AwsImage {
            region: Some("r".into()),
            id: "ami-1".into(),
            answer,
        };
        check(
            r#"{"kind": "AwsImage", "region": "r", "id": "ami-1", "notFound": true}"#,
            &of_image(Answer::NotFound),
        );
        check(
            r#"{"kind": "AwsImage", "region": "r", "id": "ami-1", "denied": "no"}"#,
            &of_image(Answer::Denied("no".into())),
        );
        let image = AwsImage {
            id: "ami-1".into(),
            owner: "1".into(),
            ..AwsImage::default()
        };
        check(
            r#"{"kind": "AwsImage", "region": "r", "id": "ami-1", "image": {"OwnerId": "1",
                "Architecture": "arm64", "BlockDeviceMappings": [{}]}, "comment": 5}"#,
            &of_image(Answer::Found(image.clone())),
        );
        check(
            r#"{"kind": "AwsMarketplaceImages", "productId": "p", "images":
                [{"ImageId": "ami-1", "OwnerId": "1", "Description": null}]}"#,
            &Fact::AwsMarketplaceImages {
                region: None,
                product_id: "p".into(),
                answer: Answer::Found(vec![image]),
            },
        );
        let machine = VsphereMachine {
            path: "/dc1/vm/f/t".into(),
            version: "9.6".into(),
            thin_provisioned: Some(true),
            eagerly_scrub: None,
        };
        check(
            r#"{"kind": "VsphereTemplate", "server": "v", "datacenter": "dc1", "folder": "f",
                "names": ["t"], "folderPath": "/dc1/vm/f",
                "machines": [{"path": "/dc1/vm/f/t", "version": "9.6", "thinProvisioned": true}]}"#,
            &Fact::VsphereTemplate {
                search: VsphereSearch {
                    server: "v".into(),
                    datacenter: "dc1".into(),
                    folder: "f".into(),
                    names: vec!["t".into()],
                },
                answer: Answer::Found(VsphereMachines {
                    folder_path: Some("/dc1/vm/f".into()),
                    machines: vec![machine],
                }),
            },
        );
    }

    fn check_error(text: &str, expected: &str) {
        let error = Facts::parse(text).unwrap_err().to_string();
        let error = error
            .strip_prefix("the facts cannot be read: ")
            .unwrap_or(&error);
        assert_eq!(error, expected, "{text}");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        let item = |item: &str, expected: &str| check_error(&document(item), expected);
        item(r#"{"id": "x"}"#, "/items/0: kind is missing");
        item("null", "/items/0: kind is missing");
        item(
            "5",
            "/items/0: invalid type: integer `5`, expected an object",
        );
        item(
            r#"{"kind": "X"}"#,
            r#"/items/0/kind: "X" is no kind of fact"#,
        );
        item(r#"{"kind": "AwsImage"}"#, "/items/0: id is missing");
        item(
            r#"{"kind": "AwsImage", "id": "a", "notFound": false}"#,
            "/items/0: image, notFound or denied is missing",
        );
        item(
            r#"{"kind": "AwsImage", "id": "a", "image": {"OwnerId": 5}}"#,
            "/items/0/image/OwnerId: invalid type: integer `5`, expected a string",
        );
        item(
            r#"{"kind": "AwsMarketplaceImages", "productId": "p", "images": [{}]}"#,
            "/items/0/images/0: ImageId is missing",
        );
        item(
            r#"{"kind": "VsphereTemplate", "server": "v", "machines": [{"path": "a"}, {}]}"#,
            "/items/0/machines/1: path is missing",
        );
        check_error(
            r#"{"Images": [{"ImageId": "a"}, {"OwnerId": "5"}]}"#,
            "/Images/1: ImageId is missing",
        );
        check_error(
            r#"{"Images": {"ImageId": "a"}}"#,
            "/Images: invalid type: map, expected a sequence",
        );
        check_error("[]", "/: invalid type: sequence, expected an object");
        check_error("", "EOF while parsing a value at line 1 column 0");
        let other = FactsError::OtherDocument.to_string();
        check_error("{}", &other);
        check_error("null", &other);
        check_error(
            r#"{"apiVersion": "v1", "kind": "List", "items": []}"#,
            &other,
        );
        check_error(
            r#"{"apiVersion": "osimage.dev/v1", "kind": "Plan", "Images": []}"#,
            &other,
        );
    }

    #[test]
    fn what_cannot_be_read_adds_nothing() {
        let mut facts = Facts::default();
        let good = r#"{"kind": "AwsImage", "id": "a", "notFound": true}"#;
        assert!(
            facts
                .read(&document(&format!(r#"{good}, {{"kind": "X"}}"#)))
                .is_err()
        );
        assert_eq!(facts, Facts::default());
    }

    fn answer<T: std::fmt::Debug + Clone>(
        found: impl Strategy<Value = T> + 'static,
    ) -> impl Strategy<Value = Answer<T>> {
        prop_oneof![
            found.prop_map(Answer::Found),
            Just(Answer::NotFound),
            "\\PC{0,9}".prop_map(Answer::Denied),
        ]
    }

    fn aws_image(id: &str) -> impl Strategy<Value = AwsImage> + use<> {
        let id = id.to_owned();
        (any::<[u8; 2]>(), "\\PC{0,9}", "[a-z]{0,3}").prop_map(move |(owner, name, description)| {
            AwsImage {
                id: id.clone(),
                owner: format!("{owner:?}"),
                name,
                description,
                creation_date: String::new(),
            }
        })
    }

    fn machines() -> impl Strategy<Value = VsphereMachines> {
        let machine = (
            "[a-z/]{1,5}",
            "[0-9.]{0,3}",
            any::<Option<bool>>(),
            any::<Option<bool>>(),
        );
        let machine =
            machine.prop_map(
                |(path, version, thin_provisioned, eagerly_scrub)| VsphereMachine {
                    path,
                    version,
                    thin_provisioned,
                    eagerly_scrub,
                },
            );
        let machines = prop::collection::vec(machine, 0..3);
        (any::<Option<String>>(), machines).prop_map(|(folder_path, machines)| VsphereMachines {
            folder_path,
            machines,
        })
    }

    fn fact() -> impl Strategy<Value = Fact> {
        let region = || prop::option::of("[a-c]");
        prop_oneof![
            (region(), answer(aws_image("ami-1"))).prop_map(|(region, answer)| Fact::AwsImage {
                region,
                id: "ami-1".into(),
                answer,
            }),
            (
                region(),
                "[a-b]",
                answer(prop::collection::vec(aws_image("ami-2"), 0..3))
            )
                .prop_map(|(region, product_id, answer)| Fact::AwsMarketplaceImages {
                    region,
                    product_id,
                    answer,
                }),
            (prop::collection::vec("\\PC{0,5}", 4), answer(machines())).prop_map(
                |(words, answer)| Fact::VsphereTemplate {
                    search: VsphereSearch {
                        server: words[0].clone(),
                        datacenter: words[1].clone(),
                        folder: words[2].clone(),
                        names: words[2..].to_vec(),
                    },
                    answer,
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(items in prop::collection::vec(fact(), 0..6)) {
            let mut facts = Facts::default();
            for fact in items {
                facts.insert(fact);
            }
            let text = serde_json::to_string(&facts).unwrap();
            prop_assert_eq!(Facts::parse(&text).unwrap(), facts);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = Facts::parse(&text);
            let _ = Facts::parse(&document(&text));
        }
    }
}
