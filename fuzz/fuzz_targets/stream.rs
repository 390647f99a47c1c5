//! Any text is a stream document or an error; a document and its canonical form give the same answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::{Architecture, Stream, canonical};

const ARCHITECTURES: [Architecture; 4] = [
    Architecture::X86_64,
    Architecture::Aarch64,
    Architecture::Ppc64le,
    Architecture::S390x,
];

fn answers(stream: &Stream<'_>) -> Vec<String> {
    let of = |architecture: &Architecture| {
        [
            format!("{:?}", stream.gcp_image(architecture)),
            format!("{:?}", stream.aws_image(architecture, "us-east-1")),
            format!("{:?}", stream.azure_marketplace(architecture)),
            format!("{:?}", stream.vsphere_release(architecture)),
            format!("{:?}", stream.vsphere_ova(architecture)),
        ]
    };
    ARCHITECTURES.iter().flat_map(of).chain(stream.aws_images().map(str::to_owned)).collect()
}

fuzz_target!(|text: &str| {
    let _ = Stream::parse_many(text).map_err(|error| error.to_string());
    let stream = match Stream::parse(text) {
        Ok(stream) => stream,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut written = Vec::new();
    canonical::write(text, &mut written);
    let written = String::from_utf8(written).expect("JSON is UTF-8");
    let again = Stream::parse(&written).expect("canonical JSON of a stream is one");
    assert_eq!(answers(&stream), answers(&again));
});
