//! Tests of [`Artifacts`].

use super::*;
use crate::vcenter::{Limits, Trust};
use tempfile::TempDir;
use test_vcenter::network::{Answer, FileServer, Requested};

fn artifacts(cache: &Path, limit: u64, mirror: Option<&str>) -> Artifacts {
    Artifacts {
        cache: cache.to_owned(),
        limit,
        mirror: mirror.map(str::to_owned),
    }
}

#[test]
fn bi_334_a_mirror_has_the_paths_of_the_stream() {
    let check = |mirror: Option<&str>, expected: Option<&str>| {
        let location = Uri::from_static("https://example.com/art/a.ova");
        let url = artifacts(Path::new("/c"), 0, mirror).url(&location);
        assert_eq!(url.ok().map(|url| url.to_string()).as_deref(), expected);
    };
    check(None, Some("https://example.com/art/a.ova"));
    check(Some("http://m/x/"), Some("http://m/x/art/a.ova"));
    check(Some("https://m"), Some("https://m/art/a.ova"));
    check(Some("ftp://m"), None);
    check(Some("https://m/a@b"), Some("https://m/a@b/art/a.ova"));
    check(Some(" "), None);
}

#[test]
fn credentials_in_urls_are_refused_and_not_repeated() {
    let location = Uri::from_static("https://example.com/a.ova");
    for mirror in [
        "https://user:hush@m",
        "https://hush@m:8443/x",
        "user:hush@ m",
    ] {
        let error = artifacts(Path::new("/c"), 0, Some(mirror)).url(&location);
        let error = error.unwrap_err();
        assert_eq!(error, ArtifactError::Credentials("--artifact-mirror"));
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let from = Uri::from_static("https://m/a");
    assert_eq!(moved(&from, "https://user:hush@n/a"), None);
}

#[test]
fn bi_334_what_was_used_longest_ago_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = |digit: char, age: u64| {
        let path = folder
            .path()
            .join(format!("{}.ova", digit.to_string().repeat(64)));
        fs::write(&path, [0; 10]).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        path
    };
    let (old, new) = (file('a', 100), file('b', 1));
    let other = folder.path().join("other.ova");
    fs::write(&other, [0; 100]).unwrap();
    let cache = artifacts(folder.path(), 25, None);
    let url = Uri::from_static("https://m/a");
    cache
        .make_room(&url, &folder.path().join("x.part"), 10)
        .unwrap();
    assert_eq!(
        (old.exists(), new.exists(), other.exists()),
        (false, true, true)
    );
    let error = cache.make_room(&url, &folder.path().join("x.part"), 26);
    assert!(matches!(error, Err(ArtifactError::TooLarge { .. })));
}

#[test]
fn redirections_stay_encrypted() {
    let from = Uri::from_static("https://m/a/b");
    let check = |target: &str, expected: Option<&str>| {
        let target = moved(&from, target).map(|uri| uri.to_string());
        assert_eq!(target.as_deref(), expected);
    };
    check("/c", Some("https://m/c"));
    check("https://n/c", Some("https://n/c"));
    check("http://n/c", None);
}

/// What mirrors have in these tests.
fn file() -> Vec<u8> {
    (0_u32..100_000).flat_map(u32::to_le_bytes).collect()
}

/// Someone who downloads [`file`] into an empty cache.
struct Download {
    artifacts: Artifacts,
    access: Access,
    _cache: TempDir,
}

impl Download {
    fn from(mirror: &str) -> Self {
        let cache = tempfile::tempdir().unwrap();
        Self {
            artifacts: artifacts(cache.path(), 1 << 20, Some(mirror)),
            access: Access::new(Trust::default(), Limits::default()),
            _cache: cache,
        }
    }

    async fn run(&self) -> Result<(), ArtifactError> {
        let digest = hex(&Sha256::digest(file()));
        let location = "https://example.com/art/rhcos.ova";
        let fetched = self
            .artifacts
            .fetch(location, &digest, &self.access, &|_, _| {})
            .await?;
        assert_eq!(fs::read(fetched).unwrap(), file());
        Ok(())
    }

    async fn error(&self) -> String {
        self.run().await.unwrap_err().to_string()
    }

    /// How much of the file is there, where it is not whole.
    fn partial(&self) -> Option<u64> {
        let mut entries = fs::read_dir(&self.artifacts.cache).unwrap();
        let part = entries.find_map(|entry| {
            let path = entry.unwrap().path();
            (path.extension()? == "part").then_some(path)
        });
        Some(fs::metadata(part?).unwrap().len())
    }
}

/// What a request for the file looks like.
fn requested(from: Option<u64>) -> Requested {
    Requested {
        path: "/x/art/rhcos.ova".to_owned(),
        range: from.map(|from| format!("bytes={from}-")),
    }
}

