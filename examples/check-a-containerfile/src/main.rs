//! Renders the Containerfile of a layered image with a user's part at its end, or says why not:
//! `cargo run -p check-a-containerfile -- Containerfile`

use std::error::Error;
use std::fs;

use containerfile_render::openshift_model::Architecture;
use containerfile_render::{Inputs, render};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args()
        .nth(1)
        .ok_or("usage: check-a-containerfile FILE")?;
    let content = fs::read_to_string(file)?;
    let rendered = render(&Inputs {
        base_image: "registry.example/node-image:4.20",
        extensions_image: "registry.example/extensions:4.20",
        extensions: &[],
        kernel_type: "default",
        architecture: &Architecture::X86_64,
        machine_config: "rendered-worker-1",
        pool: "worker",
        content: Some(&content),
    })?;
    print!("{}", rendered.text);
    Ok(())
}
