//! A store, and an API server that answers what it is told to.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cluster_io::store::{Store, StoreOptions, WatchSpec};
use http::{Request, Response};
use http_body_util::channel::Sender;
use http_body_util::{Channel, Either, Full};
use kube::client::Body;
use openshift_model::{Kind, Read, Verb, Which};
use tokio::time::Instant;

/// What the API server does with a request.
enum Reply {
    /// A page of a list: version, token of the next page, items.
    Page(u64, &'static str, &'static [(&'static str, u64)]),
    /// A watch: its lines, and whether it then ends or says nothing more.
    Watch(Vec<String>, Then),
    /// An error.
    Status(u16, Option<u32>),
    /// No connection.
    Refused,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    End,
    Silence,
}

#[derive(Default)]
struct Server {
    script: Mutex<VecDeque<Reply>>,
    /// When each request came, and which.
    requests: Mutex<Vec<(Instant, String)>>,
    /// Watches that say nothing more.
    silent: Mutex<Vec<Sender<Bytes, Infallible>>>,
}

/// A whole body, or one that comes in pieces.
type Answer = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

const KIND: Kind = Kind::MachineSet;

fn object(name: &str, version: u64) -> String {
    format!(
        r#"{{"apiVersion":"machine.openshift.io/v1beta1","kind":"MachineSet","metadata":{{"name":"{name}",
        "namespace":"n","uid":"u","resourceVersion":"{version}","managedFields":[{{}}]}},"spec":{{"x":{version}}}}}"#
    )
    .replace('\n', "")
}

fn event(kind: &str, name: &str, version: u64) -> String {
    format!(r#"{{"type":"{kind}","object":{}}}"#, object(name, version))
}

fn gone() -> String {
    r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#.to_owned()
}

impl Server {
    fn start(self: &Arc<Self>, script: Vec<Reply>, required: bool) -> Store {
        *self.script.lock().unwrap() = script.into();
        let server = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = Arc::clone(&server);
            async move { server.answer(request.uri().to_string()).await }
        });
        let client = kube::Client::new(service, "default");
        let mut read = Read::new(KIND, "n", Which::All, Verb::Watch, "for a test");
        if required {
            read = read.required();
        }
        Store::start(client, WatchSpec::of(&read), StoreOptions::default())
    }

    async fn answer(&self, uri: String) -> Result<Response<Answer>, std::io::Error> {
        let place = uri.split_once('?').unwrap().1.to_owned();
        self.requests.lock().unwrap().push((Instant::now(), place));
        let reply = self.script.lock().unwrap().pop_front();
        let text = |code: u16, body: String| {
            let body = Either::Left(Full::new(Bytes::from(body)));
            Ok(Response::builder().status(code).body(body).unwrap())
        };
        match reply {
            // The script is over: nothing more happens.
            None => std::future::pending().await,
            Some(Reply::Refused) => Err(std::io::ErrorKind::ConnectionRefused.into()),
            Some(Reply::Status(code, seconds)) => {
                let mut response: Response<Answer> = text(
                    code,
                    format!(r#"{{"kind":"Status","code":{code},"message":"no"}}"#),
                )?;
                if let Some(seconds) = seconds {
                    response.headers_mut().insert("Retry-After", seconds.into());
                }
                Ok(response)
            }
            Some(Reply::Page(version, token, items)) => {
                let items: Vec<_> = items.iter().map(|(name, at)| object(name, *at)).collect();
                text(
                    200,
                    format!(
                        r#"{{"metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#,
                        items.join(",")
                    ),
                )
            }
            Some(Reply::Watch(lines, then)) => {
                let (mut sender, body) = Channel::<Bytes, Infallible>::new(lines.len().max(1));
                for line in lines {
                    sender.send_data(Bytes::from(line + "\n")).await.unwrap();
                }
                if then == Then::Silence {
                    self.silent.lock().unwrap().push(sender);
                }
                Ok(Response::new(Either::Right(body)))
            }
        }
    }

    /// What was asked, without what is the same each time.
    fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let brief = |uri: &str| {
            uri.replace(
                "watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=",
                "watch ",
            )
            .replace("limit=100", "list")
        };
        requests.iter().map(|(_, uri)| brief(uri)).collect()
    }
}

fn names(store: &Store) -> Vec<String> {
    let snapshot = store.snapshot().unwrap();
    let objects = snapshot.objects();
    objects
        .iter()
        .map(|it| it.name.as_str().to_owned())
        .collect()
}

