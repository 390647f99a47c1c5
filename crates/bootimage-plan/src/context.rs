//! What holds for every target of a plan: release, platform, configuration, stream.

use bootimage_selection::vsphere::{InstallConfigError, install_config_disk_type};
use bootimage_selection::{
    Admission, AdmissionProblem, Capability, ConfigurationSource, EffectiveConfiguration,
    Enrolment, EnrolmentError, admission_problems, effective_configuration, machine_api_enrolment,
    release_of_gates,
};
use openshift_model::{
    Architecture, BootImagesConfigMap, ClusterVersion, FeatureGate, Infrastructure,
    InfrastructureSpec, Kind, MachineConfig, MachineConfigPool, MachineConfiguration,
    MachineResource, ManagedBootImages, Node, OcpVersion, Platform, Profile, Provisioning,
    RawObject, ReadError, StringMap, Text, names, raw_json,
};

use crate::gates::{GateSource, Gates, ShutGate};
use crate::next_release::{ADMIN_ACKS, ADMIN_GATES, NextRelease};
use crate::stream_text::StreamText;
use crate::{ClusterSnapshot, Completeness, Policy};

/// Everything that is looked up once for all targets.
pub(crate) struct Context<'s, 'a> {
    pub(crate) completeness: Completeness,
    pub(crate) policy: &'s Policy,
    pub(crate) profile: Profile,
    pub(crate) platform: PlatformSource,
    /// What only vSphere's rules look at; `None` on other platforms.
    pub(crate) vsphere: Option<VsphereCluster<'a>>,
    /// The region of AWS that the cluster is in.
    pub(crate) aws_region: Option<String>,
    pub(crate) capability: Capability,
    pub(crate) infrastructure_is_azure_stack: bool,
    pub(crate) configuration: EffectiveConfiguration,
    /// What MachineConfiguration has managed, whatever the policy says.
    pub(crate) of_cluster: ManagedBootImages,
    pub(crate) machine_configuration: Option<MachineConfiguration<'a>>,
    pub(crate) configuration_error: Option<ReadError>,
    /// BI-083 … BI-085: the first thing for which the API server would refuse the configuration.
    pub(crate) refused: Option<AdmissionProblem>,
    /// What the cluster's status depends on besides.
    pub(crate) cluster: ClusterState<'a>,
    pub(crate) machine_sets: Result<Enrolment, EnrolmentError>,
    pub(crate) control_plane_machine_sets: Result<Enrolment, EnrolmentError>,
    /// BI-060: the gate of the platform, where it is shut.
    pub(crate) shut_platform: Option<ShutGate>,
    /// BI-075: the gate of ControlPlaneMachineSets, where it is shut.
    pub(crate) shut_control_plane: Option<ShutGate>,
    pub(crate) cluster_version: Option<ClusterVersion<'a>>,
    pub(crate) control_plane_architecture: Architecture,
    pub(crate) stream: Option<StreamText<'a>>,
    pub(crate) warnings: Vec<String>,
    /// The objects that were read to learn all this.
    pub(crate) read: Vec<&'s RawObject<'a>>,
}

/// The object that the platform of a target is read from.
pub(crate) enum PlatformSource {
    /// Infrastructure; `None` where it does not say.
    Infrastructure(Option<Platform>),
    /// There is no Infrastructure: the kind of each provider spec tells the platform.
    Target,
}

/// What only the cluster's status depends on.
pub(crate) struct ClusterState<'a> {
    pub(crate) platform: Option<Platform>,
    pub(crate) topology: Option<Text<'a>>,
    /// Whether the gate of skew enforcement is open; `None` where the cluster does not say.
    pub(crate) skew_gate: Option<bool>,
    pub(crate) provisioning: Result<Option<Provisioning<'a>>, ReadError>,
    pub(crate) rendered: Option<MachineConfig<'a>>,
}

