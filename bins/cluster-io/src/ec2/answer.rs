//! What EC2 and STS answer, as XML.

use http::StatusCode;
use openshift_model::facts::AwsImage;
use roxmltree::{Document, Node};

use super::credentials::Keys;
use crate::xml;

/// The longest words that are handed on: EC2 can add some kilobytes of encoded reasons.
const MAX_WORDS: usize = 500;

/// A page of images.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) images: Vec<AwsImage>,
    /// Asks for the next page.
    pub(super) next_token: Option<String>,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it is no XML: {0}")]
    Xml(String),
    #[error("it is no {0}")]
    Other(&'static str),
    #[error("it lacks {0}")]
    Missing(&'static str),
}

/// What a service says instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(super) struct Refusal {
    status: StatusCode,
    /// E.g. `InvalidAMIID.NotFound`.
    code: String,
    message: String,
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// BI-277: images that the words name, or else those that were asked for, are not there.
    NoSuchImages,
    /// Too much was asked, or the service is not well: later it may answer.
    Busy,
    /// It will not answer this.
    Denied,
}

impl Refusal {
    /// Reads the answer to a call that failed, without the secret that was sent, should it be
    /// repeated there; `None` where it is not in the words of EC2 or STS.
    pub(super) fn read(status: StatusCode, body: &str, secret: Option<&str>) -> Option<Self> {
        let body = match secret {
            Some(secret) => &body.replace(secret, "…"),
            None => body,
        };
        let document = document(body).ok()?;
        let error = document
            .descendants()
            .find(|node| node.has_tag_name_of("Error"))?;
        let code = text(error, "Code").filter(|code| !code.is_empty())?;
        Some(Self {
            status,
            code: words(&code),
            message: words(&text(error, "Message").unwrap_or_default()),
        })
    }

    /// BI-277: by code first, by status where the code is not known.
    pub(super) fn meaning(&self) -> Meaning {
        match self.code.as_str() {
            "InvalidAMIID.NotFound" | "InvalidAMIID.Malformed" | "InvalidAMIID.Unavailable" => {
                Meaning::NoSuchImages
            }
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "EC2ThrottledException"
            | "TooManyRequestsException"
            | "SlowDown"
            | "BandwidthLimitExceeded"
            | "RequestTimeout"
            | "RequestTimeoutException"
            | "InternalError"
            | "InternalFailure"
            | "Unavailable"
            | "ServiceUnavailable"
            | "IDPCommunicationError" => Meaning::Busy,
            _ if is_busy(self.status) => Meaning::Busy,
            _ => Meaning::Denied,
        }
    }

    /// Whether the words name an image.
    pub(super) fn names(&self, id: &str) -> bool {
        let inside = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let mut tokens = self.message.split(|character| !inside(character));
        !id.is_empty() && tokens.any(|token| token == id)
    }
}

/// Whether a status says that another attempt may do better.
pub(super) fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// One line, not too long.
fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// BI-262, BI-267: reads a page of images.
pub(super) fn images(body: &str) -> Result<Page, ReadError> {
    let document = document(body)?;
    let root = root(&document, "DescribeImagesResponse")?;
    let set = child(root, "imagesSet").ok_or(ReadError::Missing("imagesSet"))?;
    let items = set.children().filter(|node| node.has_tag_name_of("item"));
    Ok(Page {
        images: items.map(image).collect::<Result<_, _>>()?,
        next_token: text(root, "nextToken").filter(|token| !token.is_empty()),
    })
}

fn image(item: Node<'_, '_>) -> Result<AwsImage, ReadError> {
    let optional = |name| text(item, name).unwrap_or_default();
    let id = optional("imageId");
    if id.is_empty() {
        return Err(ReadError::Missing("imageId"));
    }
    Ok(AwsImage {
        id,
        owner: optional("imageOwnerId"),
        name: optional("name"),
        description: optional("description"),
        creation_date: optional("creationDate"),
    })
}

