//! An EC2 that is busy, cut off, slow, talkative or no EC2 at all. What came of each question and
//! how often EC2 was called is all that is looked at.
#![expect(
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test whose helper cannot go on has failed"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cluster_io::ec2::{Credentials, Endpoints, Limits, Resolved, resolve};
use openshift_model::facts::{Answer, Fact, FactRequest};

/// Three attempts without much pause, each with time enough on a machine that is busy.
const LIMITS: Limits = Limits {
    answer: Duration::from_secs(5),
    region: Duration::from_secs(20),
    attempts: 3,
    pause: Duration::from_millis(10),
};

/// For a server that will not answer.
const IMPATIENT: Limits = Limits {
    answer: Duration::from_millis(300),
    ..LIMITS
};

/// What a server does with a connection whose request it has read.
enum Reply {
    /// Answers, and closes.
    Bytes(String),
    /// Says nothing until the client goes.
    Silence,
    /// One byte at a time, for ever.
    Drip,
    /// A body of a hundred megabytes whose length is not told.
    Flood,
}

/// A server at a port of its own, as an endpoint, with the number of calls that it had.
struct Server {
    endpoint: String,
    calls: Arc<AtomicUsize>,
}

impl Server {
    /// `reply` sees the number of the call, from one, and the request.
    fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let reply = Arc::new(reply);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (counter, reply) = (Arc::clone(&counter), Arc::clone(&reply));
                thread::spawn(move || {
                    let request = read_request(&connection)?;
                    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                    send(connection, reply(number, &request))
                });
            }
        });
        Self { endpoint, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn resolve(&self, needs: &[FactRequest]) -> Resolved {
        resolve_at(&self.endpoint, needs, LIMITS)
    }
}

