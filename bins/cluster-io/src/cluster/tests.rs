//! Calls, lists and writes against an API server in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use openshift_model::{
    Address, CreateRequest, DeleteRequest, Edit, EventRequest, Guard, Kind, PatchBody,
    PatchRequest, Subresource, Write,
};
use serde_json::{Value, json};

use super::*;
use crate::fake::{FakeServer, status};

const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";

/// A server whose list of MachineSets is made by `page`, of the number of the request from 1 and
/// its query.
fn lists(
    page: impl Fn(u32, &str) -> (StatusCode, String) + Send + Sync + 'static,
) -> (Arc<FakeServer>, Cluster) {
    let count = AtomicU32::new(0);
    let version = json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
        "metadata": {"name": "version"}});
    let path = "/apis/config.openshift.io/v1/clusterversions/version";
    let server = FakeServer::with_hook([(path.to_owned(), version)], move |asked, _| {
        (asked.path == SETS).then(|| page(count.fetch_add(1, Ordering::SeqCst) + 1, &asked.query))
    });
    let cluster = server.cluster();
    (server, cluster)
}

fn page(token: &str) -> (StatusCode, String) {
    let list = json!({"kind": "MachineSetList", "metadata": {"continue": token}, "items": []});
    (StatusCode::OK, list.to_string())
}

fn count(server: &FakeServer) -> usize {
    let asked = server.asked().into_iter();
    asked.filter(|asked| asked.path == SETS).count()
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let (server, cluster) = lists(|number, query| {
        assert_eq!(number > 1, query.contains("continue=a%2Fb"), "{query}");
        page(if number == 1 { "a/b" } else { "" })
    });
    cluster.fetch(&bootimage_plan::reads()).await.unwrap();
    assert_eq!(count(&server), 2);
}

#[tokio::test]
async fn a_list_without_end_is_an_error() {
    let (server, cluster) = lists(|number, _| page(&number.to_string()));
    let error = cluster.fetch(&bootimage_plan::reads()).await.unwrap_err();
    assert!(matches!(error, ClusterError::EndlessList { .. }), "{error}");
    assert_eq!(count(&server), 1_000);
    let (server, cluster) = lists(|number, _| page(if number % 2 == 0 { "even" } else { "odd" }));
    let error = cluster.fetch(&bootimage_plan::reads()).await.unwrap_err();
    assert!(matches!(error, ClusterError::EndlessList { .. }), "{error}");
    assert_eq!(count(&server), 3);
}

#[tokio::test]
async fn an_expired_list_starts_again_once() {
    let expired = || status(StatusCode::GONE, "Expired", "too old");
    let (server, cluster) = lists(move |number, _| match number {
        1 => page("next"),
        2 => expired(),
        _ => page(""),
    });
    cluster.fetch(&bootimage_plan::reads()).await.unwrap();
    assert_eq!(count(&server), 3);
    let (server, cluster) = lists(move |number, _| match number % 2 {
        1 => page("next"),
        _ => expired(),
    });
    let error = cluster.fetch(&bootimage_plan::reads()).await.unwrap_err();
    assert!(matches!(error, ClusterError::Expired { .. }), "{error}");
    assert_eq!(count(&server), 4);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_neither_unreachable_nor_repeated() {
    let body = Limited::new(Full::<bytes::Bytes>::from("four"), 3);
    let error = body.collect().await.unwrap_err();
    let server = FakeServer::new([]);
    let call = error::Call {
        verb: "list",
        resource: Kind::MachineSet.resource(),
        namespace: "n",
        name: "",
    };
    let error = server.cluster().unread(&call, error.as_ref());
    assert!(matches!(error, ClusterError::TooLarge { .. }), "{error}");
    assert!(!error.is_transient() && !error.concerns_all());
}

fn edit_of((namespace, name): (&str, &str), version: &str, edit: &Edit) -> Write {
    Write::Patch(PatchRequest {
        address: Address::of(Kind::MachineSet, namespace, name),
        subresource: None,
        body: PatchBody::Json(edit.clone()),
        guard: Guard {
            uid: Some("u".to_owned()),
            resource_version: Some(version.to_owned()),
        },
        field_manager: "m/1".into(),
    })
}

#[tokio::test]
async fn a_read_is_repeated_and_a_patch_only_where_nothing_was_done() {
    let check = async |code: StatusCode, reads: usize, patches: usize| {
        let server = FakeServer::with_hook([], move |_, _| Some(status(code, "", "no")));
        let cluster = server.cluster();
        cluster
            .object(Kind::MachineSet, "n", "a")
            .await
            .unwrap_err();
        assert_eq!(server.asked().len(), reads, "{code}");
        let write = edit_of(("n", "a"), "1", &Edit::default());
        let written = cluster.execute(&write, WriteMode::Real).await;
        written.unwrap_err();
        assert_eq!(server.asked().len(), reads + patches, "{code}");
    };
    check(StatusCode::TOO_MANY_REQUESTS, 4, 4).await;
    check(StatusCode::SERVICE_UNAVAILABLE, 4, 1).await;
    check(StatusCode::FORBIDDEN, 1, 1).await;
    check(StatusCode::UNAUTHORIZED, 1, 1).await;
}

#[tokio::test]
async fn bi_347_a_patch_tests_for_the_object_that_was_looked_at() {
    let server = FakeServer::new([]);
    let mut edit = Edit::default();
    edit.replace("/a", "old", "new").unwrap();
    let write = edit_of(("openshift-machine-api", "a b"), "7", &edit);
    let patched = server.cluster().execute(&write, WriteMode::DryRun).await;
    assert!(matches!(patched, Err(ClusterError::NotFound(_))));
    let asked = &server.asked()[0];
    assert_eq!(asked.method, Method::PATCH);
    assert_eq!(asked.path, format!("{SETS}/a%20b"));
    assert_eq!(asked.query, "fieldManager=m%2F1&dryRun=All");
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        body,
        json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "test", "path": "/a", "value": "old"},
            {"op": "replace", "path": "/a", "value": "new"},
        ])
    );
}

