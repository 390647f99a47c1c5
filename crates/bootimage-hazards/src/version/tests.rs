use super::*;

fn read(text: &str) -> BootImageVersion {
    BootImageVersion::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
}

/// Version, distribution, releases, version of RHEL or CentOS Stream, day or year.
const ERAS: &[(&str, &str, &str, &str, &str)] = &[
    ("410.8.20190520.0", "RHCOS", "4.1", "8", "2019-05-20"),
    ("42.80.20190725.1", "RHCOS", "4.2", "8.0", "2019-07-25"),
    ("43.80.20191002.1", "RHCOS", "4.3", "8.0", "2019-10-02"),
    ("43.81.202001142154.0", "RHCOS", "4.3", "8.1", "2020-01-14"),
    ("44.81.202003110027-0", "RHCOS", "4.4", "8.1", "2020-03-11"),
    ("46.82.202011260640-0", "RHCOS", "4.6", "8.2", "2020-11-26"),
    (
        "410.84.202201251210-0",
        "RHCOS",
        "4.10",
        "8.4",
        "2022-01-25",
    ),
    (
        "412.86.202209302317-0",
        "RHCOS",
        "4.12",
        "8.6",
        "2022-09-30",
    ),
    (
        "413.92.202305021736-0",
        "RHCOS",
        "4.13",
        "9.2",
        "2023-05-02",
    ),
    (
        "418.94.202501221327-0",
        "RHCOS",
        "4.18",
        "9.4",
        "2025-01-22",
    ),
    (
        "417.810.202501221327-0",
        "RHCOS",
        "4.17",
        "8.10",
        "2025-01-22",
    ),
    (
        "419.96.202503032242-0",
        "RHCOS",
        "4.19",
        "9.6",
        "2025-03-03",
    ),
    (
        "9.6.20250523-0",
        "RHCOS",
        "4.19 to 4.21",
        "9.6",
        "2025-05-23",
    ),
    (
        "9.8.20260403-0",
        "RHCOS",
        "4.22 to 5.0",
        "9.8",
        "2026-04-03",
    ),
    (
        "10.2.20260405-0",
        "RHCOS",
        "4.22 to 5.0",
        "10.2",
        "2026-04-05",
    ),
    ("9.0.20250510-0", "SCOS", "4.19", "9", "2025-05-10"),
    (
        "10.0.20251103-0",
        "SCOS",
        "4.20 or later",
        "10",
        "2025-11-03",
    ),
    ("416.9.202410082001-0", "SCOS", "4.16", "9", "2024-10-08"),
    ("36.20220806.3.0", "FCOS", "Fedora 36", "", "2022-08-06"),
    ("42.20250410.3.2", "FCOS", "Fedora 42", "", "2025-04-10"),
    ("418.94.20250122", "RHCOS", "4.18", "9.4", "2025-01-22"),
    ("410.84.20220125", "RHCOS", "4.10", "8.4", "2022-01-25"),
    ("9.6.20251015", "RHCOS", "4.19 to 4.21", "9.6", "2025-10-15"),
    ("9.6.2025", "RHCOS", "4.19 to 4.21", "9.6", "2025"),
    ("4.18.2025031114", "RHCOS", "4.18", "9.4", "2025-03-11"),
    ("4.22.2026031114", "RHCOS", "4.22", "", "2026-03-11"),
];

#[test]
fn versions_of_every_era_are_read() {
    for (text, distribution, release, os, built) in ERAS.iter().copied() {
        let version = read(text);
        assert_eq!(version.to_string(), text);
        assert_eq!(version.distribution().to_string(), distribution, "{text}");
        let releases = version.releases().map_or_else(
            |_| format!("Fedora {}", version.fedora().unwrap()),
            |range| range.to_string(),
        );
        assert_eq!(releases, release, "{text}");
        let found = version.os().map(|os| os.to_string());
        assert_eq!(found.unwrap_or_default(), os, "{text}");
        let day = version.built().map(|day| day.to_string());
        assert_eq!(day.as_deref().unwrap_or("2025"), built, "{text}");
    }
}

#[test]
fn numbers_between_those_of_releases_are_none() {
    for text in [
        "98.94.202501221327-0",
        "50.8.20190520.0",
        "399.94.202501221327-0",
        "400.94.202501221327-0",
    ] {
        assert_eq!(BootImageVersion::parse(text), None, "{text}");
    }
}

