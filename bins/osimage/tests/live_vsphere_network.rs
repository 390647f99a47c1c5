//! vSphere through a proxy, and with OVAs from a mirror.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;
mod vsphere_support;

use std::process::Command;

use live_support::Run;
use test_vcenter::cluster::{NEW_1, NEW_2, OLD_1, OVA, WORKER_1, WORKER_2};
use test_vcenter::network::{Answer, ConnectProxy, FileServer};
use test_vcenter::{PASSWORD, USER};
use vsphere_support::Setting;

/// User and password of the proxy.
const LOGIN: &str = "user:hush";
/// As they are sent.
const AUTHORIZATION: &str = "Basic dXNlcjpodXNo";

/// Through a proxy, but for the hosts of `except`.
fn through(command: &mut Command, proxy: &ConnectProxy, except: &str) {
    for name in ["HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let url = format!("http://{LOGIN}@{}", proxy.address());
    command.env("HTTPS_PROXY", url).env("NO_PROXY", except);
}

/// Asks the vCenter, with objects from files: nothing else is reached through the proxy.
fn resolve(setting: &Setting, proxy: &ConnectProxy, except: &str) -> Run {
    let objects = setting.files.path().join("objects");
    let objects = objects.to_str().unwrap();
    let mut command = setting.command(&["facts", "--resolve", "-f", objects]);
    command
        .env("GOVC_USERNAME", USER)
        .env("GOVC_PASSWORD", PASSWORD);
    through(&mut command, proxy, except);
    setting.cluster.run_command(&mut command)
}

fn asked_for(proxy: &ConnectProxy, server: &str) -> bool {
    let asked = proxy.asked();
    let expected = (server.to_owned(), Some(AUTHORIZATION.to_owned()));
    asked.contains(&expected)
}

#[test]
fn w_25_vcenters_are_asked_through_a_proxy_unless_no_proxy_names_them() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let proxy = ConnectProxy::start();
    let run = resolve(&setting, &proxy, "");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains(OLD_1), "{}", run.stdout);
    assert!(asked_for(&proxy, &setting.vcenter.server));

    proxy.refuse();
    let refused = resolve(&setting, &proxy, "");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    let words = format!("through the proxy {}", proxy.address());
    assert!(said.contains(&words), "{said}");
    assert!(!said.contains("hush"), "{said}");

    let before = proxy.asked().len();
    let direct = resolve(&setting, &proxy, "example.com,127.0.0.0/8");
    assert_eq!(direct.code, 0, "{}", direct.stderr);
    assert!(direct.stdout.contains(OLD_1), "{}", direct.stdout);
    assert_eq!(proxy.asked().len(), before);
}

#[test]
fn w_25_bi_334_the_ova_comes_from_a_mirror_and_goes_to_the_vcenter_through_a_proxy() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let proxy = ConnectProxy::start();
    let ova = std::fs::read(setting.files.path().join(OVA)).unwrap();
    let mirror = FileServer::https(&ova);
    let plan = setting.plan(&[]);
    let cache = setting.files.path().join("cache");
    let apply = || {
        let url = format!("{}/x", mirror.url());
        let arguments = [
            "apply",
            &plan,
            "--accept-deferred",
            "--artifact-mirror",
            &url,
        ];
        let mut command = setting.command(&arguments);
        command
            .arg("--artifact-cache")
            .arg(&cache)
            .arg("--vcenter-ca")
            .arg(mirror.authority());
        through(&mut command, &proxy, "");
        setting.cluster.run_command(&mut command)
    };
    // What is not whole, not there or not right is told, and no set is moved.
    let wrong = [0; 2000];
    for (content, answer, words) in [
        (&ova[..], Answer::Status(503), "returned status: 503"),
        (&wrong[..], Answer::File, "checksum mismatch"),
        (
            &ova[..],
            Answer::Cut(10_000),
            "what is there already is kept",
        ),
    ] {
        mirror.replace(content);
        // The second set would find the mirror in order.
        mirror.answers([answer.clone(), answer]);
        let run = apply();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_ne!(run.code, 0, "{said}");
        assert!(said.contains(words) && !said.contains("hush"), "{said}");
        assert_eq!(setting.template_of(WORKER_1), OLD_1);
    }
    mirror.take_requests();
    let run = apply();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(setting.template_of(WORKER_1), NEW_1);
    assert_eq!(setting.template_of(WORKER_2), NEW_2);
    // One download for both failure domains, from where the last one was cut.
    let requests = mirror.take_requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(request.path, format!("/x/{OVA}"));
    assert!(request.range.is_some(), "{request:?}");
    for server in [setting.vcenter.server.clone(), mirror.address()] {
        assert!(asked_for(&proxy, &server), "{server}: {:?}", proxy.asked());
    }
}