/// What is asked, and what is there at the end.
async fn check(script: Vec<Reply>, asked: &[&str], expected: &[&str]) {
    let server = Arc::new(Server::default());
    let store = server.start(script, true);
    tokio::time::sleep(Duration::from_mins(20)).await;
    // When the script is over, nothing is answered.
    assert_eq!(server.asked()[..asked.len()], *asked);
    assert_eq!(names(&store), expected, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_and_then_what_changes() {
    let server = Arc::new(Server::default());
    let events = vec![
        event("ADDED", "c", 11),
        event("DELETED", "a", 12),
        event("ADDED", "", 13),
        event("BOOKMARK", "", 20),
    ];
    let store = server.start(
        vec![
            Reply::Page(10, "more", &[("a", 1)]),
            Reply::Page(10, "", &[("b", 2)]),
            Reply::Watch(events, Then::End),
        ],
        true,
    );
    assert!(store.snapshot().is_none(), "nothing has arrived yet");
    assert!(store.problems()[0].blocks);
    let mut changes = store.changes();
    changes.next().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(names(&store), ["b", "c"]);
    assert_eq!(store.unreadable(), 1);
    let asked = server.asked();
    assert_eq!(
        asked,
        ["list", "list&continue=more", "watch 10", "watch 20"]
    );
    let snapshot = store.snapshot().unwrap();
    assert!(
        !snapshot
            .object(KIND, "n", "b")
            .unwrap()
            .json
            .contains("managedFields")
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_has_forgotten_is_listed_again() {
    check(
        vec![
            Reply::Page(10, "", &[("a", 1)]),
            Reply::Watch(vec![gone()], Then::End),
            Reply::Page(50, "", &[("b", 40)]),
        ],
        &["list", "watch 10", "list", "watch 50"],
        &["b"],
    )
    .await;
    // In the middle of a list, too.
    check(
        vec![
            Reply::Page(10, "more", &[("a", 1)]),
            Reply::Status(410, None),
            Reply::Page(50, "", &[("b", 40)]),
        ],
        &["list", "list&continue=more", "list", "watch 50"],
        &["b"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_begun_anew_and_then_listed() {
    check(
        vec![
            Reply::Page(10, "", &[("a", 1)]),
            Reply::Watch(vec![event("ADDED", "b", 11)], Then::Silence),
            Reply::Watch(vec![], Then::Silence),
            Reply::Page(20, "", &[("c", 15)]),
        ],
        &["list", "watch 10", "watch 11", "list", "watch 20"],
        &["c"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_an_api_server_was_away_everything_is_read() {
    check(
        vec![
            Reply::Page(10, "", &[("a", 1)]),
            Reply::Watch(vec![event("ADDED", "b", 11)], Then::End),
            Reply::Refused,
            Reply::Status(500, None),
            // It has lost its data.
            Reply::Page(5, "", &[("a", 3)]),
        ],
        &["list", "watch 10", "watch 11", "list", "list", "watch 5"],
        &["a"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_api_server_is_given_the_time_that_it_asks_for() {
    let server = Arc::new(Server::default());
    let _store = server.start(
        vec![
            Reply::Page(10, "", &[("a", 1)]),
            Reply::Status(429, Some(7)),
            Reply::Watch(vec![], Then::Silence),
        ],
        true,
    );
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(server.asked(), ["list", "watch 10", "watch 10"]);
    let requests = server.requests.lock().unwrap();
    let wait = requests[2].0 - requests[1].0;
    assert!((7..9).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_asked_twice_a_minute() {
    let server = Arc::new(Server::default());
    let store = server.start((0..1000).map(|_| Reply::Refused).collect(), true);
    tokio::time::sleep(Duration::from_hours(1)).await;
    let count = server.asked().len();
    assert!((100..=130).contains(&count), "{count}");
    assert!(store.snapshot().is_none());
    assert!(!store.problems()[0].problem.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_counts_as_absent_unless_it_is_required() {
    for (code, required, absent) in [
        (404, false, true),
        (404, true, false),
        // Who may not look does not know.
        (403, false, false),
        (403, true, false),
    ] {
        let server = Arc::new(Server::default());
        let store = server.start(vec![Reply::Status(code, None)], required);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(store.snapshot().is_some(), absent, "{code}");
        let problems = store.problems();
        assert_eq!((problems.len(), problems[0].blocks), (1, !absent));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_stays_while_the_api_server_refuses_to_show_it() {
    for code in [403, 404] {
        let server = Arc::new(Server::default());
        let store = server.start(
            vec![
                Reply::Page(10, "", &[("a", 1)]),
                Reply::Status(code, None),
                Reply::Status(code, None),
            ],
            false,
        );
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(names(&store), ["a"], "{code}");
        assert!(!store.problems()[0].problem.is_empty(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_write_is_seen_at_once_and_status_is_no_news() {
    let server = Arc::new(Server::default());
    let script = vec![
        Reply::Page(10, "", &[("a", 1)]),
        Reply::Watch(vec![event("MODIFIED", "a", 11)], Then::Silence),
    ];
    let store = server.start(script, true);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut changes = store.changes();
    store.put_answer(KIND, &object("a", 30));
    changes.next().await;
    let version = |store: &Store| {
        let snapshot = store.snapshot().unwrap();
        snapshot
            .object(KIND, "n", "a")
            .unwrap()
            .resource_version
            .to_string()
    };
    assert_eq!(version(&store), "30");
    let with_status =
        object("a", 30).replace(r#""resourceVersion":"30""#, r#""resourceVersion":"31""#);
    store.put_answer(
        KIND,
        &with_status.replace(r#""spec""#, r#""status":{},"spec""#),
    );
    let news = tokio::time::timeout(Duration::from_secs(1), changes.next()).await;
    assert!(news.is_err());
    assert_eq!(version(&store), "31");
    store.put_answer(KIND, "no object");
    store.put_answer(Kind::Secret, &object("s", 99));
    assert_eq!(names(&store), ["a"]);
}
