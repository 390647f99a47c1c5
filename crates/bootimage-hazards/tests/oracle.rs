//! Each hazard on a made-up cluster where it bites, and on one where it does not.
#![expect(
    clippy::panic,
    reason = "a test stops where something is not as it should be"
)]

mod new_nodes;

use std::collections::BTreeSet;

use Condition::{
    AmiWithdrawn, AwsM4, AzureGeneration1, AzureMarketplace, AzureVersionRetired, Disk4k,
    El10NodeOs, GcpNewMachineType, HardwareBelow15, ImdsV2Required, LargeBootContent,
    MultiArchPayload, NamedInterfaces, NewerIgnitionFeature, OwnUserData, RevocationListUpdated,
    SecureBoot, SignaturePolicy, StubSpec2, Uefi, VsphereFrom8,
};
use bootimage_hazards::{Assessment, Certainty, Condition, HazardTable, Verdict};
use new_nodes::assess;

/// Hazard, where it bites, where it does not, and the conditions that hold in both.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [Condition],
);

const RHCOS: &[Row] = &[
    (
        "secure-boot-old-shim",
        "415.92.202402130021-0 4.22.1 GCP x86_64",
        "416.94.202406251923-0 4.22.1 GCP x86_64",
        &[SecureBoot],
    ),
    (
        "secure-boot-old-shim",
        "414.92.202310170514-0 4.22.0 VSphere aarch64",
        "414.92.202310170514-0 4.21.9 VSphere aarch64",
        &[SecureBoot],
    ),
    (
        "rpm-ostree-2023-3-rebase",
        "413.92.202305021736-0 4.23.0 AWS x86_64",
        "413.92.202305021736-0 4.22.9 AWS x86_64",
        &[],
    ),
    (
        "rpm-ostree-2023-3-rebase",
        "414.92.202310170514-0 5.0.1 GCP x86_64",
        "415.92.202402130021-0 5.0.1 GCP x86_64",
        &[],
    ),
    (
        "rhel8-image-mcd-removed",
        "412.86.202209302317-0 5.0.0 GCP x86_64",
        "412.86.202209302317-0 4.22.3 GCP x86_64",
        &[],
    ),
    (
        "rhel8-image-mcd-removed",
        "413.86.202302150245-0 4.23.0 GCP x86_64",
        "413.92.202305021736-0 4.23.0 GCP x86_64",
        &[],
    ),
    (
        "rhel8-image-to-rhel10-stream",
        "410.84.202201251210-0 4.21.2 GCP x86_64",
        "410.84.202201251210-0 4.21.1 GCP x86_64",
        &[El10NodeOs],
    ),
    (
        "composefs-required-el10",
        "418.94.202501221327-0 4.22.0 AWS x86_64",
        "9.6.20250523-0 4.22.0 AWS x86_64",
        &[El10NodeOs],
    ),
    (
        "aarch64-old-grub",
        "412.86.202210031918-0 4.19.0 AWS aarch64",
        "412.86.202210031918-0 4.19.0 AWS x86_64",
        &[],
    ),
    (
        "stub-spec2-on-new-image",
        "46.82.202011260640-0 4.20.0 AWS x86_64",
        "45.82.202007141718-0 4.20.0 AWS x86_64",
        &[StubSpec2],
    ),
    (
        "ignition-feature-too-new",
        "418.94.202501221327-0 4.20.0 AWS x86_64",
        "9.6.20250523-0 4.20.0 AWS x86_64",
        &[NewerIgnitionFeature],
    ),
    (
        "sigstore-policy-old-podman",
        "411.86.202207150124-0 4.17.33 AWS x86_64",
        "411.86.202207150124-0 4.17.34 AWS x86_64",
        &[SignaturePolicy],
    ),
    (
        "sigstore-policy-old-podman",
        "411.86.202207150124-0 4.18.2 AWS x86_64",
        "412.86.202209302317-0 4.18.2 AWS x86_64",
        &[SignaturePolicy],
    ),
    (
        "skopeo-multiarch-sigstore",
        "9.6.20250523-0 4.22.0 AWS x86_64",
        "9.8.20260403-0 4.22.0 AWS x86_64",
        &[MultiArchPayload],
    ),
    (
        "rpm-ostree-no-container",
        "411.86.202207150124-0 4.12.0 AWS x86_64",
        "412.86.202209302317-0 4.12.0 AWS x86_64",
        &[],
    ),
    (
        "os-pivot-extra-time",
        "411.86.202207150124-0 4.12.0 AWS x86_64",
        "413.92.202305021736-0 4.12.0 AWS x86_64",
        &[],
    ),
    (
        "os-release-rhel-version-41-42",
        "42.80.20190725.1 4.16.2 AWS x86_64",
        "42.80.20190725.1 4.16.3 AWS x86_64",
        &[],
    ),
    (
        "composefs-grub-probe-41-42",
        "410.8.20190520.0 4.19.4 AWS x86_64",
        "43.81.202001142154.0 4.19.4 AWS x86_64",
        &[],
    ),
    (
        "aws-imdsv2-required",
        "46.82.202011260640-0 4.20.0 AWS x86_64",
        "48.84.202107202156-0 4.20.0 AWS x86_64",
        &[ImdsV2Required],
    ),
    (
        "aws-imdsv2-required",
        "47.83.202103251640-0 4.20.0 AWS x86_64",
        "46.82.202011260640-0 4.20.0 GCP x86_64",
        &[ImdsV2Required],
    ),
    (
        "aws-ami-unshared",
        "413.92.202305021736-0 4.20.0 AWS x86_64",
        "9.6.20250523-0 4.20.0 AWS x86_64",
        &[AmiWithdrawn],
    ),
    (
        "azure-marketplace-image-deprecated",
        "412.92.20231021 4.20.0 Azure x86_64",
        "412.92.20231021 4.20.0 GCP x86_64",
        &[AzureMarketplace, AzureVersionRetired],
    ),
    (
        "azure-gen1-removed",
        "9.8.20260403-0 5.0.0 Azure x86_64",
        "9.8.20260403-0 4.22.0 Azure x86_64",
        &[AzureGeneration1],
    ),
    (
        "vsphere-hw-version",
        "410.84.202201251210-0 4.11.0 VSphere x86_64",
        "411.86.202207150124-0 4.11.0 VSphere x86_64",
        &[HardwareBelow15],
    ),
    (
        "nic-rename",
        "412.86.202209302317-0 4.13.0 BareMetal x86_64",
        "413.92.202305021736-0 4.13.0 BareMetal x86_64",
        &[NamedInterfaces],
    ),
    (
        "nic-rename",
        "9.6.20250523-0 4.22.0 None x86_64",
        "10.2.20260405-0 4.22.0 None x86_64",
        &[NamedInterfaces, El10NodeOs],
    ),
    (
        "aws-41-no-afterburn",
        "410.8.20190520.0 4.11.32 AWS x86_64",
        "410.8.20190520.0 4.11.33 AWS x86_64",
        &[],
    ),
    (
        "podman-no-authfile-41",
        "410.8.20190520.0 4.12.8 GCP x86_64",
        "42.80.20190725.1 4.12.8 GCP x86_64",
        &[],
    ),
    (
        "podman-manifest-list-digest",
        "42.80.20190725.1 4.20.0 GCP x86_64",
        "43.80.20191002.1 4.20.0 GCP x86_64",
        &[MultiArchPayload],
    ),
    (
        "firstboot-command-42",
        "42.80.20190725.1 4.4.9 AWS x86_64",
        "42.80.20190725.1 4.5.0 AWS x86_64",
        &[],
    ),
    (
        "secure-boot-dbx",
        "45.82.202007141718-0 4.12.0 AWS x86_64",
        "46.82.202011260640-0 4.12.0 AWS x86_64",
        &[SecureBoot, RevocationListUpdated],
    ),
    (
        "aws-m4-no-network",
        "414.92.202310160514-0 4.14.0 AWS x86_64",
        "414.92.202310170514-0 4.14.0 AWS x86_64",
        &[AwsM4],
    ),
    (
        "aws-m4-no-network",
        "415.92.202310170228-0 4.15.0 AWS x86_64",
        "415.92.202310170229-0 4.15.0 AWS x86_64",
        &[AwsM4],
    ),
    (
        "gcp-new-machine-types",
        "417.94.202501301529-0 4.20.0 GCP x86_64",
        "418.94.202501221327-0 4.20.0 GCP x86_64",
        &[GcpNewMachineType],
    ),
    (
        "vsphere-old-image-guestinfo",
        "46.82.202011260640-0 4.12.0 VSphere x86_64",
        "412.86.202209302317-0 4.12.0 VSphere x86_64",
        &[VsphereFrom8],
    ),
    (
        "boot-partition-small",
        "9.6.20250523-0 4.19.0 GCP x86_64",
        "9.6.20250523-0 4.18.0 GCP x86_64",
        &[LargeBootContent],
    ),
    (
        "metal-4kn",
        "9.6.20250523-0 4.19.0 BareMetal x86_64",
        "9.6.20250523-0 4.19.0 GCP x86_64",
        &[Disk4k],
    ),
    (
        "mcs-ca-stale-stub",
        "9.6.20250523-0 4.19.0 GCP x86_64",
        "9.6.20250523-0 4.18.0 GCP x86_64",
        &[OwnUserData],
    ),
    (
        "ci-96-image-on-422-hang",
        "9.6.20250826-0 4.22.0 GCP x86_64",
        "9.6.20250827-0 4.22.0 GCP x86_64",
        &[],
    ),
];