/// What vSphere's rules look at besides the stream.
pub(crate) struct VsphereCluster<'a> {
    pub(crate) infrastructure_name: String,
    pub(crate) spec: InfrastructureSpec<'a>,
    /// BI-333: how the installer was told to lay out disks.
    pub(crate) disk_type: Result<String, InstallConfigError>,
}

/// The snapshot's objects, sorted by identity; of the same object twice the last one counts.
pub(crate) struct Objects<'s, 'a>(Vec<&'s RawObject<'a>>);

/// Kind, namespace, name.
fn identity<'s>(object: &'s RawObject<'_>) -> (Kind, &'s str, &'s str) {
    (object.kind, &object.namespace, &object.name)
}

impl<'s, 'a> Objects<'s, 'a> {
    pub(crate) fn of(snapshot: &'s ClusterSnapshot<'a>) -> Self {
        let mut sorted: Vec<_> = snapshot.objects.iter().collect();
        // Stable, so that of equal objects the last one stays last; the one that is removed is the
        // second of the two, which therefore takes over the first one's place.
        sorted.sort_by(|a, b| identity(a).cmp(&identity(b)));
        sorted.dedup_by(|later, kept| {
            let same = identity(later) == identity(kept);
            if same {
                *kept = *later;
            }
            same
        });
        Self(sorted)
    }

    /// MachineSets and ControlPlaneMachineSets in the order of the plan.
    pub(crate) fn machine_resources(&self) -> impl Iterator<Item = &'s RawObject<'a>> {
        self.of_kind(Kind::ControlPlaneMachineSet)
            .chain(self.of_kind(Kind::MachineSet))
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'s RawObject<'a>> {
        let start = self.0.partition_point(|object| object.kind < kind);
        let rest = self.0.get(start..).unwrap_or_default().iter().copied();
        rest.take_while(move |object| object.kind == kind)
    }

    fn named(&self, kind: Kind, name: &str) -> Option<&'s RawObject<'a>> {
        // BI-409: a cluster-scoped manifest may carry a namespace, which the API ignores.
        self.of_kind(kind)
            .filter(|object| object.name.as_str() == name)
            .last()
    }

    fn config_map(&self, namespace: &str, name: &str) -> Option<&'s RawObject<'a>> {
        let wanted = (Kind::ConfigMap, namespace, name);
        let found = self
            .0
            .binary_search_by(|object| identity(object).cmp(&wanted));
        found.ok().and_then(|place| self.0.get(place)).copied()
    }
}

/// Learns what holds for all targets.
struct Reader<'s, 'a> {
    objects: &'s Objects<'s, 'a>,
    warnings: Vec<String>,
    read: Vec<&'s RawObject<'a>>,
}

impl<'a> Reader<'_, 'a> {
    /// Reads a singleton. What cannot be read counts as absent, with a warning.
    fn singleton<T>(
        &mut self,
        kind: Kind,
        name: &str,
        read: impl FnOnce(&RawObject<'a>) -> Result<T, ReadError>,
    ) -> Option<T> {
        let object = self.objects.named(kind, name)?;
        self.read.push(object);
        match read(object) {
            Ok(view) => Some(view),
            Err(error) => {
                self.warnings
                    .push(format!("{error}; the object counts as absent"));
                None
            }
        }
    }

    fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// BI-410: the profile of the policy, or else of the cluster's release.
    fn profile(&mut self, policy: &Policy, version: Option<&ClusterVersion<'a>>) -> Profile {
        if let Some(profile) = policy.profile {
            return profile;
        }
        let latest = Profile::LATEST;
        let Some(release) = version.and_then(ClusterVersion::release) else {
            self.warn(format!(
                "no ClusterVersion with a release in the input: the rules of {latest} are assumed"
            ));
            return latest;
        };
        let Some(parsed) = OcpVersion::parse(release) else {
            self.warn(format!(
                "ClusterVersion has the release {release:?}, which is no version: the rules of \
                 {latest} are assumed"
            ));
            return latest;
        };
        let profile = Profile::of_release(parsed);
        if (parsed.major, parsed.minor) < (4, 17) {
            self.warn(format!(
                "the cluster runs {release}: the rules of {profile}, the oldest there are, may not \
                 be those of its release"
            ));
        }
        profile
    }

    /// The master pool's rendered MachineConfig (BI-015, BI-016).
    fn rendered(&mut self) -> Option<MachineConfig<'a>> {
        let kind = Kind::MachineConfigPool;
        let pool = self.singleton(kind, names::MASTER_POOL, MachineConfigPool::read)?;
        let name = pool.target_configuration?;
        self.singleton(Kind::MachineConfig, &name, MachineConfig::read)
    }

