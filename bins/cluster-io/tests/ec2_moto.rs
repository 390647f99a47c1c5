//! The real protocol, against moto: an EC2, STS and IAM for tests that checks signatures as AWS
//! does. Each moto is asked about one region: before 5.2.5 it knows the images of
//! `MOTO_AMIS_PATH` in the first one alone.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose helper cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use cluster_io::ec2::{Credentials, Endpoints, Limits, Resolved, resolve};
use openshift_model::facts::{Answer, Fact, FactRequest, Facts, VsphereSearch};

const IMAGES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/ec2/images.json"
);
const STANDARD: &str = "ami-0a1b2c3d4e5f60718";
const MARKETPLACE: &str = "ami-0b1c2d3e4f5061728";
const FOREIGN: &str = "ami-0c1d2e3f405162738";
const UNKNOWN: &str = "ami-0fffffffffffffff0";
const PRODUCT: &str = "59ead7de-2540-4653-a8b0-fa7926d5c845";

/// That there is no moto is told once.
static TOLD: Once = Once::new();

/// A running moto; it ends with the test.
struct Moto {
    process: Child,
    /// Host and port.
    address: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    /// `None`, told loudly, where there is no moto.
    fn start() -> Option<Self> {
        let named = std::env::var_os("MOTO_SERVER").filter(|path| !path.is_empty());
        let program = named.unwrap_or_else(|| OsString::from("moto_server"));
        let mut command = Command::new(&program);
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_AMIS_PATH", IMAGES)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            TOLD.call_once(|| skip(Path::new(&program)));
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("http://")?.1.trim().to_owned()));
        // Whoever writes to a pipe that nobody reads waits for ever.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.expect("moto tells where it listens");
        Some(Self { process, address })
    }

    fn endpoints(&self) -> Endpoints {
        let url = format!("http://{}", self.address);
        Endpoints::from_environment(|name| (name == "AWS_ENDPOINT_URL").then(|| url.clone()))
            .unwrap()
    }

    fn resolve(&self, needs: &[FactRequest], credentials: &Credentials) -> Resolved {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let endpoints = self.endpoints();
        runtime.block_on(resolve(needs, credentials, &endpoints, Limits::default()))
    }

    /// Moto does that many calls unseen, then it checks who calls.
    fn check_after(&self, calls: u32) {
        self.post("/moto-api/reset-auth", "text/plain", &calls.to_string());
    }

    /// Asks IAM.
    fn iam(&self, parameters: &str) -> String {
        let form = format!("Version=2010-05-08&{parameters}");
        self.post("/", "application/x-www-form-urlencoded", &form)
    }

    fn post(&self, path: &str, content_type: &str, body: &str) -> String {
        let scope = "x/20260101/us-east-1/iam/aws4_request";
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(
            connection,
            "POST {path} HTTP/1.1\r\nHost: iam.amazonaws.com\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{body}: {answer}");
        answer
    }
}

fn skip(program: &Path) {
    let program = program.display();
    // Straight to the process's stderr: the harness would swallow anything else.
    let _ = writeln!(
        std::io::stderr(),
        "\nSKIPPED: EC2 tests: there is no {program}; pip install 'moto[ec2,sts,server]', or \
         export MOTO_SERVER=\"$(testing/programs/moto)\""
    );
}

fn secret(members: &[(&str, &str)]) -> Credentials {
    let member = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    let data: BTreeMap<_, _> = members.iter().map(member).collect();
    Credentials::from_secret(&data).unwrap()
}

fn keys(id: &str, hidden: &str) -> Credentials {
    secret(&[("aws_access_key_id", id), ("aws_secret_access_key", hidden)])
}

fn image(region: &str, id: &str) -> FactRequest {
    FactRequest::AwsImage {
        region: region.to_owned(),
        id: id.to_owned(),
    }
}

fn product(region: &str, product_id: &str) -> FactRequest {
    FactRequest::AwsMarketplaceImages {
        region: region.to_owned(),
        product_id: product_id.to_owned(),
    }
}

/// The answers, one to a line.
fn show(facts: &Facts) -> String {
    let mut out = String::new();
    for fact in facts.iter() {
        match fact {
            Fact::AwsImage { region, id, answer } => {
                let answer = answer.map(|image| image.owner);
                writeln!(out, "{} {id:?} {answer:?}", region.unwrap()).unwrap();
            }
            Fact::AwsMarketplaceImages {
                region,
                product_id,
                answer,
            } => {
                let answer = answer.map(|images| {
                    let mut ids: Vec<_> = images.into_iter().map(|image| image.id).collect();
                    ids.sort();
                    ids
                });
                writeln!(out, "{} {product_id} {answer:?}", region.unwrap()).unwrap();
            }
            Fact::VsphereTemplate { .. } => panic!("nobody asked a vCenter"),
        }
    }
    out
}

