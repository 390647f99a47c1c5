//! What each platform does: read the provider spec, select an image, write it.

use bootimage_selection::{
    Selection, Skip, aws as select_aws, azure as select_azure, gcp as select_gcp,
    vsphere as select_vsphere,
};
use openshift_model::boot_image::AzureBootImage;
use openshift_model::{
    Architecture, Edit, EditError, MachineResource, Platform, Profile, Step, Stream, Trace,
};
use providerspec_rewrite::{
    ProviderSpecError, UserDataSecret, UserDataSecretError, aws as rewrite_aws,
    azure as rewrite_azure, gcp as rewrite_gcp, use_managed_user_data, vsphere as rewrite_vsphere,
};

use crate::decide::{SharedInputs, WHERE};
use crate::outcome::{Findings, Outcome, Update};
use crate::{Completeness, Obstacle, UserData, UserDataDecision, UserDataError};

const SPEC: &str = "Can its provider spec be read?";
const STUB: &str = "Can new boot images read the stub that its machines boot with?";
const WRITTEN: &str = "Can the image be written into the object?";
const STREAM: &str = "Is there a stream document?";

/// A machine resource on its way through a platform's rules.
pub(crate) struct PlatformRules<'w, T> {
    pub(crate) shared: &'w SharedInputs<'w>,
    pub(crate) resource: &'w MachineResource<'w>,
    pub(crate) architecture: &'w Architecture,
    pub(crate) findings: &'w mut Findings,
    pub(crate) trace: &'w mut T,
}

impl<'w, T: Trace> PlatformRules<'w, T> {
    /// The rules of the platform that the resource is on. The error side is an outcome that ended
    /// it early.
    pub(crate) fn run(mut self, platform: &Platform) -> Result<Outcome, Outcome> {
        match platform {
            Platform::Aws => self.aws(),
            Platform::Azure => self.azure(),
            Platform::Gcp => self.gcp(),
            Platform::VSphere => self.vsphere(),
            // Other platforms are skipped before (BI-159).
            Platform::BareMetal | Platform::Other(_) => {
                let platform = platform.name().to_owned();
                Err(Outcome::Skip(Skip::UnsupportedPlatform { platform }))
            }
        }
    }

    fn gcp(&mut self) -> Result<Outcome, Outcome> {
        let spec = self.read(rewrite_gcp::read(self.resource.provider_spec))?;
        let images = || spec.disks.0.iter().map(|disk| disk.image.as_str());
        self.findings.current = join(images());
        let stream = self.stream()?;
        let options = select_gcp::GcpOptions {
            fedora_coreos_is_known: self.shared.context.policy.fedora_coreos_is_known,
        };
        let selection =
            select_gcp::select(&spec.disks, stream, self.architecture, options, self.trace)
                .map_err(|error| blocked(Obstacle::Stream(error)))?;
        self.findings.target = stream
            .gcp_image(self.architecture)
            .ok()
            .map(|(project, name)| select_gcp::image_path(project, name));
        let at = self.resource.provider_spec_pointer();
        self.settle(selection, spec.user_data_secret.as_ref(), |image| {
            rewrite_gcp::write(&spec.disks, image, at)
        })
    }

    fn aws(&mut self) -> Result<Outcome, Outcome> {
        let spec = self.read(rewrite_aws::read(self.resource.provider_spec))?;
        self.findings.current = spec.image.id.as_deref().map(str::to_owned);
        let context = select_aws::AwsContext {
            profile: self.shared.context.profile,
            stream: self.stream()?,
            known: self.shared.known_amis,
            facts: self.shared.facts,
        };
        let name = self.resource.name.as_str();
        let found = select_aws::select(&spec.image, name, self.architecture, &context, self.trace)
            .map_err(|error| blocked(Obstacle::Aws(error)))?;
        self.findings.rhcos_version = found.rhcos_version;
        self.findings.target = match &found.selection {
            Selection::Update(image) => Some(image.clone()),
            Selection::UpToDate => self.findings.current.clone(),
            Selection::Skip(_) | Selection::Needs(_) => None,
        };
        let at = self.resource.provider_spec_pointer();
        self.settle(found.selection, spec.user_data_secret.as_ref(), |image| {
            rewrite_aws::write(&spec, image, at)
        })
    }