    /// BI-014: where bare-metal nodes come from.
    fn provisioning(&mut self) -> Result<Option<Provisioning<'a>>, ReadError> {
        let object = self
            .objects
            .named(Kind::Provisioning, names::PROVISIONING_CONFIGURATION);
        self.read.extend(object);
        object.map(Provisioning::read).transpose()
    }

    /// What the control plane runs on: the policy, or else its nodes, or else `x86_64`.
    fn control_plane_architecture(&mut self, policy: &Policy) -> Architecture {
        if let Some(architecture) = &policy.control_plane_architecture {
            return architecture.clone();
        }
        let mut found: Option<Architecture> = None;
        for object in self.objects.of_kind(Kind::Node) {
            let Ok(node) = Node::read(object) else {
                continue;
            };
            let (true, Some(name)) = (node.is_control_plane(), &node.architecture) else {
                continue;
            };
            self.read.push(object);
            let architecture = Architecture::from_go_name(name);
            match &found {
                Some(first) if *first != architecture => {
                    let warning = format!(
                        "control plane nodes have different architectures: {first} is assumed; say \
                         otherwise with --architecture"
                    );
                    self.warnings.push(warning);
                    break;
                }
                _ => found = Some(architecture),
            }
        }
        found.unwrap_or(Architecture::X86_64)
    }

    /// BI-200: ClusterVersion tells whether there may be several; without it a set that does not
    /// say it itself is taken to be of the control plane's.
    fn warn_of_one_architecture(&mut self, architecture: &Architecture) {
        let says_nothing = |object: &RawObject<'_>| {
            let annotation = names::AUTOSCALER_LABELS_ANNOTATION;
            object
                .meta()
                .is_ok_and(|meta| meta.annotation(annotation).is_none())
        };
        if self.objects.of_kind(Kind::MachineSet).any(says_nothing) {
            self.warn(format!(
                "no ClusterVersion in the input: the cluster is taken to have a single \
                 architecture, {architecture}"
            ));
        }
    }

    /// Without Infrastructure the provider specs tell the platform.
    fn platform_of_provider_specs(&mut self) -> Option<Platform> {
        let platform = self
            .objects
            .machine_resources()
            .filter_map(|object| MachineResource::read(object).ok()?.provider_spec)
            .find_map(|spec| {
                let kind = providerspec_rewrite::kind(spec)?;
                Platform::from_provider_spec_kind(&kind)
            });
        match &platform {
            Some(platform) => self.warn(format!(
                "no Infrastructure cluster in the input: the platform is taken from the kind of \
                 each provider spec ({platform})"
            )),
            None => self.warn(
                "no Infrastructure cluster in the input, and no provider spec tells the platform",
            ),
        }
        platform
    }

    /// BI-310, BI-333: what vSphere's rules look at.
    fn vsphere(
        &mut self,
        infrastructure: &Infrastructure<'a>,
        completeness: Completeness,
    ) -> VsphereCluster<'a> {
        let spec = self
            .singleton(
                Kind::Infrastructure,
                names::CLUSTER,
                InfrastructureSpec::read,
            )
            .unwrap_or_default();
        // The same object was read for its status already.
        self.read.pop();
        let (namespace, name) = names::INSTALL_CONFIG;
        let object = self.objects.config_map(namespace, name);
        self.read.extend(object);
        let data: Option<StringMap<'a>> = object.and_then(|object| object.view("data").ok());
        let disk_type = match (&data, completeness) {
            (None, Completeness::Partial) => {
                self.warn(
                    "no ConfigMap kube-system/cluster-config-v1 in the input: a new template is \
                     assumed to take up space as its datastore does by default",
                );
                Ok(String::new())
            }
            (data, _) => install_config_disk_type(data.as_ref()),
        };
        let name = infrastructure.infrastructure_name.as_deref();
        VsphereCluster {
            infrastructure_name: name.unwrap_or_default().to_owned(),
            spec,
            disk_type,
        }
    }

    /// The platform that the cluster states, and the one that it is taken to be on.
    fn platforms(
        &mut self,
        infrastructure: Option<&Infrastructure<'a>>,
        completeness: Completeness,
    ) -> (PlatformSource, Option<Platform>) {
        let stated = infrastructure.map_or(PlatformSource::Target, |found| {
            PlatformSource::Infrastructure(found.platform())
        });
        let taken = match (&stated, completeness) {
            (PlatformSource::Infrastructure(platform), _) => platform.clone(),
            (PlatformSource::Target, Completeness::Complete) => None,
            (PlatformSource::Target, Completeness::Partial) => self.platform_of_provider_specs(),
        };
        (stated, taken)
    }

    /// BI-117 to BI-119.
    fn warn_of_next_release(
        &mut self,
        release: OcpVersion,
        platform: Option<&Platform>,
        configuration: Option<&MachineConfiguration<'_>>,
    ) {
        let next = NextRelease {
            release,
            platform,
            configuration,
            gates: self.data_of(ADMIN_GATES),
            acknowledged: self.data_of(ADMIN_ACKS),
        };
        self.warnings.extend(next.line());
    }

    /// `data` of a ConfigMap, where it is in the input.
    fn data_of(&self, (namespace, name): (&str, &str)) -> Option<StringMap<'a>> {
        self.objects.config_map(namespace, name)?.view("data").ok()
    }

    /// BI-083 … BI-085: what the API server would say of the configuration, each with a warning.
    fn admission_problems(&mut self, admission: Admission<'_>) -> Vec<AdmissionProblem> {
        let kind = Kind::MachineConfiguration;
        let managed = self.objects.named(kind, names::CLUSTER).and_then(|object| {
            let spec = object.member("spec")?.get();
            let managed = raw_json::member(spec, "managedBootImages")?;
            serde_json::from_str(managed).ok()
        });
        let problems = managed.map_or_else(Vec::new, |managed: serde_json::Value| {
            admission_problems(&managed, admission)
        });
        self.warnings
            .extend(problems.iter().map(ToString::to_string));
        problems
    }

    /// The default stream document: that of the ConfigMap, or else the first that was given.
    fn stream(&mut self, snapshot: &ClusterSnapshot<'a>) -> Option<StreamText<'a>> {
        let name = names::BOOT_IMAGES_CONFIG_MAP;
        if let Some(object) = self.objects.config_map(names::MCO_NAMESPACE, name) {
            self.read.push(object);
            return Some(match BootImagesConfigMap::read(object) {
                Ok(config_map) => StreamText::Of(config_map),
                Err(error) => StreamText::Unreadable(error),
            });
        }
        snapshot.streams.first().map(|text| StreamText::Given(text))
    }
}

