//! Tests of [`select`].

use super::*;
use openshift_model::boot_image::VsphereWorkspace;
use openshift_model::facts::{Fact, Facts};
use openshift_model::vcenter::{DiskType, TemplateImport};
use openshift_model::{NoTrace, Text};
use proptest::prelude::*;

const RELEASE: &str = "9.8.20260403-0";
const OLD: &str = "418.94.202511191518-0";
const FOLDER: &str = "/dc1/vm/c1-abc";
const STREAM: &str = r#"{"stream":"s","architectures":{
    "x86_64":{"artifacts":{"vmware":{"release":"9.8.20260403-0","formats":{"ova":{"disk":{
        "location":"https://example.com/rhcos.ova","sha256":"aa"}}}}}},
    "aarch64":{"artifacts":{"vmware":{"release":"9.8.20260403-0"}}},
    "s390x":{"artifacts":{}}}}"#;
const PLATFORM: &str = r#"{"vcenters":[{"server":"vcenter.example.com"}],"failureDomains":[
    {"name":"fd1","server":"vcenter.example.com","topology":{"datacenter":"dc1",
     "datastore":"/dc1/datastore/ds1","computeCluster":"/dc1/host/cluster1",
     "networks":["VM Network"],"resourcePool":"/dc1/host/cluster1//Resources"}}]}"#;
const NO_DOMAINS: &str = r#"{"vcenters":[],"failureDomains":null}"#;

/// A set that is cloned from `template`.
fn set(template: &str) -> VsphereBootImage<'_> {
    VsphereBootImage {
        template: template.into(),
        workspace: VsphereWorkspace {
            server: "vcenter.example.com".into(),
            datacenter: "dc1".into(),
            folder: FOLDER.into(),
            datastore: "/dc1/datastore/ds1".into(),
            resource_pool: "/dc1/host/cluster1/Resources".into(),
            vm_group: "".into(),
        },
        tag_ids: vec!["urn:a".into()],
        network: "VM Network".into(),
    }
}

/// A machine: path, version.
fn machine(path: &str, version: &str) -> VsphereMachine {
    VsphereMachine {
        path: path.to_owned(),
        version: version.to_owned(),
        thin_provisioned: Some(true),
        eagerly_scrub: None,
    }
}

