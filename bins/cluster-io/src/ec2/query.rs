//! The AWS query protocol: an action and its parameters as a form, signed.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use form_urlencoded::Serializer;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

use super::credentials::{Keys, WebIdentity};
use openshift_model::facts::AWS_MARKETPLACE_OWNER;

const EC2_VERSION: &str = "2016-11-15";
const STS_VERSION: &str = "2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// As many as a page of `DescribeImages` may have.
const PAGE: &str = "1000";

/// BI-262: asks for images.
pub(super) fn images(ids: &[String], next_token: Option<&str>) -> String {
    let mut form = action("DescribeImages", EC2_VERSION);
    for (id, number) in ids.iter().zip(1..) {
        form.append_pair(&format!("ImageId.{number}"), id);
    }
    page(form, next_token)
}

/// BI-267: asks for the images of a marketplace product, a page at a time. The owner stands there
/// by alias and by number: they are one account, and not every maker of an EC2 knows the alias.
pub(super) fn marketplace_images(product_id: &str, next_token: Option<&str>) -> String {
    let mut form = action("DescribeImages", EC2_VERSION);
    form.append_pair("Owner.1", "aws-marketplace")
        .append_pair("Owner.2", AWS_MARKETPLACE_OWNER)
        .append_pair("Filter.1.Name", "name")
        .append_pair("Filter.1.Value.1", &format!("*{}*", literal(product_id)))
        .append_pair("MaxResults", PAGE);
    page(form, next_token)
}

fn page(mut form: Serializer<'static, String>, next_token: Option<&str>) -> String {
    if let Some(token) = next_token {
        form.append_pair("NextToken", token);
    }
    form.finish()
}

/// BI-261: asks for the keys of a role.
pub(super) fn assume_role(identity: &WebIdentity, token: &str) -> String {
    action("AssumeRoleWithWebIdentity", STS_VERSION)
        .append_pair("RoleArn", &identity.role)
        .append_pair("RoleSessionName", &identity.session_name)
        .append_pair("WebIdentityToken", token)
        .finish()
}

fn action(name: &str, version: &str) -> Serializer<'static, String> {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", name)
        .append_pair("Version", version);
    form
}

/// What EC2's filters take for wildcards stands for itself.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A request that needs no signature.
pub(super) fn request(endpoint: &Uri, form: String) -> Result<Request<String>, http::Error> {
    Request::builder()
        .method(Method::POST)
        .uri(endpoint.clone())
        .header(CONTENT_TYPE, FORM)
        .body(form)
}

/// Why a request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error("a request to EC2 cannot be made: {0}")]
    Request(#[from] http::Error),
    #[error("a request to EC2 cannot be signed: {0}")]
    Signature(#[from] aws_sigv4::http_request::SigningError),
    #[error("a request to EC2 cannot be signed: {0}")]
    Parameters(#[from] v4::signing_params::BuildError),
}

/// A request to EC2, signed with Signature Version 4.
pub(super) fn signed(
    endpoint: &Uri,
    region: &str,
    keys: &Keys,
    form: String,
    now: SystemTime,
) -> Result<Request<String>, SignError> {
    let identity = aws_credential_types::Credentials::new(
        keys.id.as_str(),
        keys.secret.as_str(),
        keys.session_token.clone(),
        None,
        "osimage",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ec2")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let mut request = request(endpoint, form)?;
    let instructions = {
        let headers = std::iter::once((CONTENT_TYPE.as_str(), FORM));
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new("POST", endpoint.to_string(), headers, body)?;
        sign(signable, &parameters)?.into_parts().0
    };
    let (headers, _) = instructions.into_parts();
    for header in headers {
        let mut value = HeaderValue::from_str(header.value()).map_err(http::Error::from)?;
        value.set_sensitive(true);
        request
            .headers_mut()
            .insert(HeaderName::from_static(header.name()), value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn bi_262_many_images_are_asked_for_at_once() {
        let ids = ["ami-1".to_owned(), "a b&c".to_owned()];
        assert_eq!(
            images(&ids, None),
            "Action=DescribeImages&Version=2016-11-15&ImageId.1=ami-1&ImageId.2=a+b%26c"
        );
    }

    #[test]
    fn bi_267_a_product_is_searched_by_owner_and_name() {
        let first = "Action=DescribeImages&Version=2016-11-15&Owner.1=aws-marketplace\
                     &Owner.2=679593333241&Filter.1.Name=name&Filter.1.Value.1=*59ead7de*\
                     &MaxResults=1000";
        assert_eq!(marketplace_images("59ead7de", None), first);
        assert_eq!(
            marketplace_images("59ead7de", Some("a=")),
            format!("{first}&NextToken=a%3D")
        );
        assert!(marketplace_images("a*?\\", None).contains("=*a%5C*%5C%3F%5C%5C*&"));
    }

    #[test]
    fn bi_261_a_role_is_assumed_with_a_token() {
        let identity = WebIdentity {
            role: "arn:aws:iam::1:role/r".into(),
            token_file: "/t".into(),
            session_name: "machine-config-operator".into(),
        };
        assert_eq!(
            assume_role(&identity, "a.b"),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
             &RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
             &RoleSessionName=machine-config-operator&WebIdentityToken=a.b"
        );
    }

    #[test]
    fn what_is_signed_says_so() {
        let keys = Keys {
            id: "AKID".into(),
            secret: "hush".into(),
            session_token: Some("token".into()),
        };
        let endpoint = Uri::from_static("http://localhost:5000/");
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let request = signed(&endpoint, "us-east-1", &keys, "Action=A".into(), now).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        let expected = "AWS4-HMAC-SHA256 Credential=AKID/20270115/us-east-1/ec2/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
        assert!(authorization.starts_with(expected), "{authorization}");
        assert_eq!(request.headers()["x-amz-security-token"], "token");
        assert_eq!(request.headers()["x-amz-date"], "20270115T080000Z");
        assert!(!format!("{request:?}").contains("Signature="));
    }
}
