//! OVAs on this machine: from where the stream says, from a mirror, or from a folder; always with
//! the digest of the stream (BI-334).

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clap::Args;
use http::header::{CONTENT_LENGTH, LOCATION, RANGE};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};

use super::access::Access;
use super::body::{Body, hex};
use super::http::chain;
use crate::ec2::connector::Connector;

/// Between a mirror and the host that has its files.
const MAX_REDIRECTS: usize = 5;

/// Between two attempts to get the lock of the cache.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// Size of a cache if nobody says otherwise: five OVAs of some 1.2 GiB.
pub const DEFAULT_CACHE_BYTES: u64 = 6 << 30;

/// What a mirror is, where it is a folder of this machine.
const FILE_SCHEME: &str = "file://";

/// Why there is no OVA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// The stream's digest is none.
    #[error("the stream has no SHA-256 for {url}: {digest:?}; nothing is used unchecked")]
    Digest {
        /// Where it would be.
        url: String,
        /// What the stream has for a digest.
        digest: String,
    },
    /// A name and a password stand in a URL, which would be told in messages and kept in logs.
    #[error(
        "{0} has a user or a password in its URL, which is not supported and not repeated here; take them out"
    )]
    Credentials(&'static str),
    /// No URL.
    #[error("{0:?} is no URL of a file; correct --artifact-mirror or the stream")]
    Url(String),
    /// The operating system refused, be it that a disk is full.
    #[error("{path}: {cause}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// The file does not fit.
    #[error(
        "{url} is larger than the cache may be ({limit} bytes); allow more, or name the file with --artifact-mirror file://FOLDER"
    )]
    TooLarge {
        /// The file.
        url: String,
        /// Limit of the cache in bytes.
        limit: u64,
    },
    /// No connection, or it was cut.
    #[error(
        "failed to download {url}: {cause}; what is there already is kept, run it again, or name another place with --artifact-mirror"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// Not there.
    #[error("{url} returned status: {status}")]
    Status {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Another file than the stream means.
    #[error(
        "checksum mismatch for {url}; expected={expected} found={found}; a file of the cache was removed: run it again, or correct the mirror"
    )]
    Checksum {
        /// Where it came from.
        url: String,
        /// Of the stream.
        expected: String,
        /// Of the file.
        found: String,
    },
}

/// Where OVAs come from, as a flag of a command line.
#[derive(Debug, Clone, Default, Args)]
pub struct ArtifactMirror {
    /// Take OVAs from here instead of from where the release says: a URL to which the paths of the
    /// release's URLs are appended, or `file:///FOLDER` with files of the same names
    #[arg(long = "artifact-mirror", value_name = "URL")]
    pub mirror: Option<String>,
}

/// Where OVAs come from, and where they are kept.
#[derive(Debug, Clone)]
pub struct Artifacts {
    /// Folder of the cache.
    pub cache: PathBuf,
    /// Most bytes that the cache may have.
    pub limit: u64,
    /// A URL to which the path of the stream's location is appended, or `file://` and a folder with
    /// files of the same base name.
    pub mirror: Option<String>,
}

/// Reports bytes that are there, and how many there will be where that is known.
pub(super) type Report<'r> = &'r (dyn Fn(u64, Option<u64>) + Send + Sync);