/// The configuration of a selection file, which counts instead of the cluster's.
fn selected(policy: &Policy) -> Option<EffectiveConfiguration> {
    let selection = policy.selection.clone()?;
    Some(EffectiveConfiguration {
        source: ConfigurationSource::File,
        managed: selection,
        notes: Vec::new(),
    })
}

impl<'s, 'a> Context<'s, 'a> {
    /// The release that the cluster runs, where ClusterVersion tells.
    pub(crate) fn release(&self) -> Option<&str> {
        self.cluster_version.as_ref()?.release()
    }

    pub(crate) fn new(
        snapshot: &ClusterSnapshot<'a>,
        objects: &'s Objects<'s, 'a>,
        policy: &'s Policy,
    ) -> Self {
        let mut reader = Reader {
            objects,
            warnings: Vec::new(),
            read: Vec::new(),
        };
        let cluster_version =
            reader.singleton(Kind::ClusterVersion, names::VERSION, ClusterVersion::read);
        let profile = reader.profile(policy, cluster_version.as_ref());
        let release = cluster_version.as_ref().and_then(ClusterVersion::release);
        let gates = reader.singleton(Kind::FeatureGate, names::CLUSTER, FeatureGate::read);
        let gates = Gates {
            object: gates.as_ref(),
            release_name: release,
            release: release_of_gates(profile, release),
        };
        reader.warnings.extend(gates.assumption());
        let shut_control_plane = gates.shut_of_control_plane();
        let infrastructure =
            reader.singleton(Kind::Infrastructure, names::CLUSTER, Infrastructure::read);
        let aws_region = infrastructure
            .as_ref()
            .and_then(Infrastructure::aws_region)
            .map(str::to_owned);
        let azure_stack = infrastructure
            .as_ref()
            .is_some_and(Infrastructure::is_azure_stack);
        let (platform, cluster_platform) =
            reader.platforms(infrastructure.as_ref(), snapshot.completeness);
        let (capability, shut_platform) =
            open_capability(&gates, cluster_platform.as_ref(), azure_stack, profile);
        let ConfigurationRead {
            effective: configuration,
            view: machine_configuration,
            error: configuration_error,
        } = configuration(
            &mut reader,
            snapshot.completeness,
            profile,
            capability,
            shut_control_plane.is_none(),
        );
        let of_cluster = configuration.managed.clone();
        let configuration = selected(policy).unwrap_or(configuration);
        let is_complete = snapshot.completeness == Completeness::Complete;
        let mut problems = Vec::new();
        // What the operator has taken in, or a cluster holds, the API server has taken before.
        if !is_complete && configuration.source != ConfigurationSource::Status {
            let shut = shut_control_plane.as_ref();
            problems =
                reader.admission_problems(admission(profile, cluster_platform.as_ref(), shut));
        }
        // What files do not have nobody knows; a cluster without it has nothing configured.
        let is_known = machine_configuration.is_some() || is_complete;
        if let Some(release) = release.and_then(OcpVersion::parse).filter(|_| is_known) {
            let platform = cluster_platform.as_ref().filter(|_| !azure_stack);
            reader.warn_of_next_release(release, platform, machine_configuration.as_ref());
        }
        let managers = configuration.managed.machine_managers.as_deref();
        let machine_sets = machine_api_enrolment(managers, names::MACHINE_SETS);
        let control_plane_machine_sets =
            machine_api_enrolment(managers, names::CONTROL_PLANE_MACHINE_SETS);
        let control_plane_architecture = reader.control_plane_architecture(policy);
        if cluster_version.is_none() && snapshot.completeness == Completeness::Partial {
            reader.warn_of_one_architecture(&control_plane_architecture);
        }
        let on_vsphere = infrastructure
            .as_ref()
            .filter(|found| found.platform() == Some(Platform::VSphere));
        let vsphere = on_vsphere.map(|found| reader.vsphere(found, snapshot.completeness));
        let stream = reader.stream(snapshot);
        let cluster = ClusterState {
            platform: cluster_platform,
            topology: infrastructure.and_then(|found| found.control_plane_topology),
            skew_gate: gates.stated(names::SKEW_FEATURE_GATE),
            provisioning: reader.provisioning(),
            rendered: reader.rendered(),
        };
        Self {
            completeness: snapshot.completeness,
            policy,
            profile,
            platform,
            vsphere,
            aws_region,
            capability,
            infrastructure_is_azure_stack: azure_stack,
            configuration,
            of_cluster,
            machine_configuration,
            configuration_error,
            refused: problems.into_iter().find(|problem| problem.refuses),
            cluster,
            machine_sets,
            control_plane_machine_sets,
            shut_platform,
            shut_control_plane,
            cluster_version,
            control_plane_architecture,
            stream,
            warnings: reader.warnings,
            read: reader.read,
        }
    }

