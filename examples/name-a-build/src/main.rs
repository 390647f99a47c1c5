//! Reads a MachineConfigPool, a MachineOSConfig and a rendered MachineConfig and prints what the
//! MachineOSBuild will be called: `cargo run -p name-a-build -- pool.yaml config.yaml rendered.yaml`

use std::error::Error;
use std::fs;

use mosb_naming::openshift_model::{
    LayeredPool, MachineOSConfig, OsMachineConfig, RawObject, yaml,
};
use mosb_naming::{Inputs, name};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = std::env::args().skip(1);
    let mut next = || -> Result<String, Box<dyn Error>> {
        let file = files
            .next()
            .ok_or("usage: name-a-build POOL CONFIG RENDERED")?;
        Ok(yaml::to_json(&fs::read_to_string(file)?)?)
    };
    let (pool, config, rendered) = (next()?, next()?, next()?);
    let pool = RawObject::parse(&pool)?.ok_or("the first is no MachineConfigPool")?;
    let config = RawObject::parse(&config)?.ok_or("the second is no MachineOSConfig")?;
    let rendered = RawObject::parse(&rendered)?.ok_or("the third is no MachineConfig")?;
    let named = name(Inputs {
        pool: Some(&LayeredPool::read(&pool)?),
        machine_os_config: Some(&MachineOSConfig::read(&config)?),
        machine_config: Some(&OsMachineConfig::read(&rendered)?),
    })?;
    println!("{}\t{}", named.name, named.push_spec);
    Ok(())
}
