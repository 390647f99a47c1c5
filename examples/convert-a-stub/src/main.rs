//! Reads a user-data stub of Ignition spec 2 on standard input and prints it in spec 3, or what is in
//! the way: `cargo run -p convert-a-stub < worker.ign`

use std::error::Error;
use std::io::Read;

use ignition_stub_convert::{Conversion, TargetVersion, convert};

fn main() -> Result<(), Box<dyn Error>> {
    let mut stub = Vec::new();
    std::io::stdin().read_to_end(&mut stub)?;
    match convert(&stub, TargetVersion::V3_4) {
        Ok(Conversion::Converted(converted)) => println!("{}", converted.document),
        Ok(_) => eprintln!("it is of spec 3 already"),
        Err(error) => {
            for obstacle in error.obstacles() {
                eprintln!("{}: {}", obstacle.pointer, obstacle.problem);
            }
            return Err(error.into());
        }
    }
    Ok(())
}