impl Artifacts {
    /// The path of a file with the given digest; it is there, whole and checked.
    pub(super) async fn fetch(
        &self,
        location: &str,
        sha256: &str,
        access: &Access,
        report: Report<'_>,
    ) -> Result<PathBuf, ArtifactError> {
        if has_credentials(location) {
            return Err(ArtifactError::Credentials("the stream"));
        }
        let sha256 = sha256.to_ascii_lowercase();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ArtifactError::Digest {
                url: location.to_owned(),
                digest: sha256,
            });
        }
        let location =
            Uri::try_from(location).map_err(|_| ArtifactError::Url(location.to_owned()))?;
        if let Some(folder) = self
            .mirror
            .as_deref()
            .and_then(|mirror| mirror.strip_prefix(FILE_SCHEME))
        {
            let name = location.path().rsplit('/').next().unwrap_or_default();
            let path = Path::new(folder).join(name);
            let found = digest(&path).await?;
            if found == sha256 {
                return Ok(path);
            }
            return Err(ArtifactError::Checksum {
                url: path.display().to_string(),
                expected: sha256,
                found,
            });
        }
        let url = self.url(&location)?;
        fs::create_dir_all(&self.cache).map_err(|error| file_error(&self.cache, &error))?;
        let _lock = self.lock().await?;
        let path = self.cache.join(format!("{sha256}.ova"));
        if path.exists() && digest(&path).await? == sha256 {
            touch(&path);
            return Ok(path);
        }
        let part = self.cache.join(format!("{sha256}.part"));
        self.download(&url, &part, access, report).await?;
        let found = digest(&part).await?;
        if found != sha256 {
            fs::remove_file(&part).ok();
            return Err(ArtifactError::Checksum {
                url: url.to_string(),
                expected: sha256,
                found,
            });
        }
        fs::rename(&part, &path).map_err(|error| file_error(&path, &error))?;
        Ok(path)
    }

    /// Where the file is.
    fn url(&self, location: &Uri) -> Result<Uri, ArtifactError> {
        let Some(mirror) = &self.mirror else {
            return Ok(location.clone());
        };
        if has_credentials(mirror) {
            return Err(ArtifactError::Credentials("--artifact-mirror"));
        }
        let url = format!("{}{}", mirror.trim_end_matches('/'), location.path());
        let parsed: Uri = url.parse().map_err(|_| ArtifactError::Url(url.clone()))?;
        let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
        is_http.then_some(parsed).ok_or(ArtifactError::Url(url))
    }

    /// One process at a time fills the cache.
    async fn lock(&self) -> Result<File, ArtifactError> {
        let path = self.cache.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = file.map_err(|error| file_error(&path, &error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(fs::TryLockError::Error(error)) => return Err(file_error(&path, &error)),
            }
        }
    }

    /// Goes on where a file ends.
    async fn download(
        &self,
        url: &Uri,
        part: &Path,
        access: &Access,
        report: Report<'_>,
    ) -> Result<(), ArtifactError> {
        let there = fs::metadata(part).map_or(0, |part| part.len());
        let silence = access.limits.silence;
        let client = client(access).map_err(|cause| unreachable_for(url, cause))?;
        let mut response = get(&client, url, there, silence).await?;
        let resumes = match response.status() {
            StatusCode::PARTIAL_CONTENT => begins_at(response.headers(), there),
            // What is there is as long as the file; its digest says what it is.
            StatusCode::RANGE_NOT_SATISFIABLE if there > 0 => return Ok(()),
            StatusCode::OK => false,
            status => return Err(status_error(url, status)),
        };
        let there = if resumes { there } else { 0 };
        let total = length(response.headers()).map(|length| length + there);
        self.make_room(url, part, total.unwrap_or_default())?;
        let opened = OpenOptions::new()
            .create(true)
            .append(resumes)
            .write(true)
            .truncate(!resumes)
            .open(part);
        let mut file = opened.map_err(|error| file_error(part, &error))?;
        let mut done = there;
        loop {
            let frame = tokio::time::timeout(silence, response.body_mut().frame()).await;
            let frame = frame.map_err(|_| unreachable_for(url, late(silence)))?;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| unreachable_for(url, chain(&error)))?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            done += data.len() as u64;
            if done > self.limit {
                return Err(self.too_large(url));
            }
            file.write_all(data)
                .map_err(|error| file_error(part, &error))?;
            report(done, total);
        }
        file.sync_all().map_err(|error| file_error(part, &error))
    }

    /// Removes what was used longest ago until a file fits.
    fn make_room(&self, url: &Uri, part: &Path, bytes: u64) -> Result<(), ArtifactError> {
        if bytes > self.limit {
            return Err(self.too_large(url));
        }
        let entries = fs::read_dir(&self.cache).map_err(|error| file_error(&self.cache, &error))?;
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path != part && is_ours(path))
            .filter_map(|path| {
                let data = fs::metadata(&path).ok()?;
                Some((
                    data.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    data.len(),
                    path,
                ))
            })
            .collect();
        files.sort();
        let mut total = bytes + files.iter().map(|(_, length, _)| length).sum::<u64>();
        for (_, length, path) in files {
            if total <= self.limit {
                break;
            }
            fs::remove_file(&path).map_err(|error| file_error(&path, &error))?;
            total -= length;
        }
        Ok(())
    }

    fn too_large(&self, url: &Uri) -> ArtifactError {
        ArtifactError::TooLarge {
            url: url.to_string(),
            limit: self.limit,
        }
    }
}