#[tokio::test]
async fn what_is_no_api_server_is_told_from_one_that_refuses() {
    let (_, cluster) = lists(|_, _| (StatusCode::OK, "<html>".to_owned()));
    let error = cluster.fetch(&bootimage_plan::reads()).await.unwrap_err();
    assert!(
        matches!(error, ClusterError::NotAnApiServer { .. }),
        "{error}"
    );
    let server = FakeServer::new([]);
    let cluster = server.cluster();
    assert_eq!(cluster.object(Kind::Secret, "n", "../x").await, Ok(None));
    assert_eq!(server.asked(), []);
    assert_eq!(cluster.user_name().await.unwrap(), "tester");
}

fn event() -> EventRequest {
    EventRequest {
        regarding: Address::of(Kind::ConfigMap, "n", "a"),
        uid: "u".to_owned(),
        is_warning: false,
        reason: "R".into(),
        action: "A".into(),
        note: String::new(),
        key: "1".to_owned(),
        reporter: "x/y".into(),
        time: "2026-11-21T12:00:00.000000Z".to_owned(),
    }
}

/// Lets everything be written, and counts what failed.
#[derive(Default)]
struct Failures(AtomicU32);

impl WriteGuard for Failures {
    fn remaining(&self) -> Result<Duration, String> {
        Ok(Duration::from_mins(1))
    }

    fn done(&self, _: &str, _: &str, succeeded: bool) {
        self.0.fetch_add(u32::from(!succeeded), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_event_that_is_there_already_is_no_failed_write() {
    let server = FakeServer::with_hook([], |_, _| {
        Some(status(StatusCode::CONFLICT, "AlreadyExists", "there"))
    });
    let failures = Arc::new(Failures::default());
    let cluster = server.cluster().guarded(failures.clone());
    let write = Write::Event(event());
    let written = cluster.execute(&write, WriteMode::Real).await;
    assert_eq!(written, Ok(String::new()));
    assert_eq!(failures.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn each_kind_of_request_goes_where_the_api_has_it() {
    let address = || Address::of(Kind::ConfigMap, "n", "a");
    let status = PatchRequest {
        address: Address::of(Kind::MachineConfiguration, "", "cluster"),
        subresource: Some(Subresource::Status),
        body: PatchBody::Apply {
            fields: serde_json::Map::new(),
            force: true,
        },
        guard: Guard::default(),
        field_manager: "m".into(),
    };
    let event = event();
    let create = CreateRequest {
        address: address(),
        object: json!({"metadata": {"name": "a"}}),
        field_manager: "m".into(),
    };
    let delete = DeleteRequest {
        address: address(),
        guard: Guard::default(),
    };
    let root = "/apis/operator.openshift.io/v1/machineconfigurations";
    for (write, method, path, query) in [
        (
            Write::Patch(status),
            Method::PATCH,
            format!("{root}/cluster/status"),
            "fieldManager=m&force=true&dryRun=All",
        ),
        (
            Write::Event(event),
            Method::POST,
            "/apis/events.k8s.io/v1/namespaces/n/events".to_owned(),
            "dryRun=All",
        ),
        (
            Write::Create(create),
            Method::POST,
            "/api/v1/namespaces/n/configmaps".to_owned(),
            "fieldManager=m&dryRun=All",
        ),
        (
            Write::Delete(delete),
            Method::DELETE,
            "/api/v1/namespaces/n/configmaps/a".to_owned(),
            "dryRun=All",
        ),
    ] {
        let ok = |_: &crate::fake::Asked, _: &mut _| Some((StatusCode::OK, "{}".to_owned()));
        let server = FakeServer::with_hook([], ok);
        let cluster = server.cluster();
        cluster.execute(&write, WriteMode::DryRun).await.unwrap();
        let asked = &server.asked()[0];
        assert_eq!(
            (&asked.method, asked.path.as_str()),
            (&method, path.as_str())
        );
        assert_eq!(asked.query, query);
    }
}