const OKD: &[Row] = &[
    (
        "composefs-required-el10",
        "39.20240210.3.0 4.20.0-okd-scos.1 OpenStack x86_64",
        "39.20240210.3.0 4.19.0-okd-scos.1 OpenStack x86_64",
        &[],
    ),
    (
        "composefs-required-el10",
        "9.0.20250510-0 4.20.0-okd-scos.1 GCP x86_64",
        "10.0.20251103-0 4.20.0-okd-scos.1 GCP x86_64",
        &[],
    ),
    (
        "okd-fcos-composefs-419",
        "39.20240210.3.0 4.19.0-okd-scos.1 OpenStack x86_64",
        "39.20240210.3.0 4.19.0-okd-scos.5 OpenStack x86_64",
        &[],
    ),
    (
        "okd-fcos-ext4-features",
        "39.20240210.3.0 4.17.0-okd-scos.0 None x86_64",
        "38.20230414.3.0 4.17.0-okd-scos.0 None x86_64",
        &[],
    ),
    (
        "okd-fcos-42-semodule",
        "42.20250410.3.0 4.18.0-okd-scos.4 None x86_64",
        "39.20240210.3.0 4.18.0-okd-scos.4 None x86_64",
        &[],
    ),
    (
        "okd-grub-vendor-dir",
        "39.20240210.3.0 4.22.0-okd-scos.6 None x86_64",
        "39.20240210.3.0 4.22.0-okd-scos.5 None x86_64",
        &[Uefi],
    ),
    (
        "okd-secure-boot-scos9",
        "39.20240210.3.0 4.18.0-okd-scos.4 VSphere x86_64",
        "9.0.20250510-0 4.18.0-okd-scos.4 VSphere x86_64",
        &[SecureBoot],
    ),
    (
        "fcos-secure-boot-shim-f38",
        "38.20230414.3.0 4.15.0-0.okd-2024-03-10-010116 VSphere x86_64",
        "39.20240210.3.0 4.15.0-0.okd-2024-03-10-010116 VSphere x86_64",
        &[SecureBoot],
    ),
    (
        "vsphere-old-image-guestinfo",
        "34.20210626.3.0 4.12.0-0.okd-2023-03-18-084815 VSphere x86_64",
        "38.20230414.3.0 4.12.0-0.okd-2023-03-18-084815 VSphere x86_64",
        &[VsphereFrom8],
    ),
    (
        "okd-extension-in-base",
        "33.20210104.3.0 4.7.0-0.okd-2021-03-28-152009 None x86_64",
        "33.20210104.3.0 4.8.0-0.okd-2021-10-24-061736 None x86_64",
        &[],
    ),
    (
        "okd-selinux-relabel",
        "34.20210626.3.0 4.12.0-0.okd-2023-03-18-084815 None x86_64",
        "37.20230205.3.0 4.12.0-0.okd-2023-03-18-084815 None x86_64",
        &[],
    ),
];

