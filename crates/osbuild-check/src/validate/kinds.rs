//! The shapes of MachineOSConfig and MachineOSBuild, v1 and v1alpha1 (§1.2 … §1.4).

use super::schema::{Key, Shape, TextRule, optional, required};

const fn text(shortest: usize, longest: usize, rules: &'static [TextRule]) -> Shape {
    Shape::Text {
        shortest,
        longest,
        rules,
    }
}

/// No limit in the schema; a document of the API server has at most a few MiB.
const ANY_LENGTH: usize = usize::MAX;

const NAME: Shape = text(0, 253, &[TextRule::DnsSubdomain]);
const NAMED: Shape = Shape::Object(&[required("name", &NAME)]);
const PUSH_SPEC: Shape = text(1, 447, &[TextRule::ImageTag]);
const PULL_SPEC: Shape = text(1, 447, &[TextRule::ImageDigest, TextRule::ImageName]);
const TIME: Shape = text(0, ANY_LENGTH, &[TextRule::Time]);

const CONDITION: Shape = Shape::Object(&[
    required("lastTransitionTime", &TIME),
    required("message", &text(0, 32768, &[])),
    required("reason", &text(1, 1024, &[])),
    required("status", &Shape::OneOf(&["True", "False", "Unknown"])),
    required("type", &text(0, 316, &[])),
]);

/// IL-009
const OBJECT_REFERENCE: Shape = Shape::Object(&[
    required("group", &NAME),
    required("name", &text(1, 253, &[TextRule::DnsSubdomain])),
    optional("namespace", &text(1, 63, &[TextRule::DnsLabel])),
    required("resource", &text(1, 63, &[TextRule::Dns1035Label])),
]);

/// §1.2
pub(super) const MACHINE_OS_CONFIG: Shape = Shape::Object(&[
    required(
        "spec",
        &Shape::Object(&[
            optional("baseImagePullSecret", &NAMED),
            optional(
                "containerFile",
                &Shape::List {
                    most: 4,
                    of: &Shape::Object(&[
                        optional(
                            "containerfileArch",
                            &Shape::OneOf(&["ARM64", "AMD64", "PPC64LE", "S390X", "NoArch"]),
                        ),
                        required("content", &text(0, LONGEST_CONTENT, &[])),
                    ]),
                    keys: &[Key {
                        name: "containerfileArch",
                        default: Some("NoArch"),
                    }],
                },
            ),
            required(
                "imageBuilder",
                &Shape::Object(&[required("imageBuilderType", &Shape::OneOf(&["Job"]))]),
            ),
            required("machineConfigPool", &NAMED),
            required("renderedImagePushSecret", &NAMED),
            required("renderedImagePushSpec", &PUSH_SPEC),
        ]),
    ),
    optional(
        "status",
        &Shape::Object(&[
            optional(
                "conditions",
                &Shape::List {
                    most: ANY_LENGTH,
                    of: &CONDITION,
                    keys: &[Key {
                        name: "type",
                        default: None,
                    }],
                },
            ),
            optional("currentImagePullSpec", &PULL_SPEC),
            optional("machineOSBuild", &OBJECT_REFERENCE),
            optional("observedGeneration", &Shape::Integer(0)),
        ]),
    ),
]);

/// §1.2: most characters of a Containerfile.
pub(crate) const LONGEST_CONTENT: usize = 4096;

/// §1.3
pub(super) const MACHINE_OS_BUILD: Shape = Shape::Object(&[
    required(
        "spec",
        &Shape::Object(&[
            required(
                "machineConfig",
                &Shape::Object(&[required("name", &text(10, 253, &[TextRule::DnsSubdomain]))]),
            ),
            required(
                "machineOSConfig",
                &Shape::Object(&[required("name", &text(1, 253, &[TextRule::DnsSubdomain]))]),
            ),
            required("renderedImagePushSpec", &PUSH_SPEC),
        ]),
    ),
    optional(
        "status",
        &Shape::Object(&[
            optional("buildEnd", &TIME),
            optional("buildStart", &TIME),
            optional(
                "builder",
                &Shape::Object(&[
                    required("imageBuilderType", &Shape::OneOf(&["Job"])),
                    optional("job", &OBJECT_REFERENCE),
                ]),
            ),
            optional(
                "conditions",
                &Shape::List {
                    most: 8,
                    of: &CONDITION,
                    keys: &[Key {
                        name: "type",
                        default: None,
                    }],
                },
            ),
            optional("digestedImagePushSpec", &PULL_SPEC),
            optional(
                "relatedObjects",
                &Shape::List {
                    most: 10,
                    of: &OBJECT_REFERENCE,
                    keys: &[
                        Key {
                            name: "name",
                            default: None,
                        },
                        Key {
                            name: "resource",
                            default: None,
                        },
                    ],
                },
            ),
        ]),
    ),
]);

const ALPHA_NAMED: Shape =
    Shape::Object(&[required("name", &text(0, 253, &[TextRule::AlphaName]))]);

/// §1.4
pub(super) const ALPHA_MACHINE_OS_CONFIG: Shape = Shape::Object(&[
    required(
        "spec",
        &Shape::Object(&[
            required("machineConfigPool", &ALPHA_NAMED),
            required(
                "buildInputs",
                &Shape::Object(&[
                    optional("baseOSExtensionsImagePullspec", &PULL_SPEC),
                    optional("baseOSImagePullspec", &PULL_SPEC),
                    required("baseImagePullSecret", &ALPHA_NAMED),
                    required(
                        "imageBuilder",
                        &Shape::Object(&[optional(
                            "imageBuilderType",
                            &Shape::OneOf(&["PodImageBuilder"]),
                        )]),
                    ),
                    required("renderedImagePushSecret", &ALPHA_NAMED),
                    required(
                        "renderedImagePushspec",
                        &text(1, 447, &[TextRule::AlphaImageTag]),
                    ),
                    optional("releaseVersion", &text(0, ANY_LENGTH, &[])),
                    optional(
                        "containerFile",
                        &Shape::List {
                            most: 7,
                            of: &Shape::Object(&[
                                optional(
                                    "containerfileArch",
                                    &Shape::OneOf(&[
                                        "arm64", "amd64", "ppc64le", "s390x", "aarch64", "x86_64",
                                        "noarch",
                                    ]),
                                ),
                                required("content", &text(0, ANY_LENGTH, &[])),
                            ]),
                            keys: &[Key {
                                name: "containerfileArch",
                                default: Some("noarch"),
                            }],
                        },
                    ),
                ]),
            ),
            optional(
                "buildOutputs",
                &Shape::Object(&[optional("currentImagePullSecret", &ALPHA_NAMED)]),
            ),
        ]),
    ),
    optional(
        "status",
        &Shape::Object(&[optional("currentImagePullspec", &PULL_SPEC)]),
    ),
]);

/// §1.4
pub(super) const ALPHA_MACHINE_OS_BUILD: Shape = Shape::Object(&[
    required(
        "spec",
        &Shape::Object(&[
            required("configGeneration", &Shape::Integer(1)),
            required("desiredConfig", &ALPHA_NAMED),
            required("machineOSConfig", &ALPHA_NAMED),
            required("version", &Shape::Integer(1)),
            required(
                "renderedImagePushspec",
                &text(1, 447, &[TextRule::AlphaImageTag]),
            ),
        ]),
    ),
    optional(
        "status",
        &Shape::Object(&[
            optional("buildEnd", &TIME),
            optional("buildStart", &TIME),
            optional("finalImagePullspec", &PULL_SPEC),
        ]),
    ),
]);