type HttpClient = Client<HttpsConnector<Connector>, Body>;

fn client(access: &Access) -> Result<HttpClient, String> {
    let (config, _) = access.trust.config().map_err(|error| error.to_string())?;
    let connector = Connector::https_with(config).map_err(|error| error.to_string())?;
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Asks for a file from a position on, wherever it has moved.
async fn get(
    client: &HttpClient,
    url: &Uri,
    there: u64,
    silence: Duration,
) -> Result<http::Response<impl HttpBody<Data = Bytes, Error: Error> + Unpin>, ArtifactError> {
    let mut next = url.clone();
    for _ in 0..MAX_REDIRECTS {
        let mut request = Request::get(next.clone());
        if there > 0 {
            request = request.header(RANGE, format!("bytes={there}-"));
        }
        let request = request.body(Body::Message(None));
        let request = request.map_err(|error| unreachable_for(url, error.to_string()))?;
        let response = tokio::time::timeout(silence, client.request(request)).await;
        let response = response.map_err(|_| unreachable_for(url, late(silence)))?;
        let response = response.map_err(|error| unreachable_for(url, chain(&error)))?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|target| target.to_str().ok());
        let target = target.and_then(|target| moved(&next, target));
        next = target.ok_or_else(|| status_error(url, response.status()))?;
    }
    Err(unreachable_for(
        url,
        "it is moved again and again".to_owned(),
    ))
}

/// Where a redirection leads; never from HTTPS to HTTP, nor to a URL with a password in it.
fn moved(from: &Uri, target: &str) -> Option<Uri> {
    let uri: Uri = (!has_credentials(target)).then(|| target.parse().ok())??;
    let uri = if uri.host().is_some() {
        uri
    } else {
        let (scheme, authority) = (from.scheme_str()?, from.authority()?);
        format!("{scheme}://{authority}{target}").parse().ok()?
    };
    (from.scheme_str() != Some("https") || uri.scheme_str() == Some("https")).then_some(uri)
}

/// Whether a text, URL or not, has something before a host.
fn has_credentials(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether a part of a file begins where it was asked for.
fn begins_at(headers: &HeaderMap, position: u64) -> bool {
    let range = headers
        .get(http::header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {position}-")))
}

/// SHA-256 of a file, in hex digits, read beside everything else.
async fn digest(path: &Path) -> Result<String, ArtifactError> {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || digest_of(&file)).await;
    let read = read.map_err(|error| io::Error::other(error.to_string()));
    read.flatten().map_err(|error| file_error(path, &error))
}

fn digest_of(path: &Path) -> io::Result<String> {
    /// Reading is as fast as with larger pieces.
    const PIECE: usize = 256 << 10;
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        digest.update(piece.get(..length).unwrap_or_default());
    }
    Ok(hex(&digest.finalize()))
}

/// Something else in the folder is not removed.
fn is_ours(path: &Path) -> bool {
    let is_digest =
        |stem: &str| stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    let extension = path.extension().and_then(|extension| extension.to_str());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    matches!(extension, Some("ova" | "part")) && stem.is_some_and(is_digest)
}

/// Used just now.
fn touch(path: &Path) {
    if let Ok(file) = OpenOptions::new().append(true).open(path) {
        file.set_modified(SystemTime::now()).ok();
    }
}

fn late(silence: Duration) -> String {
    format!("nothing came for {} s", silence.as_secs())
}

fn file_error(path: &Path, error: &io::Error) -> ArtifactError {
    ArtifactError::File {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}

fn unreachable_for(url: &Uri, cause: String) -> ArtifactError {
    ArtifactError::Unreachable {
        url: url.to_string(),
        cause,
    }
}

fn status_error(url: &Uri, status: StatusCode) -> ArtifactError {
    ArtifactError::Status {
        url: url.to_string(),
        status: status.as_u16(),
    }
}

#[cfg(test)]
mod tests;
