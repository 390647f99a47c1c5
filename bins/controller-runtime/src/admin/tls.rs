//! TLS of `/metrics`: a certificate that may change while we run.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// What is wrong with a certificate or its key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("{path} cannot be used: {problem}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// They do not belong together, or are of a kind that TLS does not know.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no self-signed certificate could be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What tells one state of a file from another.
type Stamp = [Option<(u64, i64, i64, u64)>; 2];

/// The certificate in use.
pub(super) struct Certificates {
    files: Option<CertificateFiles>,
    current: Mutex<(Stamp, TlsAcceptor)>,
}

impl Certificates {
    /// The certificate of these files, which must be usable; without files, a self-signed one for
    /// the lifetime of the process.
    pub(super) fn load(files: Option<CertificateFiles>) -> Result<Self, TlsError> {
        let current = match &files {
            Some(files) => (stamp(files), acceptor(files)?),
            None => (Stamp::default(), self_signed()?),
        };
        Ok(Self {
            files,
            current: Mutex::new(current),
        })
    }

    /// What accepts the next connection. Files that have changed are read again; where that fails,
    /// what was in use stays in use.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &self.files {
            let stamp = stamp(files);
            if stamp != current.0 {
                current.0 = stamp;
                match acceptor(files) {
                    Ok(acceptor) => {
                        current.1 = acceptor;
                        tracing::info!("certificate of /metrics read again");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "certificate of /metrics not read, the old one stays");
                    }
                }
            }
        }
        current.1.clone()
    }
}

fn stamp(files: &CertificateFiles) -> Stamp {
    // A Secret that is mounted changes as a link to another folder: another inode.
    let of = |metadata: Metadata| {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        (metadata.ino(), seconds, nanoseconds, metadata.len())
    };
    [&files.certificate, &files.key].map(|path| std::fs::metadata(path).ok().map(of))
}

fn acceptor(files: &CertificateFiles) -> Result<TlsAcceptor, TlsError> {
    let unusable = |path: &Path, problem: String| TlsError::File {
        path: path.to_owned(),
        problem,
    };
    let path = &files.certificate;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(path, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(path, "it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable(&files.key, error.to_string()))?;
    serving(chain, key)
}

fn self_signed() -> Result<TlsAcceptor, TlsError> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der())
        .map_err(|problem| rustls::Error::General(problem.to_owned()))?;
    serving(vec![certified.cert.der().clone()], key)
}

fn serving(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
