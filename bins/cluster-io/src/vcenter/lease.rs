//! The lease of an import: the vCenter makes the machine, and takes its disks while the lease lasts.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::header::CONTENT_TYPE;
use http::{Method, Request, Uri};
use sha1::Digest as _;
use tokio::time::Instant;

use super::body::{Body, Sent, hex};
use super::error::VcenterError;
use super::fault::Fault;
use super::http::{Answer, Asked};
use super::ova::Ova;
use super::session::{Reference, Session};
use super::steps::StepError;
use super::task::Patience;
use super::trust::host_name;
use super::xml::Element;

/// Where a vCenter means itself.
const SAME_HOST: &str = "*";

/// What of a machine's files is to be uploaded.
#[derive(Debug, Clone)]
pub(super) struct FileItem {
    /// Ties it to an address of the lease.
    pub(super) device_id: String,
    /// Its name in the OVA.
    pub(super) path: String,
    /// No disk, but a file that is made.
    pub(super) create: bool,
}

/// A lease that is ready.
pub(super) struct Lease<'s> {
    session: &'s Session,
    reference: Reference,
    /// The machine.
    pub(super) machine: Reference,
    addresses: Vec<Element>,
}

impl<'s> Lease<'s> {
    /// Waits until the vCenter has made the machine. A lease that does not become ready is ended, so
    /// that the name of the machine is free again.
    pub(super) async fn ready(
        session: &'s Session,
        reference: Reference,
    ) -> Result<Self, VcenterError> {
        let waited = Self::wait(session, &reference).await;
        if waited.is_err() {
            abort(session, &reference).await;
        }
        waited
    }

    async fn wait(session: &'s Session, reference: &Reference) -> Result<Self, VcenterError> {
        let mut patience = Patience::new(session, "ImportVApp");
        loop {
            let lease = session
                .object(reference, &["state", "info", "error"])
                .await?;
            match lease.text("state") {
                "ready" => {
                    let info = lease.get("info");
                    let machine = info
                        .and_then(|info| info.child("entity"))
                        .and_then(Reference::of);
                    let unusable = || {
                        session
                            .asked("ImportVApp")
                            .unusable("the lease has no machine")
                    };
                    let addresses = info.iter().flat_map(|info| info.all("deviceUrl")).cloned();
                    return Ok(Self {
                        session,
                        reference: reference.clone(),
                        machine: machine.ok_or_else(unusable)?,
                        addresses: addresses.collect(),
                    });
                }
                "error" => {
                    let fault = lease.get("error").map(Fault::of_member);
                    return Err(session.refused("ImportVApp", fault.unwrap_or_else(Fault::unknown)));
                }
                _ => patience.pause(session).await?,
            }
        }
    }