fn met(found: &Assessment, id: &str) -> Option<Certainty> {
    let hazard = found.hazards.iter().find(|hazard| hazard.id == id);
    hazard.map(|hazard| hazard.certainty)
}

fn check(table: &HazardTable, row: &Row) {
    let (id, bites, does_not, conditions) = *row;
    let hold: Vec<_> = conditions
        .iter()
        .map(|condition| (*condition, true))
        .collect();
    let found = assess(table, bites, &hold);
    let certainty = met(&found, id).unwrap_or_else(|| panic!("{id} bites {bites}: {found:?}"));
    assert!(certainty >= Certainty::Possible, "{id} {bites}");
    let found = assess(table, does_not, &hold);
    assert_eq!(met(&found, id), None, "{id} does not bite {does_not}");
    assert!(!found.undecided.contains(&id.to_owned()), "{id} {does_not}");
    // Each condition on its own clears it, and none known leaves it open.
    for clear in conditions {
        let hold: Vec<_> = conditions
            .iter()
            .map(|condition| (*condition, condition != clear))
            .collect();
        assert_eq!(
            met(&assess(table, bites, &hold), id),
            None,
            "{id} without {clear:?}"
        );
    }
    if let Some(first) = conditions.first() {
        let rest: Vec<_> = hold
            .iter()
            .copied()
            .filter(|(condition, _)| condition != first)
            .collect();
        // Some follow from the release or the architecture.
        if !matches!(first, El10NodeOs) {
            let found = met(&assess(table, bites, &rest), id);
            assert_eq!(
                found,
                Some(Certainty::CannotTell),
                "{id} with {first:?} not known"
            );
        }
    }
}