    /// What the API server decides by.
    pub(crate) fn admission(&self) -> Admission<'_> {
        let platform = self.cluster.platform.as_ref();
        admission(self.profile, platform, self.shut_control_plane.as_ref())
    }

    /// BI-080: what the configuration says of a kind.
    pub(crate) fn enrolment(&self, kind: Kind) -> &Result<Enrolment, EnrolmentError> {
        match kind {
            Kind::ControlPlaneMachineSet => &self.control_plane_machine_sets,
            _ => &self.machine_sets,
        }
    }

    pub(crate) fn source_in_words(&self) -> &'static str {
        match self.configuration.source {
            ConfigurationSource::Spec => "spec of MachineConfiguration cluster",
            ConfigurationSource::Status => "status of MachineConfiguration cluster",
            ConfigurationSource::Computed => {
                "what the operator would write into the status of MachineConfiguration cluster"
            }
            ConfigurationSource::File => "file of --config",
        }
    }
}

/// What the release manages on the platform, and the gate that keeps it from doing so.
fn open_capability(
    gates: &Gates<'_, '_>,
    platform: Option<&Platform>,
    azure_stack: bool,
    profile: Profile,
) -> (Capability, Option<ShutGate>) {
    let capability = Capability::of(platform, azure_stack, profile);
    let shut = gates
        .shut_of_platform(platform)
        .filter(|_| capability.machine_sets);
    match shut {
        Some(_) => (Capability::default(), shut),
        None => (capability, None),
    }
}