#[test]
fn bi_262_bi_267_images_and_products_are_found() {
    let Some(moto) = Moto::start() else { return };
    let needs = [
        image("us-east-1", STANDARD),
        image("us-east-1", MARKETPLACE),
        image("us-east-1", UNKNOWN),
        image("us-east-1", ""),
        image("us-east-1", "no-image"),
        image("us-east-1", FOREIGN),
        image("evil.example/", STANDARD),
        product("us-east-1", PRODUCT),
        product("us-east-1", "34850061-abaf-402d-92df-94325c9e947f"),
        FactRequest::VsphereTemplate(VsphereSearch::default()),
    ];
    let resolved = moto.resolve(&needs, &keys("AKIDEXAMPLE", "hush"));
    let expected = r#"evil.example/ "ami-0a1b2c3d4e5f60718" Denied("\"evil.example/\" is no name of an AWS region")
us-east-1 "" NotFound
us-east-1 "ami-0a1b2c3d4e5f60718" Found("531415883065")
us-east-1 "ami-0b1c2d3e4f5061728" Found("679593333241")
us-east-1 "ami-0c1d2e3f405162738" Found("210987654321")
us-east-1 "ami-0fffffffffffffff0" NotFound
us-east-1 "no-image" NotFound
us-east-1 34850061-abaf-402d-92df-94325c9e947f Found([])
us-east-1 59ead7de-2540-4653-a8b0-fa7926d5c845 Found(["ami-0b1c2d3e4f5061728", "ami-0b2c3d4e5f6071829"])
"#;
    assert_eq!(show(&resolved.facts), expected);
    assert_eq!(resolved.warnings.len(), 1, "{:?}", resolved.warnings);
    assert_eq!(resolved.other, 1);

    let facts = resolved.facts.of_cluster(None);
    let Some(Answer::Found(found)) = facts.aws_image("us-east-1", MARKETPLACE) else {
        panic!("it is there")
    };
    assert_eq!(found.marketplace_product(), Some(PRODUCT));
    assert_eq!(
        found.description,
        "RHCOS 9.6 9.6.20251015-1 x86_64 & <more>"
    );
    assert_eq!(found.creation_date, "2025-10-20T08:00:00.000Z");

    let document = serde_json::to_string_pretty(&resolved.facts).unwrap();
    assert_eq!(Facts::parse(&document).unwrap(), resolved.facts);
}

#[test]
fn many_images_take_several_calls() {
    let Some(moto) = Moto::start() else { return };
    let ids = (0..250).map(|number| format!("ami-{number:017x}"));
    let mut needs: Vec<_> = ids.map(|id| image("us-east-1", &id)).collect();
    needs.push(image("us-east-1", STANDARD));
    let facts = moto.resolve(&needs, &keys("AKIDEXAMPLE", "hush")).facts;
    let shown = show(&facts);
    let count = |wanted: &str| shown.lines().filter(|line| line.ends_with(wanted)).count();
    assert_eq!(count("NotFound"), 250);
    assert_eq!(count(r#"Found("531415883065")"#), 1);
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let text = text.split_once(before).expect(before).1;
    text.split_once(after).expect(after).0
}

#[test]
fn bi_261_signatures_are_right_and_roles_are_assumed() {
    let Some(moto) = Moto::start() else { return };
    moto.iam("Action=CreateUser&UserName=reader");
    moto.iam(
        "Action=PutUserPolicy&UserName=reader&PolicyName=p&PolicyDocument=\
         {\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
         \"Action\":\"ec2:DescribeImages\",\"Resource\":\"*\"}]}",
    );
    let reader = moto.iam("Action=CreateAccessKey&UserName=reader");
    moto.iam("Action=CreateUser&UserName=nobody");
    let nobody = moto.iam("Action=CreateAccessKey&UserName=nobody");
    let member = |answer: &str, name: &str| {
        between(answer, &format!("<{name}>"), &format!("</{name}>")).to_owned()
    };
    let id = |answer: &str| member(answer, "AccessKeyId");
    let hidden = |answer: &str| member(answer, "SecretAccessKey");
    let check = |credentials: &Credentials, expected: &str| {
        moto.check_after(0);
        let resolved = moto.resolve(&[image("us-east-1", STANDARD)], credentials);
        let shown = show(&resolved.facts);
        let answer = shown.splitn(3, ' ').last().unwrap();
        assert!(answer.starts_with(expected), "{answer}");
    };
    check(&keys(&id(&reader), &hidden(&reader)), "Found(");
    let failure = r#"Denied("AuthFailure: AWS was not able"#;
    check(&keys(&id(&reader), "hush"), failure);
    check(&keys("AKIDEXAMPLE", "hush"), failure);
    let no_policy = r#"Denied("AccessDenied: User: arn"#;
    check(&keys(&id(&nobody), &hidden(&nobody)), no_policy);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a.b.c\n").unwrap();
    moto.check_after(1000);
    moto.iam("Action=CreateRole&RoleName=r&AssumeRolePolicyDocument={}");
    let role = |file: &Path| {
        secret(&[
            ("role_arn", "arn:aws:iam::123456789012:role/r"),
            ("web_identity_token_file", file.to_str().unwrap()),
        ])
    };
    let resolve = |file: &Path| moto.resolve(&[image("us-east-1", STANDARD)], &role(file));
    assert!(show(&resolve(&file).facts).contains("Found("));

    // The role may do nothing; that moto knows whose call it is proves keys, token and signature.
    moto.check_after(1);
    let shown = show(&resolve(&file).facts);
    let session = "assumed-role/r/machine-config-operator is not authorized";
    assert!(shown.contains(session), "{shown}");

    let warnings = resolve(Path::new("/no/token")).warnings;
    let words = "the token for the role arn:aws:iam::123456789012:role/r cannot be read: \
                 /no/token: No such file or directory";
    assert!(warnings[0].contains(words), "{warnings:?}");
}
