//! Which certificates a vCenter and its hosts may show. They are always checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};
use rustls_platform_verifier::Verifier as SystemVerifier;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Lengths of SHA-1, which govc and vCenters show, and of SHA-256, in bytes.
const LENGTHS: [usize; 2] = [20, 32];

/// Why certificates cannot be checked as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("{path}: cannot be read: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A file that should hold certificates holds none.
    #[error("{path}: there is no certificate in it; it has to be PEM")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A line of a file of thumbprints is of another form.
    #[error(
        "{path}: line {line} is not a host and the SHA-1 or SHA-256 of its certificate in hex digits"
    )]
    Thumbprint {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// There is no TLS.
    #[error("there is no TLS: {0}")]
    Tls(String),
}

/// W-25: which certificates are accepted: those that the system trusts, those of further
/// authorities, and those whose thumbprint is pinned for a host.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    pins: Pins,
    /// Reading what the system trusts takes longer than a call, so that it is read once.
    system: Arc<OnceLock<Arc<SystemVerifier>>>,
}

/// Thumbprints by host name. Where a host has any, only they count for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins(Arc<RwLock<BTreeMap<String, Vec<Vec<u8>>>>>);

impl Trust {
    /// The certificates of a PEM file are authorities too.
    pub fn with_authorities(mut self, path: &Path) -> Result<Self, TrustError> {
        let failed = |cause: String| TrustError::File {
            path: path.to_owned(),
            cause,
        };
        let certificates = CertificateDer::pem_file_iter(path)
            .map_err(|error| failed(error.to_string()))?
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(error.to_string()))?;
        if certificates.is_empty() {
            let path = path.to_owned();
            return Err(TrustError::NoCertificate { path });
        }
        self.authorities.extend(certificates);
        self.system = Arc::default();
        Ok(self)
    }

    /// Pins the thumbprints of a file in the form of govc's `known_hosts`: a host and a thumbprint
    /// on each line.
    pub fn with_thumbprints(self, path: &Path) -> Result<Self, TrustError> {
        let text = std::fs::read_to_string(path).map_err(|error| TrustError::File {
            path: path.to_owned(),
            cause: error.to_string(),
        })?;
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.split_whitespace();
            let pinned = match (parts.next(), parts.next(), parts.next()) {
                (Some(host), Some(thumbprint), None) => self.pins.pin(host, thumbprint),
                _ => false,
            };
            if !pinned {
                return Err(TrustError::Thumbprint {
                    path: path.to_owned(),
                    line: number,
                });
            }
        }
        Ok(self)
    }

    /// A configuration of TLS, with pins of its own on top of those of the files.
    pub(super) fn config(&self) -> Result<(ClientConfig, Pins), TrustError> {
        let failed = |error: TlsError| TrustError::Tls(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let system = self.system(&provider).map_err(failed)?;
        let pins = self.pins.copy();
        let verifier = Arc::new(Verifier {
            system,
            pins: pins.clone(),
            provider: Arc::clone(&provider),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            // Nothing is switched off: the verifier asks the system's unless a thumbprint is pinned.
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok((config, pins))
    }
}

impl Trust {
    fn system(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<SystemVerifier>, TlsError> {
        if let Some(system) = self.system.get() {
            return Ok(Arc::clone(system));
        }
        let authorities = self.authorities.iter().cloned();
        let system = SystemVerifier::new_with_extra_roots(authorities, Arc::clone(provider))?;
        Ok(Arc::clone(self.system.get_or_init(|| Arc::new(system))))
    }
}

impl Pins {
    /// False where the text is no thumbprint.
    pub(super) fn pin(&self, host: &str, thumbprint: &str) -> bool {
        let Some(thumbprint) = bytes_of(thumbprint) else {
            return false;
        };
        let host = host_name(host);
        if let Ok(mut pins) = self.0.write() {
            pins.entry(host).or_default().push(thumbprint);
        }
        true
    }

    /// Pins what a vCenter says of one of its hosts. What somebody pinned by hand stays the only one
    /// that counts.
    pub(super) fn pin_if_absent(&self, host: &str, thumbprint: &str) {
        let Some(thumbprint) = bytes_of(thumbprint) else {
            return;
        };
        if let Ok(mut pins) = self.0.write() {
            pins.entry(host_name(host))
                .or_insert_with(|| vec![thumbprint]);
        }
    }

    fn copy(&self) -> Self {
        let pins = self.0.read().map(|pins| pins.clone());
        Self(Arc::new(RwLock::new(pins.unwrap_or_default())))
    }

    /// Whether a certificate is the pinned one; `None` where nothing is pinned.
    fn accept(&self, host: &str, certificate: &[u8]) -> Option<bool> {
        let pins = self.0.read().ok()?;
        let pinned = pins.get(&host_name(host))?;
        let (sha1, sha256) = (Sha1::digest(certificate), Sha256::digest(certificate));
        Some(
            pinned
                .iter()
                .any(|pin| pin[..] == sha1[..] || pin[..] == sha256[..]),
        )
    }
}

/// Without port and brackets, in small letters.
pub(super) fn host_name(host: &str) -> String {
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        // More than one colon: an IPv6 address.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    host.to_ascii_lowercase()
}

/// Hex digits, with or without colons.
fn bytes_of(thumbprint: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = thumbprint
        .bytes()
        .filter(|byte| *byte != b':')
        .map(|byte| u8::try_from(char::from(byte).to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    (rest.is_empty() && LENGTHS.contains(&bytes.len())).then_some(bytes)
}

#[derive(Debug)]
struct Verifier {
    system: Arc<SystemVerifier>,
    pins: Pins,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.pins.accept(&server_name.to_str(), end_entity) {
            Some(true) => Ok(ServerCertVerified::assertion()),
            Some(false) => Err(CertificateError::ApplicationVerificationFailure.into()),
            None => self.system.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_hex_digits_of_sha_1_or_sha_256() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(bytes_of(text).map(|bytes| bytes.len()), expected, "{text}");
        };
        check(&"AB:".repeat(20), Some(20));
        check(&"0f".repeat(32), Some(32));
        for text in [
            "",
            "AB",
            &"0".repeat(41),
            &"AB:".repeat(21),
            &"xy".repeat(20),
        ] {
            check(text, None);
        }
    }

    #[test]
    fn w_25_where_a_thumbprint_is_pinned_only_it_counts() {
        let pins = Pins::default();
        let certificate = b"certificate";
        assert_eq!(pins.accept("v.example.com", certificate), None);
        let sha256 = crate::vcenter::body::hex(&Sha256::digest(certificate)).to_uppercase();
        assert!(pins.pin("V.example.com:443", &sha256));
        assert_eq!(pins.accept("v.example.com", certificate), Some(true));
        assert_eq!(pins.accept("v.example.com", b"other"), Some(false));
        assert!(!pins.pin("v", "no"));
        let other = crate::vcenter::body::hex(&Sha256::digest(b"other"));
        pins.pin_if_absent("v.example.com", &other);
        assert_eq!(pins.accept("v.example.com", b"other"), Some(false));
        pins.pin_if_absent("host", &other);
        assert_eq!(pins.accept("host", b"other"), Some(true));
    }

    #[test]
    fn hosts_are_compared_without_port() {
        for (host, expected) in [
            ("A.example.com:443", "a.example.com"),
            ("[::1]:443", "::1"),
            ("::1", "::1"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(host_name(host), expected);
        }
    }
}