    fn azure(&mut self) -> Result<Outcome, Outcome> {
        let spec = self.read(rewrite_azure::read(self.resource.provider_spec))?;
        self.findings.current = describe(&spec.image);
        let stream = self.stream()?;
        let security_type = spec.security_type.as_str();
        let selection = select_azure::select(
            &spec.image,
            security_type,
            stream,
            self.architecture,
            self.trace,
        )
        .map_err(|error| blocked(Obstacle::Azure(error)))?;
        self.findings.target = match &selection {
            Selection::Update(image) => describe(image),
            Selection::UpToDate => self.findings.current.clone(),
            Selection::Skip(_) | Selection::Needs(_) => None,
        };
        let at = self.resource.provider_spec_pointer();
        self.settle(selection, spec.user_data_secret.as_ref(), |image| {
            rewrite_azure::write(&spec, image, at)
        })
    }

    fn vsphere(&mut self) -> Result<Outcome, Outcome> {
        let spec = self.read(rewrite_vsphere::read(self.resource.provider_spec))?;
        let template = spec.image.template.as_str();
        self.findings.current = Some(template.to_owned()).filter(|name| !name.is_empty());
        let stream = self.stream()?;
        // A snapshot without Infrastructure knows no vCenter.
        let nothing = Ok(String::new());
        let cluster = self.shared.context.vsphere.as_ref();
        let context = select_vsphere::VsphereContext {
            stream,
            infrastructure_name: cluster.map_or("", |cluster| &cluster.infrastructure_name),
            platform: cluster.and_then(|cluster| cluster.spec.vsphere()),
            disk_type: cluster.map_or(&nothing, |cluster| &cluster.disk_type),
            template_names: self.shared.context.policy.template_names,
            facts: self.shared.facts,
        };
        let selection =
            select_vsphere::select(&spec.image, self.architecture, &context, self.trace)
                .map_err(|error| blocked(Obstacle::Vsphere(error)))?;
        self.findings.target = match &selection {
            Selection::Update(update) => Some(format!("{} ({})", update.template, update.release)),
            Selection::UpToDate => self.findings.current.clone(),
            Selection::Skip(_) | Selection::Needs(_) => None,
        };
        if let Selection::Update(update) = &selection {
            self.findings.steps.clone_from(&update.steps);
        }
        let at = self.resource.provider_spec_pointer();
        self.settle(selection, spec.user_data_secret.as_ref(), |update| {
            rewrite_vsphere::write(&spec, &update.template, at)
        })
    }

    /// BI-241, BI-242: the provider spec is read before the stream, both before the platform's
    /// rules.
    fn read<S>(&mut self, spec: Result<S, ProviderSpecError>) -> Result<S, Outcome> {
        let at = self.resource.provider_spec_pointer();
        match spec {
            Ok(spec) => {
                self.trace
                    .step(|| Step::passed("BI-241", SPEC, "it can").saw(WHERE, Some(at)));
                Ok(spec)
            }
            Err(error) => {
                self.trace
                    .step(|| Step::decided("BI-241", SPEC, error.to_string()).saw(WHERE, Some(at)));
                Err(blocked(Obstacle::ProviderSpec(error)))
            }
        }
    }

    fn stream(&mut self) -> Result<&'w Stream<'w>, Outcome> {
        let saw = |step: Step| step.saw(WHERE, Some("ConfigMap coreos-bootimages, or --stream"));
        match self.shared.stream {
            Ok(stream) => {
                self.trace
                    .step(|| saw(Step::passed("BI-032", STREAM, stream.name().to_owned())));
                Ok(stream)
            }
            Err(obstacle) => {
                self.trace
                    .step(|| saw(Step::decided("BI-032", STREAM, obstacle.to_string())));
                Err(blocked(obstacle.clone()))
            }
        }
    }