#[test]
fn what_is_no_version_is_none() {
    let others = [
        "",
        "latest",
        "9.6",
        "9.6.202505231200-0",
        "418.94.202513221327-0",
        "418.94.2025012213-0",
        "418.54.202501221327-0",
        "418.949.202501221327-0",
        "500.94.202501221327-0",
        "40.94.202501221327-0",
        "8.6.20250523-0",
        "9.6.2025-0",
        "9.6-20250523.0",
        "38.20230414.3",
        "12.20230414.3.0",
        "418.94.202501221327-0-1",
        "418.94.202501221327-x",
        "v9.6.20250523-0",
        "9.6.20250523-99999999999",
        "4.18.20250311",
        "１８.94.202501221327-0",
        "1.1.1.1",
    ];
    for text in others {
        assert_eq!(BootImageVersion::parse(text), None, "{text}");
    }
}

#[test]
fn a_release_that_nothing_tells_is_unknown_with_the_reason() {
    let cases = [
        (
            "38.20230414.3.0",
            "Fedora CoreOS is not numbered after OpenShift",
        ),
        (
            "9.4.20250101-0",
            "no release is known that published images of 9.4",
        ),
        (
            "11.0.20290101-0",
            "no release is known that published images of 11",
        ),
        (
            "410.81.20200109.0",
            "410 may stand for 4.1 and for 4.10, and RHEL 8.1 does not tell which",
        ),
    ];
    for (text, reason) in cases {
        assert_eq!(
            read(text).releases().unwrap_err().to_string(),
            reason,
            "{text}"
        );
    }
}

#[test]
fn versions_have_the_order_of_history() {
    let oldest_first = [
        "31.20200108.3.0",
        "38.20230414.2.9",
        "38.20230414.3.0",
        "42.20250410.3.0",
        "416.9.202410082001-0",
        "418.9.202502130031-0",
        "9.0.20250510-0",
        "10.0.20251103-0",
        "410.8.20190520.0",
        "42.80.20190725.1",
        "43.80.20191002.1",
        "43.81.202001142154.0",
        "44.81.202003110027-0",
        "49.84.202110081407-0",
        "410.84.202201251210-0",
        "413.86.202302150245-0",
        "413.92.202305021736-0",
        // Built after the first of 4.16, and still an image of 4.14.
        "414.92.202502111902-0",
        "416.94.202403071059-0",
        "418.94.20250122",
        "418.94.202501221327-0",
        "418.94.202501221327-1",
        "419.96.202503032242-0",
        "9.6.2025",
        "9.6.20250523",
        "9.6.20250523-0",
        "9.6.20251015-1",
        "9.8.20260403-0",
        "10.2.20260405-0",
    ];
    let mut sorted = oldest_first;
    sorted.reverse();
    sorted.sort_by_key(|text| read(text));
    assert_eq!(sorted, oldest_first);
}

#[test]
fn a_version_read_from_a_name_equals_that_of_the_build() {
    let cases = [
        (
            "rhcos-418-94-202501221327-0-gcp-x86-64",
            "418.94.202501221327-0",
        ),
        ("rhcos-43-80-20191002-1-gcp", "43.80.20191002.1"),
        (
            "fedora-coreos-36-20220806-3-0-gcp-x86-64",
            "36.20220806.3.0",
        ),
        ("scos-10-0-20251103-0-gcp-aarch64", "10.0.20251103-0"),
        ("rhcos-42.80.20190725.1-openstack.qcow2", "42.80.20190725.1"),
        (
            "https://h/a/rhcos-9.8.20260428-0-metal.x86_64.raw.gz?x=1",
            "9.8.20260428-0",
        ),
        ("RHEL CoreOS 9.6 9.6.20260210-0 x86_64", "9.6.20260210-0"),
        (
            "rhcos-x86_64-9.6.20251015-1-59123456-2540-4653-a8b0-fa7926d5c845",
            "9.6.20251015-1",
        ),
        (
            "/dc/vm/RHCOS-43.81.202001142154.0-vmware.x86_64",
            "43.81.202001142154.0",
        ),
    ];
    for (name, expected) in cases {
        let version = find(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(version.to_string(), expected, "{name}");
        assert_eq!(version, read(expected));
    }
    for name in [
        "prod-9-6-20250101-0-worker",
        "ostrich-2b7kq-rhcos",
        "rhcos-9.6",
        "my-rhcos-x9-6-20250101-0",
    ] {
        assert_eq!(find(name), None, "{name}");
    }
    let name = "RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-x86_64-0-59ead7de-2540-4653-a8b0-fa7926d5c845";
    assert_eq!(find_marketplace_name(name).unwrap(), read("9.6.20260210-0"));
}