fn mirror(server: &FileServer) -> String {
    format!("{}/x", server.url())
}

#[tokio::test]
async fn bi_334_a_file_is_downloaded_once() {
    let server = FileServer::http(&file());
    let download = Download::from(&mirror(&server));
    download.run().await.unwrap();
    assert_eq!(server.take_requests(), [requested(None)]);
    download.run().await.unwrap();
    assert_eq!(server.take_requests(), []);
    assert_eq!(download.partial(), None);
}

#[tokio::test]
async fn bi_334_a_download_goes_on_where_it_stopped() {
    let server = FileServer::http(&file());
    let download = Download::from(&mirror(&server));
    server.answers([Answer::Cut(1000), Answer::Cut(2000)]);
    for there in [1000, 3000] {
        let error = download.error().await;
        assert!(error.contains("what is there already is kept"), "{error}");
        assert_eq!(download.partial(), Some(there));
    }
    // A mirror that is down for a while takes nothing away.
    server.answers([Answer::Status(503)]);
    let error = download.error().await;
    assert!(error.ends_with("returned status: 503"), "{error}");
    download.run().await.unwrap();
    let asked = [None, Some(1000), Some(3000), Some(3000)];
    assert_eq!(server.take_requests(), asked.map(requested));
}

#[tokio::test]
async fn bi_334_a_mirror_that_knows_no_ranges_sends_the_file_again() {
    let server = FileServer::http(&file());
    let download = Download::from(&mirror(&server));
    server.answers([Answer::Cut(1000), Answer::WholeFile]);
    download.error().await;
    download.run().await.unwrap();
    let asked = [None, Some(1000)];
    assert_eq!(server.take_requests(), asked.map(requested));
}

#[tokio::test]
async fn bi_334_another_file_than_the_release_has_is_not_kept() {
    let server = FileServer::http(b"another file");
    let download = Download::from(&mirror(&server));
    let error = download.error().await;
    assert!(error.contains("checksum mismatch"), "{error}");
    assert_eq!(download.partial(), None);
    // What is there of a file is of another one, or longer than all of it.
    for content in [b"another".to_vec(), vec![0; 500_000]] {
        server.replace(&content);
        server.answers([Answer::Cut(content.len() - 1)]);
        download.error().await;
        assert!(download.partial().is_some());
        server.replace(&file());
        let error = download.error().await;
        assert!(error.contains("checksum mismatch"), "{error}");
        assert_eq!(download.partial(), None);
    }
    download.run().await.unwrap();
}

#[tokio::test]
async fn bi_334_a_mirror_that_is_gone_is_told() {
    let server = FileServer::http(&file());
    let mirror = mirror(&server);
    drop(server);
    let error = Download::from(&mirror).error().await;
    assert!(error.contains(&mirror), "{error}");
    assert!(error.contains("failed to download"), "{error}");
}

#[tokio::test]
async fn w_25_the_certificate_of_a_mirror_is_checked() {
    let server = FileServer::https(&file());
    let mut download = Download::from(&mirror(&server));
    let error = download.error().await;
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(server.take_requests(), []);
    let trust = Trust::default().with_authorities(&server.authority());
    download.access = Access::new(trust.unwrap(), Limits::default());
    server.answers([Answer::Cut(1000)]);
    download.error().await;
    download.run().await.unwrap();
    let asked = [None, Some(1000)];
    assert_eq!(server.take_requests(), asked.map(requested));
}

#[tokio::test]
async fn bi_334_a_file_that_has_moved_is_followed_but_not_out_of_tls() {
    let (server, other) = (FileServer::http(&file()), FileServer::http(&file()));
    let download = Download::from(&mirror(&server));
    server.answers([Answer::Moved(format!("{}/elsewhere", other.url()))]);
    download.run().await.unwrap();
    assert_eq!(other.take_requests().len(), 1);

    let encrypted = FileServer::https(&file());
    let mut download = Download::from(&mirror(&encrypted));
    let trust = Trust::default().with_authorities(&encrypted.authority());
    download.access = Access::new(trust.unwrap(), Limits::default());
    encrypted.answers([Answer::Moved(format!("{}/elsewhere", other.url()))]);
    let error = download.error().await;
    assert!(error.contains("302"), "{error}");
    assert_eq!(other.take_requests(), []);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_next_run_goes_on() {
    let server = FileServer::http(&file());
    let download = Download::from(&mirror(&server));
    let digest = hex(&Sha256::digest(file()));
    let part = download.artifacts.cache.join(format!("{digest}.part"));
    // Whatever is written there, no space is left.
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let error = download.error().await;
    assert!(error.contains("No space left on device"), "{error}");
    fs::remove_file(&part).unwrap();
    download.run().await.unwrap();
}
