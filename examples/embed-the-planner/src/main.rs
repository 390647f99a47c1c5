//! Reads files of one YAML or JSON document each and prints what each set should boot:
//! `cargo run -p embed-the-planner -- infrastructure.yaml bootimages.yaml set-a.yaml set-b.yaml`

use std::error::Error;
use std::fs;

use bootimage_plan::openshift_model::{RawObject, yaml};
use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Policy, plan};

fn main() -> Result<(), Box<dyn Error>> {
    let mut documents = Vec::new();
    for file in std::env::args().skip(1) {
        documents.push(yaml::to_json(&fs::read_to_string(file)?)?);
    }
    // Kinds that have nothing to do with boot images are passed over.
    let objects: Result<Vec<_>, _> = documents
        .iter()
        .filter_map(|json| RawObject::parse(json).transpose())
        .collect();
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Partial,
        objects: objects?,
        streams: Vec::new(),
    };
    let plan = plan(&snapshot, &Facts::default(), &Policy::default());
    for target in &plan.targets {
        let image = target.target.as_deref().unwrap_or("-");
        println!(
            "{}\t{:?}\t{}\t{image}",
            target.name, target.decision, target.reason
        );
    }
    Ok(())
}