    /// From what the platform's rules say to the edit.
    fn settle<I>(
        &mut self,
        selection: Selection<I>,
        secret: Option<&UserDataSecret<'_>>,
        write: impl FnOnce(&I) -> Result<Edit, EditError>,
    ) -> Result<Outcome, Outcome> {
        let (mut edit, changes_image) = match selection {
            Selection::Skip(skip) => return Err(Outcome::Skip(skip)),
            Selection::Needs(needs) => return Err(Outcome::Undecided(needs)),
            Selection::UpToDate => (Edit::default(), false),
            Selection::Update(image) => {
                let edit = write(&image).map_err(|error| {
                    self.trace
                        .step(|| Step::decided("BI-346", WRITTEN, error.to_string()));
                    blocked(Obstacle::Edit(error))
                })?;
                (edit, true)
            }
        };
        let unused_secret = self.managed_user_data(secret, &mut edit)?;
        if edit.is_empty() && !changes_image {
            return Ok(Outcome::UpToDate);
        }
        let user_data = self.user_data(secret)?;
        Ok(Outcome::Update(Update {
            edit,
            changes_image,
            user_data,
            unused_secret,
        }))
    }

    /// BI-243, BI-245, BI-350: what becomes of the stub, which is looked at only where an edit
    /// follows. Under 4.17 it is not looked at: the set moves to one that is kept up to date.
    fn user_data(
        &mut self,
        secret: Option<&UserDataSecret<'_>>,
    ) -> Result<Option<UserData>, Outcome> {
        if self.shared.context.profile == Profile::P417 {
            return Ok(None);
        }
        let secret = secret.ok_or_else(|| {
            self.trace
                .step(|| Step::decided("BI-245", STUB, "it names no Secret"));
            blocked(Obstacle::UserDataSecret(UserDataSecretError::NotSet))
        })?;
        let name = secret.name.as_deref().unwrap_or_default();
        self.findings.secret = Some(name.to_owned());
        let context = self.shared.context;
        let complete = context.completeness == Completeness::Complete
            && !context.policy.unread_secrets.contains(name);
        let outcome = match self.shared.user_data.get(name) {
            Some(outcome) => outcome.clone(),
            None if complete || name.is_empty() => Err(UserDataError::NotFound {
                secret: name.to_owned(),
            }),
            None => Ok(UserData {
                secret: name.to_owned(),
                decision: UserDataDecision::Unknown,
                from: None,
                to: None,
                digest_before: None,
                digest_after: None,
            }),
        };
        let saw = |step: Step| step.saw("Secret", Some(name));
        match outcome {
            Ok(data) => {
                self.trace
                    .step(|| saw(Step::passed("BI-352", STUB, in_words(&data))));
                Ok(Some(data))
            }
            Err(error) => {
                self.trace
                    .step(|| saw(Step::decided("BI-352", STUB, error.to_string())));
                Err(blocked(Obstacle::UserData(error)))
            }
        }
    }

    /// BI-244: under 4.17 the set boots with the user data that the operator keeps up to date,
    /// whatever it booted with; returns the name of a Secret that is not the installer's own.
    fn managed_user_data(
        &mut self,
        secret: Option<&UserDataSecret<'_>>,
        edit: &mut Edit,
    ) -> Result<Option<String>, Outcome> {
        if self.shared.context.profile != Profile::P417 {
            return Ok(None);
        }
        let at = self.resource.provider_spec_pointer();
        let before = edit.changed_pointers().count();
        use_managed_user_data(secret, at, edit).map_err(|error| {
            self.trace
                .step(|| Step::decided("BI-244", STUB, error.to_string()));
            blocked(Obstacle::UserDataSecret(error))
        })?;
        let switched = edit.changed_pointers().count() > before;
        let name = secret.and_then(|secret| secret.name.as_deref());
        Ok(name.filter(|_| switched).map(str::to_owned))
    }
}

fn in_words(data: &UserData) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_default();
    match data.decision {
        UserDataDecision::Current => format!("it is of Ignition version {}", version(&data.from)),
        UserDataDecision::Convert => {
            let (from, to) = (version(&data.from), version(&data.to));
            format!("it is converted from Ignition version {from} to {to}")
        }
        UserDataDecision::Unknown => "it is not in the input".to_owned(),
    }
}

fn blocked(obstacle: Obstacle) -> Outcome {
    Outcome::Blocked(obstacle)
}

fn describe(image: &AzureBootImage<'_>) -> Option<String> {
    Some(image.to_string()).filter(|text| !text.is_empty())
}

/// The images that differ, in their order; `None` where there is none.
fn join<'i>(images: impl Iterator<Item = &'i str>) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for image in images {
        if !seen.contains(&image) {
            seen.push(image);
        }
    }
    (!seen.is_empty()).then(|| seen.join(", "))
}