/// BI-261: reads the keys of a role.
pub(super) fn keys(body: &str) -> Result<Keys, ReadError> {
    let document = document(body)?;
    let root = root(&document, "AssumeRoleWithWebIdentityResponse")?;
    let credentials = child(root, "AssumeRoleWithWebIdentityResult")
        .and_then(|result| child(result, "Credentials"))
        .ok_or(ReadError::Missing("Credentials"))?;
    let required = |name: &'static str| {
        let value = text(credentials, name).filter(|value| is_header_text(value));
        value.ok_or(ReadError::Missing(name))
    };
    Ok(Keys {
        id: required("AccessKeyId")?,
        secret: required("SecretAccessKey")?,
        session_token: Some(required("SessionToken")?),
    })
}

fn is_header_text(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn document(body: &str) -> Result<Document<'_>, ReadError> {
    xml::parse(body).map_err(|error| ReadError::Xml(words(&error.to_string())))
}

fn root<'a, 'input>(
    document: &'a Document<'input>,
    name: &'static str,
) -> Result<Node<'a, 'input>, ReadError> {
    let root = document.root_element();
    root.has_tag_name_of(name)
        .then_some(root)
        .ok_or(ReadError::Other(name))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name_of(name))
}

/// The text of a child; comments and CDATA may part it.
fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let child = child(node, name)?;
    let texts = child.children().filter(Node::is_text);
    Some(texts.filter_map(|node| node.text()).collect())
}

trait LocalName {
    /// Whether it is an element of this name, in whatever namespace: they name API versions.
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>"#;

    fn answer(set: &str) -> String {
        format!("{HEAD}{set}</DescribeImagesResponse>")
    }

