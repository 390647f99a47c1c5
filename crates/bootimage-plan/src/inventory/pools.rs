//! Pools of nodes.

use openshift_model::{Kind, LayeredPool, MachineOSConfig, PoolStatus, RawObject, ReadError};

use super::{InventoriedPool, InventoryInputs};

/// Every pool by name, and what could not be read.
pub(super) fn pools(inputs: &InventoryInputs<'_, '_>) -> (Vec<InventoriedPool>, Vec<String>) {
    let mut notes = Vec::new();
    let mut configs: Vec<(String, String)> = Vec::new();
    for object in inputs.objects.of_kind(Kind::MachineOSConfig) {
        match MachineOSConfig::read(object) {
            Ok(config) => {
                configs.push((config.pool().to_owned(), config.name.as_str().to_owned()));
            }
            Err(error) => notes.push(format!("{error}; which pool it layers is not known")),
        }
    }
    let mut found = Vec::new();
    for object in inputs.objects.of_kind(Kind::MachineConfigPool) {
        match pool(inputs, object, &configs) {
            Ok(pool) => found.push(pool),
            Err(error) => notes.push(format!("{error}; the pool is left out")),
        }
    }
    (found, notes)
}

fn pool(
    inputs: &InventoryInputs<'_, '_>,
    object: &RawObject<'_>,
    configs: &[(String, String)],
) -> Result<InventoriedPool, ReadError> {
    let pool = LayeredPool::read(object)?;
    let counts: PoolStatus<'_> = object.view("status")?;
    let name = pool.name.as_str();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let rendered = inputs.rendered(name);
    let image = rendered.and_then(|object| openshift_model::OsMachineConfig::read(object).ok());
    let config = configs.iter().find(|(of, _)| of == name);
    Ok(InventoriedPool {
        name: name.to_owned(),
        current: text(pool.current.name()),
        target: text(pool.target.name()),
        image: image.and_then(|config| text(config.os_image())),
        machine_os_config: config.map(|(_, config)| config.clone()),
        machines: counts.machine_count,
        ready: counts.ready_machine_count,
        updated: counts.updated_machine_count,
        paused: pool.paused,
        degraded: pool.is_true("Degraded"),
    })
}