fn read_request(connection: &TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    let mut length = 0;
    loop {
        let start = request.len();
        if reader.read_line(&mut request)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = request[start..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(request + &String::from_utf8(body).unwrap())
}

fn send(mut connection: TcpStream, reply: Reply) -> std::io::Result<()> {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    match reply {
        Reply::Bytes(bytes) => connection.write_all(bytes.as_bytes()),
        Reply::Silence => connection.read_to_end(&mut Vec::new()).map(drop),
        Reply::Drip => {
            connection.write_all(HEAD.as_bytes())?;
            loop {
                connection.write_all(b" ")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        Reply::Flood => {
            connection.write_all(HEAD.as_bytes())?;
            let megabyte = vec![b' '; 1 << 20];
            (0..100).try_for_each(|_| connection.write_all(&megabyte))
        }
    }
}

fn resolve_at(endpoint: &str, needs: &[FactRequest], limits: Limits) -> Resolved {
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("hush-key".to_owned()),
        "AWS_SESSION_TOKEN" => Some("hush-token".to_owned()),
        "AWS_ENDPOINT_URL_EC2" => Some(endpoint.to_owned()),
        _ => None,
    };
    let credentials = Credentials::from_environment(variable).unwrap().unwrap();
    let endpoints = Endpoints::from_environment(variable).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(resolve(needs, &credentials, &endpoints, limits))
}

fn http(head: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

fn error(head: &str, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    http(
        head,
        &format!("<Response><Errors>{error}</Errors></Response>"),
    )
}

/// Every image that was asked for by id; a token where there are more.
fn images(request: &str, next_token: &str) -> Reply {
    let ids = request
        .split('&')
        .filter_map(|pair| Some(pair.strip_prefix("ImageId.")?.split_once('=')?.1));
    let item = |id| format!("<item><imageId>{id}</imageId></item>");
    let items = ids.map(item).collect::<Vec<_>>().concat();
    let body = format!(
        "<DescribeImagesResponse xmlns='http://ec2.amazonaws.com/doc/2016-11-15/'>\
         <imagesSet>{items}</imagesSet>{next_token}</DescribeImagesResponse>"
    );
    http("200 OK", &body)
}

fn image(region: &str, id: &str) -> FactRequest {
    FactRequest::AwsImage {
        region: region.to_owned(),
        id: id.to_owned(),
    }
}

fn product(id: &str) -> FactRequest {
    FactRequest::AwsMarketplaceImages {
        region: "us-east-1".to_owned(),
        product_id: id.to_owned(),
    }
}

/// The answers in order: `found`, `not found`, the number of images, or the words of a denial.
fn answers(resolved: &Resolved) -> Vec<String> {
    let show = |fact: Fact| match fact {
        Fact::AwsImage { answer, .. } => show(answer.map(|_| "found".to_owned())),
        Fact::AwsMarketplaceImages { answer, .. } => {
            show(answer.map(|images| images.len().to_string()))
        }
        Fact::VsphereTemplate { .. } => panic!("nobody asked a vCenter"),
    };
    resolved.facts.iter().map(show).collect()
}

fn show(answer: Answer<String>) -> String {
    match answer {
        Answer::Found(found) => found,
        Answer::NotFound => "not found".to_owned(),
        Answer::Denied(words) => words,
    }
}

/// Asks for one image.
fn check(
    reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    expected: &str,
    expected_calls: usize,
) {
    let server = Server::start(reply);
    let resolved = server.resolve(&[image("us-east-1", "ami-1")]);
    let expected = expected.replace("ENDPOINT", &server.endpoint);
    assert_eq!(answers(&resolved), [expected.as_str()]);
    assert_eq!(server.calls(), expected_calls, "calls: {expected}");
    let warned = usize::from(expected != "found" && expected != "not found");
    assert_eq!(resolved.warnings.len(), warned, "{:?}", resolved.warnings);
}

#[test]
fn a_busy_ec2_is_asked_again() {
    let busy_twice = |head: &'static str, code: &'static str| {
        move |number: usize, request: &str| match number {
            1 | 2 => error(head, code, "slow down"),
            _ => images(request, ""),
        }
    };
    check(busy_twice("503 x", "RequestLimitExceeded"), "found", 3);
    check(busy_twice("400 x", "Throttling"), "found", 3);
    check(busy_twice("500 x", "InternalError"), "found", 3);
    check(
        |_, _| error("503 x", "RequestLimitExceeded", "Request limit exceeded."),
        "RequestLimitExceeded: Request limit exceeded.",
        3,
    );
    check(
        |_, _| http("503 x", "<html>"),
        "ENDPOINT answers 503 Service Unavailable",
        3,
    );
    check(
        |_, _| http("429 x", ""),
        "ENDPOINT answers 429 Too Many Requests",
        3,
    );
}

#[test]
fn retry_after_is_honoured() {
    let start = Instant::now();
    let wait_a_second = |number: usize, request: &str| match number {
        1 => http("503 x\r\nRetry-After: 1", ""),
        _ => images(request, ""),
    };
    check(wait_a_second, "found", 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
    let wait_an_hour = |_: usize, _: &str| http("503 x\r\nRetry-After: 3600", "");
    check(wait_an_hour, "ENDPOINT answers 503 Service Unavailable", 1);
}

#[test]
fn a_cut_connection_is_made_again() {
    let cut_once = |before: &'static str| {
        move |number: usize, request: &str| match number {
            1 => Reply::Bytes(before.to_owned()),
            _ => images(request, ""),
        }
    };
    check(cut_once(""), "found", 2);
    check(cut_once("HTTP/1.1 200 OK\r\nContent-Le"), "found", 2);
    check(
        cut_once("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<D"),
        "found",
        2,
    );
    let server = Server::start(|_, _| Reply::Bytes(String::new()));
    let words = answers(&server.resolve(&[image("us-east-1", "ami-1")])).remove(0);
    assert!(
        words.starts_with(&format!("{} cannot be reached: ", server.endpoint)),
        "{words}"
    );
    assert_eq!(server.calls(), 3);
}

#[test]
fn what_is_no_answer_of_ec2_is_told() {
    check(
        |_, _| http("200 OK", "<html/>"),
        "the answer of ENDPOINT cannot be used: it is no DescribeImagesResponse",
        1,
    );
    check(
        |_, _| Reply::Flood,
        "the answer of ENDPOINT cannot be used: it is longer than 16 MiB",
        1,
    );
    check(
        |_, _| http("302 x\r\nLocation: http://a/", ""),
        "ENDPOINT answers 302 Found",
        1,
    );
    let server = Server::start(|_, _| http("200 OK", "{}"));
    let words = answers(&server.resolve(&[image("us-east-1", "ami-1")])).remove(0);
    assert!(words.contains("cannot be used: it is no XML: "), "{words}");
}

#[test]
fn a_slow_ec2_is_not_waited_for() {
    let needs = [image("us-east-1", "ami-1")];
    for reply in [|| Reply::Silence, || Reply::Drip] {
        let server = Server::start(move |_, _| reply());
        let resolved = resolve_at(&server.endpoint, &needs, IMPATIENT);
        let expected = format!("{} does not answer within 0.3 s", server.endpoint);
        assert_eq!(answers(&resolved), [expected]);
        assert_eq!(server.calls(), 3);
    }
    let server = Server::start(|_, _| Reply::Silence);
    let limits = Limits {
        attempts: 99,
        region: Duration::from_secs(2),
        ..IMPATIENT
    };
    let start = Instant::now();
    resolve_at(&server.endpoint, &needs, limits);
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert!(server.calls() < 99);
}

#[test]
fn bi_277_an_unreachable_ec2_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let needs = [image("us-east-1", "ami-1"), product("p")];
    let resolved = resolve_at(&endpoint, &needs, LIMITS);
    let words = &answers(&resolved)[0];
    assert!(
        words.starts_with(&format!("{endpoint} cannot be reached: ")),
        "{words}"
    );
    assert!(words.contains("Connection refused"), "{words}");
    assert_eq!(answers(&resolved)[1], *words);
    assert_eq!(resolved.warnings.len(), 1);
}

#[test]
fn nothing_is_told_to_who_speaks_no_tls() {
    let server = Server::start(|_, request| images(request, ""));
    let endpoint = server.endpoint.replace("http:", "https:");
    let words = answers(&resolve_at(
        &endpoint,
        &[image("us-east-1", "ami-1")],
        LIMITS,
    ))
    .remove(0);
    assert!(
        words.starts_with(&format!("{endpoint} cannot be reached: ")),
        "{words}"
    );
    assert_eq!(server.calls(), 0);
}

#[test]
fn a_silent_region_does_not_hold_up_another() {
    let server = Server::start(|_, request| {
        if request.contains("/us-east-1/ec2/") {
            Reply::Silence
        } else {
            images(request, "")
        }
    });
    let needs = ["eu-west-1", "us-east-1", "us-east-2"].map(|region| image(region, "ami-1"));
    let limits = Limits {
        answer: Duration::from_secs(2),
        ..LIMITS
    };
    let resolved = resolve_at(&server.endpoint, &needs, limits);
    let answers = answers(&resolved);
    assert_eq!([&answers[0], &answers[2]], ["found", "found"]);
    assert!(answers[1].contains("does not answer"), "{}", answers[1]);
}

#[test]
fn bi_277_a_refusal_is_of_what_it_names() {
    let server = Server::start(|_, request| {
        if request.contains("=ami-2&") || request.contains("=ami-3") {
            let words = "The image ids '[ami-2, ami-3]' do not exist";
            error("400 x", "InvalidAMIID.NotFound", words)
        } else if request.contains("=ami-4") {
            error("401 x", "AuthFailure", "Not authorized for images: [ami-4]")
        } else if request.contains("Owner.1") {
            error("403 x", "UnauthorizedOperation", "You are not authorized.")
        } else {
            images(request, "")
        }
    });
    let mut needs: Vec<_> = (1..=5)
        .map(|number| image("us-east-1", &format!("ami-{number}")))
        .collect();
    needs.push(product("p"));
    let expected = [
        "found",
        "not found",
        "not found",
        "AuthFailure: Not authorized for images: [ami-4]",
        "found",
        "UnauthorizedOperation: You are not authorized.",
    ];
    assert_eq!(answers(&server.resolve(&needs)), expected);
    assert_eq!(server.calls(), 4);
}

#[test]
fn bi_267_pages_are_followed_to_an_end() {
    let page = |request: &str, token: &str| {
        let token = format!("<nextToken>{token}</nextToken>");
        images(&format!("&ImageId.1=ami-1{request}"), &token)
    };
    let server = Server::start(move |_, request| match request.split_once("NextToken=") {
        None => page("&", "b="),
        Some((_, "b%3D")) => page("&", "c"),
        Some((_, "c")) => images("&ImageId.1=ami-2&", ""),
        Some((_, other)) => panic!("{other}"),
    });
    assert_eq!(answers(&server.resolve(&[product("p")])), ["3"]);
    assert_eq!(server.calls(), 3);

    let endless = Server::start(move |_, request| {
        if request.contains("*q*") {
            page("&", "b")
        } else {
            images(request, "")
        }
    });
    let needs = [product("p"), product("q"), product("r")];
    let answers = answers(&endless.resolve(&needs));
    assert_eq!([&answers[0], &answers[2]], ["0", "0"]);
    let words = "it has more than 10 pages";
    assert!(answers[1].ends_with(words), "{answers:?}");
}

#[test]
fn what_is_secret_is_not_told() {
    let server =
        Server::start(|_, request| error("400 x", "Strange", &format!("<![CDATA[{request}]]>")));
    let resolved = server.resolve(&[image("us-east-1", "ami-1"), product("p")]);
    let shown = format!("{resolved:?}");
    assert!(shown.contains("Strange: POST / HTTP/1.1"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}