fn found(machines: &[(&str, &str)]) -> Answer<VsphereMachines> {
    Answer::Found(VsphereMachines {
        folder_path: Some(FOLDER.to_owned()),
        machines: machines
            .iter()
            .map(|(path, version)| machine(path, version))
            .collect(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "reads better at the call")]
fn asked(machines: &[(&str, &str)]) -> Option<Answer<VsphereMachines>> {
    Some(found(machines))
}

/// A cluster and what its vCenter said.
struct Cluster {
    name: &'static str,
    platform: Option<&'static str>,
    architecture: Architecture,
    disk_type: Result<String, InstallConfigError>,
    answer: Option<Answer<VsphereMachines>>,
    /// What it was asked; `None`: what a set of the failure domain asks.
    asked: Option<VsphereSearch>,
    names: TemplateNames,
}

/// What the vCenter is asked.
fn asked_for(image: &VsphereBootImage<'_>, cluster: &Cluster) -> VsphereSearch {
    let computed = computed_name(cluster.name, "fd1");
    match cluster.names {
        TemplateNames::Content => search(image, &computed, &content_name(&computed, RELEASE)),
        TemplateNames::Stock => search(image, &computed, &computed),
    }
}

fn cluster(answer: Option<Answer<VsphereMachines>>) -> Cluster {
    Cluster {
        name: "c1-abc",
        platform: Some(PLATFORM),
        architecture: Architecture::X86_64,
        disk_type: Ok("thick".to_owned()),
        answer,
        asked: None,
        names: TemplateNames::Stock,
    }
}

fn run(
    image: &VsphereBootImage<'_>,
    cluster: &Cluster,
) -> Result<Selection<VsphereUpdate>, VsphereError> {
    let stream = Stream::parse(STREAM).unwrap();
    let platform = cluster
        .platform
        .map(|text| serde_json::from_str(text).unwrap());
    let mut facts = Facts::default();
    if let Some(answer) = &cluster.answer {
        facts.insert(Fact::VsphereTemplate {
            search: cluster
                .asked
                .clone()
                .unwrap_or_else(|| asked_for(image, cluster)),
            answer: answer.clone(),
        });
    }
    let context = VsphereContext {
        stream: &stream,
        infrastructure_name: cluster.name,
        platform: platform.as_ref(),
        disk_type: &cluster.disk_type,
        template_names: cluster.names,
        facts: facts.of_cluster(None),
    };
    let mut steps = Vec::new();
    let found = select(image, &cluster.architecture, &context, &mut steps);
    let silent = select(image, &cluster.architecture, &context, &mut NoTrace);
    assert_eq!(found, silent);
    let ends_early = !matches!(found, Ok(Selection::UpToDate | Selection::Update(_)));
    assert_eq!(!steps.last().unwrap().passed, ends_early, "{steps:?}");
    found
}

/// The import of the release's template under a name, in the place of an old one.
fn imported(name: &str, replaces: Option<&str>) -> VcenterStep {
    VcenterStep::ImportTemplate(Box::new(TemplateImport {
        server: "vcenter.example.com".into(),
        datacenter: "dc1".into(),
        ova: "https://example.com/rhcos.ova".into(),
        sha256: "aa".into(),
        release: RELEASE.into(),
        name: name.into(),
        temporary_name: replacement_name("mco-tmp", name),
        retired_name: replacement_name("mco-old", name),
        replaces: replaces.map(str::to_owned),
        folder: FOLDER.into(),
        compute_cluster: "/dc1/host/cluster1".into(),
        resource_pool: "/dc1/host/cluster1/Resources".into(),
        network: "/dc1/host/cluster1/VM Network".into(),
        datastore: "/dc1/datastore/ds1".into(),
        disk_type: Some(match replaces {
            Some(_) => DiskType::Thin,
            None => DiskType::Thick,
        }),
        tags: vec!["c1-abc".into(), "urn:a".into()],
    }))
}

fn check(template: &str, machines: &[(&str, &str)], expected: (&str, Vec<VcenterStep>)) {
    let found = run(&set(template), &cluster(asked(machines)));
    let (template, steps) = expected;
    let update = VsphereUpdate {
        template: template.to_owned(),
        release: RELEASE.to_owned(),
        steps,
    };
    assert_eq!(found, Ok(Selection::Update(update)), "{machines:?}");
}

fn check_up_to_date(template: &str, machines: &[(&str, &str)]) {
    let found = run(&set(template), &cluster(asked(machines)));
    assert_eq!(found, Ok(Selection::UpToDate), "{template} {machines:?}");
}

fn check_error(image: &VsphereBootImage<'_>, cluster: &Cluster, expected: &str) {
    assert_eq!(run(image, cluster).unwrap_err().to_string(), expected);
}

const OWN: &str = "/dc1/vm/c1-abc/c1-abc-rhcos-fd1";

#[test]
fn bi_349_the_worked_examples() {
    let name = "c1-abc-rhcos-fd1";
    check(name, &[(OWN, OLD)], (name, vec![imported(name, Some(OWN))]));
    let older_installers = "/dc1/vm/c1-abc/c1-abc-rhcos";
    let step = imported("c1-abc-rhcos", Some(older_installers));
    check(
        "c1-abc-rhcos",
        &[(older_installers, OLD)],
        ("c1-abc-rhcos", vec![step]),
    );
    for template in ["", "gone"] {
        check(template, &[(OWN, RELEASE)], (name, vec![]));
    }
}

#[test]
fn bi_323_a_template_of_the_release_is_up_to_date() {
    check_up_to_date("c1-abc-rhcos-fd1", &[(OWN, RELEASE)]);
    let path = "/dc1/vm/c1-abc/other-name";
    check_up_to_date("other-name", &[(path, RELEASE)]);
    check_up_to_date(path, &[(path, RELEASE)]);
    // BI-317: what the provider spec names goes before the computed name.
    check_up_to_date("other-name", &[(OWN, OLD), (path, RELEASE)]);
}

#[test]
fn bi_317_bi_318_a_customers_template_is_left_alone() {
    let name = "c1-abc-rhcos-fd1";
    let elsewhere = "/dc1/vm/customer/template";
    check(
        "template",
        &[(elsewhere, OLD)],
        (name, vec![imported(name, None)]),
    );
    check(
        elsewhere,
        &[(elsewhere, OLD)],
        (name, vec![imported(name, None)]),
    );
    let same_name = "/dc1/vm/customer/c1-abc-rhcos-fd1";
    check(
        name,
        &[(same_name, OLD)],
        (name, vec![imported(name, None)]),
    );
    check_up_to_date(name, &[(same_name, OLD), (OWN, RELEASE)]);
}

#[test]
fn bi_318_without_a_folder_a_name_has_to_be_the_only_one() {
    let nowhere = |machines: &[(&str, &str)]| {
        Some(found(machines).map(|found| VsphereMachines {
            folder_path: None,
            ..found
        }))
    };
    let other = "/dc1/vm/other/c1-abc-rhcos-fd1";
    let one = cluster(nowhere(&[(other, RELEASE)]));
    assert_eq!(run(&set("c1-abc-rhcos-fd1"), &one), Ok(Selection::UpToDate));
    check_error(
        &set("c1-abc-rhcos-fd1"),
        &cluster(nowhere(&[(other, RELEASE), (OWN, RELEASE)])),
        "finder had error: path 'c1-abc-rhcos-fd1' resolves to multiple vms",
    );
    // BI-317: of another name it is no error.
    let twins = [("/dc1/vm/a/t", OLD), ("/dc1/vm/b/t", OLD), (OWN, RELEASE)];
    let Ok(Selection::Update(update)) = run(&set("t"), &cluster(nowhere(&twins))) else {
        panic!("it gets the computed name")
    };
    assert_eq!(
        (update.template.as_str(), update.steps.len()),
        ("c1-abc-rhcos-fd1", 0)
    );
}

#[test]
fn bi_319_an_interrupted_replacement_is_taken_back() {
    let name = "c1-abc-rhcos-fd1";
    let retired = format!("{FOLDER}/{}", replacement_name("mco-old", name));
    let rename = VcenterStep::RenameTemplate {
        server: "vcenter.example.com".into(),
        path: retired.clone(),
        name: name.into(),
    };
    let import = imported(name, Some(OWN));
    check(
        name,
        &[(&retired, OLD)],
        (name, vec![rename.clone(), import]),
    );
    check(name, &[(&retired, RELEASE)], (name, vec![rename.clone()]));
    check("gone", &[(&retired, RELEASE)], (name, vec![rename]));
}

#[test]
fn bi_320_without_a_template_one_is_imported() {
    let name = "c1-abc-rhcos-fd1";
    check(name, &[], (name, vec![imported(name, None)]));
    let not_found = cluster(Some(Answer::NotFound));
    let Ok(Selection::Update(update)) = run(&set(""), &not_found) else {
        panic!("it is imported")
    };
    assert_eq!(update.steps, [imported(name, None)]);
}

#[test]
fn bi_320_bi_333_a_new_template_needs_a_disk_type() {
    let with = |disk_type| Cluster {
        disk_type,
        ..cluster(asked(&[]))
    };
    let no_config_map = with(Err(InstallConfigError::NoConfigMap));
    check_error(
        &set(""),
        &no_config_map,
        "failed to determine disk provisioning type for new template c1-abc-rhcos-fd1: failed to \
         fetch cluster-config-v1 configmap: configmaps \"cluster-config-v1\" not found",
    );
    let other = with(Ok("other".to_owned()));
    check_error(
        &set(""),
        &other,
        r#"disk provisioning type "other" is not supported"#,
    );
    for (text, expected) in [
        ("", None),
        ("thin", Some(DiskType::Thin)),
        ("eagerZeroedThick", Some(DiskType::EagerZeroedThick)),
    ] {
        let Ok(Selection::Update(update)) = run(&set(""), &with(Ok(text.to_owned()))) else {
            panic!("it is imported")
        };
        let [VcenterStep::ImportTemplate(import)] = update.steps.as_slice() else {
            panic!("{update:?}")
        };
        assert_eq!(import.disk_type, expected, "{text}");
    }
    // BI-332: that of an existing one is known.
    let old = Cluster {
        answer: asked(&[(OWN, OLD)]),
        ..no_config_map
    };
    assert!(matches!(run(&set(""), &old), Ok(Selection::Update(_))));
}

#[test]
fn bi_321_w_28_a_template_that_does_not_say_its_release() {
    let name = "c1-abc-rhcos-fd1";
    check_error(
        &set(name),
        &cluster(asked(&[(OWN, "")])),
        "unable to determine RHCOS version of virtual machine: c1-abc-rhcos-fd1",
    );
    check_error(
        &set("gone"),
        &cluster(asked(&[(OWN, "")])),
        "unable to determine RHCOS version of virtual machine: gone",
    );
    let found = run(
        &set("by-hand"),
        &cluster(asked(&[("/dc1/vm/c1-abc/by-hand", "")])),
    );
    let skip = Skip::CustomImage {
        image: "by-hand".to_owned(),
    };
    assert_eq!(found, Ok(Selection::Skip(skip)));
}

#[test]
fn bi_310_without_a_platform_spec_the_set_is_left_alone() {
    for architecture in [Architecture::X86_64, Architecture::S390x] {
        let unknown = Cluster {
            platform: None,
            architecture,
            ..cluster(None)
        };
        let found = run(&set("t"), &unknown);
        assert_eq!(found, Ok(Selection::Skip(Skip::NoVspherePlatform)));
    }
}

#[test]
fn bi_310_without_a_template_in_the_stream_it_is_an_error() {
    for (architecture, expected) in [
        ("riscv64", "stream:s does not have architecture 'riscv64'"),
        ("s390x", "s/s390x: artifact 'vmware' not found"),
        (
            "aarch64",
            "s/aarch64: artifact 'vmware' format 'ova' disk not found",
        ),
    ] {
        let cluster = Cluster {
            architecture: Architecture::from_rpm_name(architecture),
            ..cluster(asked(&[(OWN, OLD)]))
        };
        check_error(&set("t"), &cluster, expected);
    }
}

#[test]
fn t_09_bi_314_without_a_failure_domain_the_set_is_left_alone() {
    let mut image = set("t");
    let nowhere = Cluster {
        platform: Some(NO_DOMAINS),
        ..cluster(None)
    };
    let text = |image: &VsphereBootImage<'_>, cluster: &Cluster| match run(image, cluster) {
        Ok(Selection::Skip(skip)) => skip.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(&image, &nowhere),
        "Skipping boot image update: providerSpec workspace (server: vcenter.example.com, \
         datacenter: dc1, datastore: /dc1/datastore/ds1, resourcePool: \
         /dc1/host/cluster1/Resources) does not match any vCenter/failure domain in the \
         Infrastructure object, and its vCenter is none of those that Infrastructure lists. Boot \
         image must be updated manually for this MachineSet."
    );
    image.workspace.vm_group = "g".into();
    image.network = "".into();
    let listed = text(&image, &cluster(None));
    assert!(
        listed.contains("/dc1/host/cluster1/Resources, vmGroup: g) does not"),
        "{listed}"
    );
    image.workspace = VsphereWorkspace::default();
    let listed = text(&image, &cluster(None));
    assert!(
        listed.contains("(server: , datacenter: , datastore: , resourcePool: )"),
        "{listed}"
    );
}

#[test]
fn bi_314_without_a_failure_domain_the_provider_spec_says_where_the_template_belongs() {
    let mut image = set("c1-abc-rhcos-fd1");
    image.workspace.datastore = "/dc1/datastore/ds2".into();
    image.network = "/dc1/network/other".into();
    let needs = match run(&image, &cluster(None)) {
        Ok(Selection::Needs(needs)) => needs,
        other => panic!("{other:?}"),
    };
    let [FactRequest::VsphereTemplate(search)] = needs.as_slice() else {
        panic!("{needs:?}")
    };
    let own = search.names.get(1).unwrap();
    assert!(own.starts_with("c1-abc-rhcos-workspace-"), "{search:?}");
    let answered = Cluster {
        asked: Some(search.clone()),
        ..cluster(asked(&[(OWN, OLD)]))
    };
    let Ok(Selection::Update(update)) = run(&image, &answered) else {
        panic!("its own template is replaced, as with a failure domain")
    };
    let [VcenterStep::ImportTemplate(import)] = update.steps.as_slice() else {
        panic!("{update:?}")
    };
    assert_eq!(import.name, "c1-abc-rhcos-fd1");
    assert_eq!(import.compute_cluster, "/dc1/host/cluster1");
    assert_eq!(import.network, "/dc1/network/other");
    assert_eq!(import.datastore, "/dc1/datastore/ds2");
}

#[test]
fn bi_317_what_nobody_looked_up_is_asked_for() {
    for (template, names) in [
        ("t", vec!["t"]),
        ("/dc1/vm/f/t", vec!["t"]),
        ("c1-abc-rhcos-fd1", vec![]),
        ("", vec![]),
    ] {
        let Ok(Selection::Needs(needs)) = run(&set(template), &cluster(None)) else {
            panic!("{template} is asked for")
        };
        let retired = replacement_name("mco-old", "c1-abc-rhcos-fd1");
        let names = names.into_iter().chain(["c1-abc-rhcos-fd1", &retired]);
        let asked = FactRequest::VsphereTemplate(VsphereSearch {
            server: "vcenter.example.com".to_owned(),
            datacenter: "dc1".to_owned(),
            folder: FOLDER.to_owned(),
            names: names.map(str::to_owned).collect(),
        });
        assert_eq!(needs, [asked], "{template}");
    }
}

#[test]
fn bi_312_a_vcenter_that_refuses_is_an_error() {
    let refused = cluster(Some(Answer::Denied("Cannot complete login".to_owned())));
    check_error(&set("t"), &refused, "Cannot complete login");
}

#[test]
fn bi_320_bi_322_a_name_that_a_vcenter_does_not_take_is_an_error() {
    let long = "x".repeat(81);
    let expected =
        format!("length of VM template name `{long}` exceeds the permitted limit of 80 characters");
    let path = format!("{FOLDER}/{long}");
    check_error(&set(&long), &cluster(asked(&[(&path, OLD)])), &expected);
    let fits = long.strip_prefix('x').unwrap();
    let path = format!("{FOLDER}/{fits}");
    check(
        fits,
        &[(&path, OLD)],
        (fits, vec![imported(fits, Some(&path))]),
    );
}

proptest! {
    #[test]
    fn no_input_panics_and_an_update_leads_to_up_to_date(
        template in "(t|c1-abc-rhcos-fd1|/dc1/vm/c1-abc/t|\\PC{0,9})",
        path in "(/dc1/vm/c1-abc/t|/dc1/vm/c1-abc/c1-abc-rhcos-fd1|/dc1/vm/o/t|[t/.]{0,6}|\\PC{0,9})",
        version in "(9.8.20260403-0|[0-9.]{0,3})",
        folder in prop::option::of("(/dc1/vm/c1-abc|\\PC{0,5})"),
    ) {
        let answer = Answer::Found(VsphereMachines {
            folder_path: folder,
            machines: vec![machine(&path, &version)],
        });
        let image = VsphereBootImage { template: Text::from(template.as_str()), ..set("") };
        if let Ok(Selection::Update(update)) = run(&image, &cluster(Some(answer))) {
            let done = format!("{FOLDER}/{}", base_name(&update.template));
            let after = asked(&[(&done, RELEASE)]);
            let image = VsphereBootImage { template: update.template.into(), ..set("") };
            if image.template.starts_with('/') || image.template.contains("..") {
                return Ok(());
            }
            prop_assert_eq!(run(&image, &cluster(after)), Ok(Selection::UpToDate));
        }
    }
}

/// Where names say the release. Expected: the template afterwards, and whether it is imported.
fn check_by_content(
    template: &str,
    machines: &[(&str, &str)],
    expected: &Result<(&str, bool), Selection<()>>,
) {
    let cluster = Cluster {
        names: TemplateNames::Content,
        ..cluster(asked(machines))
    };
    let found = match run(&set(template), &cluster).unwrap() {
        Selection::Update(update) => {
            for step in &update.steps {
                let VcenterStep::ImportTemplate(import) = step else {
                    panic!("{step:?}")
                };
                assert_eq!(
                    (import.name.as_str(), &import.replaces),
                    (&*update.template, &None)
                );
            }
            Ok((update.template, !update.steps.is_empty()))
        }
        Selection::UpToDate => Err(Selection::UpToDate),
        Selection::Skip(skip) => Err(Selection::Skip(skip)),
        Selection::Needs(needs) => Err(Selection::Needs(needs)),
    };
    let found = found
        .as_ref()
        .map(|(name, imports)| (name.as_str(), *imports));
    assert_eq!(found, expected.as_ref().copied(), "{template} {machines:?}");
}

#[test]
fn bi_320_a_template_whose_name_says_its_release_stands_beside_the_old_one() {
    let name = "c1-abc-rhcos-fd1-9.8.20260403-0";
    let path = "/dc1/vm/c1-abc/c1-abc-rhcos-fd1-9.8.20260403-0";
    let own = "c1-abc-rhcos-fd1";
    check_by_content(own, &[(OWN, OLD)], &Ok((name, true)));
    // Shared with another set, or interrupted before the set was moved to it.
    check_by_content(own, &[(OWN, OLD), (path, RELEASE)], &Ok((name, false)));
    check_by_content("gone", &[(path, RELEASE)], &Ok((name, false)));
    check_by_content("", &[], &Ok((name, true)));
    check_by_content(name, &[(path, RELEASE)], &Err(Selection::UpToDate));
    // Of the release already, whatever it is called: nothing is imported for a name.
    check_by_content(own, &[(OWN, RELEASE)], &Err(Selection::UpToDate));
    let custom = "/dc1/vm/c1-abc/custom";
    check_by_content("custom", &[(custom, OLD)], &Ok((name, true)));
    check_by_content("custom", &[(custom, RELEASE)], &Err(Selection::UpToDate));
    let skip = Skip::CustomImage {
        image: "custom".to_owned(),
    };
    check_by_content("custom", &[(custom, "")], &Err(Selection::Skip(skip)));
    // Deleted while it was uploaded, or a customer's of the same name: it is imported.
    let elsewhere = "/dc1/vm/customer/c1-abc-rhcos-fd1-9.8.20260403-0";
    check_by_content(own, &[(OWN, OLD), (elsewhere, RELEASE)], &Ok((name, true)));
}

#[test]
fn bi_320_bi_332_where_names_say_the_release_the_disk_is_as_that_of_the_old_template() {
    let cluster = |machines, disk_type| Cluster {
        names: TemplateNames::Content,
        disk_type,
        ..cluster(asked(machines))
    };
    let no_config_map = || Err(InstallConfigError::NoConfigMap);
    let own = set("c1-abc-rhcos-fd1");
    let Ok(Selection::Update(update)) = run(&own, &cluster(&[(OWN, OLD)], no_config_map())) else {
        panic!("it is imported")
    };
    let [VcenterStep::ImportTemplate(import)] = update.steps.as_slice() else {
        panic!("{update:?}")
    };
    assert_eq!(import.disk_type, Some(DiskType::Thin));
    check_error(
        &own,
        &cluster(&[], no_config_map()),
        "failed to determine disk provisioning type for new template \
         c1-abc-rhcos-fd1-9.8.20260403-0: failed to fetch cluster-config-v1 configmap: configmaps \
         \"cluster-config-v1\" not found",
    );
    check_error(
        &own,
        &cluster(&[(OWN, "")], Ok(String::new())),
        "unable to determine RHCOS version of virtual machine: c1-abc-rhcos-fd1",
    );
    let long = Cluster {
        name: "infrastructure-name-that-is-so-long-that-the-release-no-longer-fits-x",
        ..cluster(&[], Ok(String::new()))
    };
    let error = run(&own, &long).unwrap_err();
    assert!(matches!(error, VsphereError::NameTooLong { .. }), "{error}");
}