    /// BI-330: uploads everything; `report` hears of percents.
    pub(super) async fn upload(
        &self,
        file: &Path,
        ova: &Ova,
        items: &[FileItem],
        report: impl Fn(u8),
    ) -> Result<(), StepError> {
        let parts = items
            .iter()
            .map(|item| ova.part(&item.path).map(|part| (item, part)));
        let parts = parts
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| StepError::ova(file, error))?;
        let total: u64 = parts.iter().map(|(_, part)| part.length).sum();
        let mut before = 0;
        for (item, part) in parts {
            let address = self.address(item)?;
            let sent = Arc::new(Mutex::new(Sent::default()));
            let body = File::open(file)
                .and_then(|file| Body::part(file, part.position, part.length, Arc::clone(&sent)))
                .map_err(|error| StepError::ova(file, error.into()))?;
            self.send(
                item,
                address,
                body,
                &sent,
                |bytes| percent(before + bytes, total),
                &report,
            )
            .await?;
            before += part.length;
            self.compare(address, &sent).await?;
        }
        Ok(())
    }

    fn address(&self, item: &FileItem) -> Result<&Element, VcenterError> {
        let mut addresses = self.addresses.iter();
        let named = |address: &&Element| address.text_of("importKey") == Some(&item.device_id);
        addresses.find(named).ok_or_else(|| {
            let cause = format!("the lease has no address for {}", item.device_id);
            self.session.asked("ImportVApp").unusable(&cause)
        })
    }

    /// Sends a file, and tells the vCenter meanwhile that it is alive.
    async fn send(
        &self,
        item: &FileItem,
        address: &Element,
        body: Body,
        sent: &Mutex<Sent>,
        percent: impl Fn(u64) -> u8,
        report: &impl Fn(u8),
    ) -> Result<(), VcenterError> {
        let session = self.session;
        let (uri, host) = self.uri(address)?;
        let asked = Asked {
            server: &host,
            call: "upload",
        };
        let request = if item.create {
            Request::builder()
                .method(Method::PUT)
                .header("Overwrite", "t")
        } else {
            let builder = Request::builder().method(Method::POST);
            builder.header(CONTENT_TYPE, "application/x-vnd.vmware-streamVmdk")
        };
        let request = request.uri(uri).body(body);
        let request = request.map_err(|error| asked.unusable(&error.to_string()))?;
        // How long it takes as a whole depends on its size; that it goes on is looked at below.
        let upload = session.http.send(asked, request, std::time::Duration::MAX);
        tokio::pin!(upload);
        let mut ticks = tokio::time::interval(session.limits.look);
        let mut last = (0, Instant::now());
        loop {
            tokio::select! {
                answer = &mut upload => return finished(asked, &answer?),
                _ = ticks.tick() => {
                    let bytes = sent.lock().map_or(0, |sent| sent.bytes);
                    if bytes != last.0 {
                        last = (bytes, Instant::now());
                    } else if last.1.elapsed() > session.limits.silence {
                        return Err(VcenterError::Late {
                            server: host.clone(),
                            call: "upload".to_owned(),
                            seconds: session.limits.silence.as_secs(),
                        });
                    }
                    report(percent(bytes));
                    let progress = format!("<percent>{}</percent>", percent(bytes));
                    session.call(&self.reference, "HttpNfcLeaseProgress", &progress).await?;
                }
            }
        }
    }

    /// Address of an upload and its host, whose certificate the vCenter names.
    fn uri(&self, address: &Element) -> Result<(Uri, String), VcenterError> {
        let session = self.session;
        let unusable = |cause: &str| session.asked("ImportVApp").unusable(cause);
        let url = address.text_of("url").unwrap_or_default();
        let url = url.replacen(
            &format!("//{SAME_HOST}"),
            &format!("//{}", session.server),
            1,
        );
        let uri: Uri = url
            .parse()
            .map_err(|_| unusable("the lease has an address that is no URL"))?;
        let host = uri
            .authority()
            .map(|authority| authority.as_str().to_owned());
        let host = host.filter(|_| uri.scheme_str() == Some("https"));
        let host = host.ok_or_else(|| unusable("the lease has an address that is no HTTPS"))?;
        // A host of the vCenter may have a certificate that it made itself. The vCenter, whose own
        // is checked, says which.
        let is_another = host_name(&host) != host_name(&session.server);
        if let Some(thumbprint) = address.text_of("sslThumbprint").filter(|_| is_another) {
            session.http.pins.pin_if_absent(&host, thumbprint);
        }
        Ok((uri, host))
    }

    /// What arrived is what was sent, as far as the vCenter says.
    async fn compare(&self, address: &Element, sent: &Mutex<Sent>) -> Result<(), StepError> {
        let session = self.session;
        let manifest = session
            .call(&self.reference, "HttpNfcLeaseGetManifest", "")
            .await;
        // Older hosts keep none of an import.
        let Ok(manifest) = manifest else {
            return Ok(());
        };
        let key = address.text_of("key");
        let Some(entry) = manifest
            .all("returnval")
            .find(|entry| entry.text_of("key") == key)
        else {
            return Ok(());
        };
        let sent = sent.lock().map(|sent| sent.clone()).unwrap_or_default();
        let sha1 = hex(&sent.sha1.finalize());
        let arrived = entry.text_of("sha1").unwrap_or_default();
        if arrived.is_empty() || arrived.eq_ignore_ascii_case(&sha1) {
            return Ok(());
        }
        Err(StepError::Arrived {
            server: session.server.clone(),
            sent: sha1,
            arrived: arrived.to_owned(),
        })
    }

    /// The machine is whole.
    pub(super) async fn complete(&self) -> Result<(), VcenterError> {
        let call = self
            .session
            .call(&self.reference, "HttpNfcLeaseComplete", "");
        call.await.map(drop)
    }

    /// The vCenter removes what it has so far; where it does not, the next import does.
    pub(super) async fn abort(&self) {
        abort(self.session, &self.reference).await;
    }
}

async fn abort(session: &Session, lease: &Reference) {
    session.call(lease, "HttpNfcLeaseAbort", "").await.ok();
}

fn finished(asked: Asked<'_>, answer: &Answer) -> Result<(), VcenterError> {
    if answer.status.is_success() {
        return Ok(());
    }
    Err(asked.status(answer.status))
}

/// 100 stands for an import that is complete, which it is not before the vCenter is told so.
fn percent(done: u64, total: u64) -> u8 {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0);
    u8::try_from(percent).unwrap_or(99).min(99)
}
