//! Memory of a store: 1,000 MachineSets, and 100,000 changes of their status, which is what a day
//! of a large cluster brings. Prints the resident memory of the process before, between and after.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that goes wrong says so"
)]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster_io::store::{Store, StoreOptions, WatchSpec};
use http::{Request, Response};
use http_body_util::{Channel, Either, Full};
use kube::client::Body;
use openshift_model::{Kind, Read, Verb, Which};

/// A whole body, or one that comes in pieces.
type Answer = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

const SETS: usize = 1000;
const CHANGES: usize = 100_000;
/// What an object carries that nobody looks at, as large as in clusters.
const MANAGED_FIELDS: usize = 4000;
const PROVIDER_SPEC: usize = 3000;

fn set(number: usize, version: usize) -> String {
    let managed = "m".repeat(MANAGED_FIELDS);
    let spec = "s".repeat(PROVIDER_SPEC);
    format!(
        r#"{{"apiVersion":"machine.openshift.io/v1beta1","kind":"MachineSet","metadata":{{"name":"set-{number:04}","namespace":"n","uid":"u{number}","resourceVersion":"{version}","managedFields":[{{"x":"{managed}"}}]}},"spec":{{"template":{{"spec":{{"providerSpec":{{"value":{{"x":"{spec}"}}}}}}}}}},"status":{{"replicas":{version}}}}}"#
    )
}

/// A page from this set on.
fn page(from: usize, size: usize) -> String {
    let to = (from + size).min(SETS);
    let items: Vec<_> = (from..to).map(|number| set(number, number + 1)).collect();
    let token = if to < SETS {
        to.to_string()
    } else {
        String::new()
    };
    format!(
        r#"{{"metadata":{{"resourceVersion":"{SETS}","continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

async fn answer(request: Request<Body>) -> Result<Response<Answer>, Infallible> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    if !query.contains("watch=true") {
        let from = query
            .split("continue=")
            .nth(1)
            .and_then(|token| token.parse().ok());
        let body = Full::new(Bytes::from(page(from.unwrap_or(0), 100)));
        return Ok(Response::new(Either::Left(body)));
    }
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        for change in 0..CHANGES {
            let object = set(change % SETS, SETS + change + 1);
            let line = format!("{{\"type\":\"MODIFIED\",\"object\":{object}}}\n");
            if sender.send_data(Bytes::from(line)).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    });
    Ok(Response::new(Either::Right(body)))
}

/// Resident memory of this process, now and at its peak, in MiB.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kilobytes.map_or(0, |kilobytes: usize| kilobytes.div_ceil(1024))
    };
    (value("VmRSS:"), value("VmHWM:"))
}

fn say(what: &str, since: Instant) {
    let (now, peak) = memory();
    let seconds = since.elapsed().as_secs_f64();
    println!("{what}: {now} MiB resident, {peak} MiB at the peak, after {seconds:.2} s");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test` may build and start this too; it is not to take its time then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let start = Instant::now();
    say("before", start);
    let client = kube::Client::new(tower::service_fn(answer), "default");
    let read = Read::new(
        Kind::MachineSet,
        "n",
        Which::All,
        Verb::Watch,
        "for a measurement",
    );
    let store = Store::start(client, WatchSpec::of(&read), StoreOptions::default());
    while store.snapshot().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say("1,000 MachineSets listed", start);
    let last = (SETS + CHANGES).to_string();
    let is_last = |store: &Store| {
        let snapshot = store.snapshot().expect("it is synced");
        let name = format!("set-{:04}", (CHANGES - 1) % SETS);
        let object = snapshot.object(Kind::MachineSet, "n", &name);
        object.is_some_and(|object| *object.resource_version == *last)
    };
    while !is_last(&store) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    say("100,000 changes of their status", start);
}