/// What the API server decides by. What nothing in the input shuts is not held against the
/// configuration.
fn admission<'p>(
    profile: Profile,
    platform: Option<&'p Platform>,
    shut_control_plane: Option<&ShutGate>,
) -> Admission<'p> {
    Admission {
        profile,
        platform,
        cpms_gate: shut_control_plane.is_none_or(|gate| gate.source != GateSource::Stated),
    }
}

/// BI-070 … BI-077, and what to do without a MachineConfiguration that can be read.
fn configuration<'a>(
    reader: &mut Reader<'_, 'a>,
    completeness: Completeness,
    profile: Profile,
    capability: Capability,
    cpms_gate: bool,
) -> ConfigurationRead<'a> {
    let object = reader
        .objects
        .named(Kind::MachineConfiguration, names::CLUSTER);
    let mut error = None;
    let mut view: Option<MachineConfiguration<'a>> = None;
    match object.map(|object| (object, MachineConfiguration::read(object))) {
        Some((object, Ok(configuration))) => {
            reader.read.push(object);
            view = Some(configuration);
        }
        Some((object, Err(problem))) => {
            reader.read.push(object);
            error = Some(problem);
        }
        None if completeness == Completeness::Partial => reader.warn(format!(
            "no MachineConfiguration cluster in the input: the default of {profile} is assumed"
        )),
        None => {}
    }
    let effective = effective_configuration(profile, view.as_ref(), capability, cpms_gate);
    reader
        .warnings
        .extend(effective.notes.iter().map(ToString::to_string));
    ConfigurationRead {
        effective,
        view,
        error,
    }
}

/// MachineConfiguration, and what it comes to.
struct ConfigurationRead<'a> {
    effective: EffectiveConfiguration,
    view: Option<MachineConfiguration<'a>>,
    error: Option<ReadError>,
}