#[test]
fn each_hazard_bites_where_it_should_and_nowhere_else() {
    let table = HazardTable::bundled().unwrap();
    for row in RHCOS.iter().chain(OKD) {
        check(&table, row);
    }
    let tested: BTreeSet<_> = RHCOS.iter().chain(OKD).map(|(id, ..)| *id).collect();
    let all: BTreeSet<_> = table.rows().iter().map(|row| row.id.as_str()).collect();
    assert_eq!(tested, all, "every row has its clusters");
}

#[test]
fn what_cannot_be_read_is_never_clear() {
    let table = HazardTable::bundled().unwrap();
    let found = assess(&table, "412.86.202209302317-0 4.22.3 GCP x86_64", &[]);
    assert_eq!(
        met(&found, "secure-boot-old-shim"),
        Some(Certainty::CannotTell)
    );
    assert_eq!(found.verdict, Verdict::Risk);
    let off = [(SecureBoot, false)];
    let found = assess(&table, "412.86.202209302317-0 4.22.3 GCP x86_64", &off);
    assert_eq!(met(&found, "secure-boot-old-shim"), None);
    assert_eq!(found.verdict, Verdict::Slow);
}

#[test]
fn a_bound_inside_the_range_of_an_image_is_possible() {
    let table = r#"[{"id": "x", "severity": "fails", "basis": "confirmed", "sentence": "s", "remedy": "r",
        "sources": [], "cases": [{"image": "rhcos <4.20", "cluster": "any"}]}]"#;
    let table = HazardTable::parse(table).unwrap();
    let found = assess(&table, "9.6.20250523-0 4.22.3 GCP x86_64", &[]);
    assert_eq!(met(&found, "x"), Some(Certainty::Possible));
    assert_eq!(
        found.hazards[0].reservation,
        "images of this version belong to 4.19 to 4.21"
    );
    assert_eq!(found.verdict, Verdict::Risk);
    let found = assess(&table, "418.94.202501221327-0 4.22.3 GCP x86_64", &[]);
    assert_eq!(
        (met(&found, "x"), found.verdict),
        (Some(Certainty::Certain), Verdict::Fails)
    );
}