    fn check(body: &str, expected: Result<&[&str], &str>) {
        let shown = images(body).map(|page| {
            let image = |image: &AwsImage| {
                [&image.id, &image.owner, &image.name, &image.description]
                    .map(String::as_str)
                    .join("|")
            };
            let token = page.next_token.map(|token| format!("next {token}"));
            page.images
                .iter()
                .map(image)
                .chain(token)
                .collect::<Vec<_>>()
        });
        let expected = expected
            .map(|lines| lines.iter().map(|line| (*line).to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(shown.map_err(|error| error.to_string()), expected, "{body}");
    }

    #[test]
    fn bi_262_images_are_read() {
        check(&answer("<imagesSet/>"), Ok(&[]));
        check(
            &answer(
                "<imagesSet><item><imageId>ami-1</imageId><imageOwnerId>5</imageOwnerId>\
                 <name>a&amp;b</name><description>c<!-- --><![CDATA[<d>]]></description>\
                 <tagSet><item><key>name</key></item></tagSet></item>\
                 <item><imageId>ami-2</imageId></item></imagesSet><nextToken>t</nextToken>",
            ),
            Ok(&["ami-1|5|a&b|c<d>", "ami-2|||", "next t"]),
        );
        check(&answer("<imagesSet/><nextToken/>"), Ok(&[]));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        check(&answer(""), Err("it lacks imagesSet"));
        check(
            &answer("<imagesSet><item/></imagesSet>"),
            Err("it lacks imageId"),
        );
        check("<html/>", Err("it is no DescribeImagesResponse"));
        check(
            "<Response><Errors/></Response>",
            Err("it is no DescribeImagesResponse"),
        );
        for body in [
            "",
            "{}",
            "<a",
            HEAD,
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        ] {
            let error = images(body).unwrap_err();
            assert!(matches!(error, ReadError::Xml(_)), "{body}: {error}");
        }
    }

    #[test]
    fn depth_and_number_of_elements_are_no_danger() {
        assert!(images(&"<a>".repeat(1_000_000)).is_err());
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert!(images(&deep).is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(xml::MAX_NODES as usize));
        assert!(matches!(images(&wide), Err(ReadError::Xml(_))));
    }

    #[test]
    fn bi_261_the_keys_of_a_role_are_read() {
        let answer = |credentials: &str| {
            format!(
                "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>\
                 <AssumeRoleWithWebIdentityResult>{credentials}</AssumeRoleWithWebIdentityResult>\
                 </AssumeRoleWithWebIdentityResponse>"
            )
        };
        let whole = "<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                     <SessionToken>t</SessionToken></Credentials>";
        let read = keys(&answer(whole)).unwrap();
        assert_eq!(
            (
                read.id.as_str(),
                read.secret.as_str(),
                read.session_token.as_deref()
            ),
            ("A", "s", Some("t"))
        );
        let check = |body: &str, expected: &str| {
            assert_eq!(keys(body).unwrap_err().to_string(), expected, "{body}");
        };
        check(&answer(""), "it lacks Credentials");
        check(&answer("<Credentials/>"), "it lacks AccessKeyId");
        check(
            &answer(&whole.replace(">s<", "> <")),
            "it lacks SecretAccessKey",
        );
        check(
            &answer(&whole.replace(">t<", ">t\nu<")),
            "it lacks SessionToken",
        );
        check("<a/>", "it is no AssumeRoleWithWebIdentityResponse");
    }

    fn of_ec2(code: &str, message: &str) -> String {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </Errors><RequestID>1</RequestID></Response>"
        )
    }

    fn check_refusal(status: u16, body: &str, words: &str, meaning: Meaning) {
        let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), body, None).unwrap();
        assert_eq!(refusal.to_string(), words, "{body}");
        assert_eq!(refusal.meaning(), meaning, "{body}");
    }

    #[test]
    fn bi_277_refusals_are_told_apart() {
        let ec2 = |status, code: &str, meaning| {
            check_refusal(
                status,
                &of_ec2(code, "no\n way"),
                &format!("{code}: no way"),
                meaning,
            );
        };
        ec2(400, "InvalidAMIID.NotFound", Meaning::NoSuchImages);
        ec2(400, "InvalidAMIID.Malformed", Meaning::NoSuchImages);
        ec2(400, "InvalidAMIID.Unavailable", Meaning::NoSuchImages);
        ec2(403, "UnauthorizedOperation", Meaning::Denied);
        ec2(401, "AuthFailure", Meaning::Denied);
        ec2(401, "AuthFailure", Meaning::Denied);
        ec2(400, "InvalidParameterValue", Meaning::Denied);
        ec2(503, "RequestLimitExceeded", Meaning::Busy);
        ec2(400, "Throttling", Meaning::Busy);
        ec2(500, "InternalError", Meaning::Busy);
        ec2(500, "Whatever", Meaning::Busy);
        check_refusal(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
             <Message>Not authorized</Message></Error></ErrorResponse>",
            "AccessDenied: Not authorized",
            Meaning::Denied,
        );
        check_refusal(400, &of_ec2("A", ""), "A: ", Meaning::Denied);
        for body in ["", "busy", "<html/>", &of_ec2("", "x"), "<Error/>"] {
            assert_eq!(
                Refusal::read(StatusCode::BAD_REQUEST, body, None),
                None,
                "{body}"
            );
        }
    }

    #[test]
    fn long_words_are_cut() {
        let refusal =
            Refusal::read(StatusCode::FORBIDDEN, &of_ec2("A", &"é".repeat(9000)), None).unwrap();
        assert_eq!(refusal.message.chars().count(), MAX_WORDS + 1);
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let body = of_ec2("A", &format!("{} token", "x".repeat(MAX_WORDS - 3)));
        let refusal = Refusal::read(StatusCode::FORBIDDEN, &body, Some("token")).unwrap();
        assert!(!refusal.message.contains("to"), "{refusal}");
    }

    #[test]
    fn a_refusal_names_whole_ids() {
        let message = "The image ids '[ami-12, ami-3]' do not exist";
        let refusal = Refusal::read(
            StatusCode::BAD_REQUEST,
            &of_ec2("InvalidAMIID.NotFound", message),
            None,
        )
        .unwrap();
        assert!(refusal.names("ami-12") && refusal.names("ami-3"));
        assert!(!refusal.names("ami-1") && !refusal.names("12"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}", set in "[<>/a&;'\"!\\[\\]]{0,40}") {
            let _ = images(&text);
            let _ = keys(&text);
            let _ = images(&answer(&set));
            let _ = Refusal::read(StatusCode::BAD_REQUEST, &of_ec2(&set, &text), Some("a")).map(|refusal| refusal.meaning());
        }
    }
}