#[test]
fn verdicts() {
    let table = HazardTable::bundled().unwrap();
    let cases: &[(&str, Verdict)] = &[
        ("9.8.20260403-0 4.22.0 GCP x86_64", Verdict::Slow),
        ("9.6.20250523-0 4.22.0 GCP x86_64", Verdict::Slow),
        ("9.8.20260403-0 4.20.0 GCP x86_64", Verdict::Ok),
        ("42.80.20190725.1 4.16.2 GCP x86_64", Verdict::Fails),
        ("414.92.202310170514-0 4.23.0 GCP x86_64", Verdict::Risk),
        // Neither may be called clear.
        ("- 4.22.0 GCP x86_64", Verdict::Unknown),
        ("9.8.20260403-0 - GCP x86_64", Verdict::Unknown),
        ("9.4.20250101-0 4.22.0 GCP x86_64", Verdict::Unknown),
    ];
    for (words, expected) in cases {
        let found = assess(&table, words, &[]);
        assert_eq!(found.verdict, *expected, "{words}: {found:?}");
    }
}

/// Release, hazard, certainty.
type Expected = Option<(&'static str, &'static str, Certainty)>;

#[test]
fn the_first_release_at_which_an_image_stops_working() {
    let table = HazardTable::bundled().unwrap();
    let cases: &[(&str, Expected)] = &[
        (
            "412.86.202209302317-0 4.18.0 GCP x86_64",
            Some(("4.23", "rhel8-image-mcd-removed", Certainty::Possible)),
        ),
        (
            "412.86.202210031918-0 4.18.0 AWS aarch64",
            Some(("4.19", "aarch64-old-grub", Certainty::Certain)),
        ),
        (
            "414.92.202310170514-0 4.18.0 GCP x86_64",
            Some(("4.23", "rpm-ostree-2023-3-rebase", Certainty::Possible)),
        ),
        (
            "39.20240210.3.0 4.18.0-okd-scos.4 None aarch64",
            Some((
                "4.22.0-okd-scos.6",
                "okd-grub-vendor-dir",
                Certainty::Certain,
            )),
        ),
        ("9.6.20250523-0 4.18.0 GCP x86_64", None),
        ("- 4.18.0 GCP x86_64", None),
    ];
    for (words, expected) in cases {
        let found = assess(&table, words, &[]).stops;
        let found = found.as_ref().map(|stops| {
            (
                stops.release.as_str(),
                stops.hazard.as_str(),
                stops.certainty,
            )
        });
        assert_eq!(found, *expected, "{words}");
    }
}

#[test]
fn a_table_that_is_wrong_says_where() {
    let row = |case: &str| {
        format!(
            r#"[{{"id": "x", "severity": "fails", "basis": "confirmed", "sentence": "s", "remedy": "r",
            "sources": [], "cases": [{case}]}}]"#
        )
    };
    let error = HazardTable::parse(&row(r#"{"image": "rhcos", "cluster": "any"}"#)).unwrap_err();
    assert_eq!(error.to_string(), "the table of hazards cannot be read: x");
    for wrong in [
        r#"{"image": "any"}"#,
        r#"{"image": "any", "cluster": "any", "wen": []}"#,
    ] {
        assert!(HazardTable::parse(&row(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn every_row_says_what_happens_what_to_do_and_where_it_is_from() {
    for row in HazardTable::bundled().unwrap().rows() {
        assert!(
            row.sentence.ends_with('.') && row.remedy.ends_with('.'),
            "{}",
            row.id
        );
        assert!(
            !row.sources.is_empty() && !row.cases.is_empty(),
            "{}",
            row.id
        );
        assert!(
            row.sources.iter().all(|source| source.contains('/')),
            "{}",
            row.id
        );
    }
}
