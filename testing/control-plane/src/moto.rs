//! An EC2 for tests: moto, with images that the test chooses.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A running moto. It stops when it is dropped.
pub struct Moto {
    process: Child,
    url: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Moto {
    /// Starts one that knows the images of a document of kind `Facts`; `None`, after a line that
    /// starts with `SKIPPED:`, where the machine has none.
    pub fn start(facts: &Path) -> Option<Self> {
        let images = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(images.path(), images_of(facts).to_string()).expect("a file");
        let program = std::env::var_os("MOTO_SERVER").unwrap_or_else(|| "moto_server".into());
        let started = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_AMIS_PATH", images.path())
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut process) = started else {
            let line = "\nSKIPPED: AWS sets with EC2's answers: no moto_server; \
                        export MOTO_SERVER=\"$(testing/programs/moto)\"\n";
            std::io::stderr().write_all(line.as_bytes()).ok();
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().expect("is piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("http://")?.1.trim().to_owned()))
            .unwrap_or_else(|| panic!("moto does not tell where it listens"));
        // Whoever writes to a pipe that nobody reads waits for ever.
        std::thread::spawn(move || {
            lines.for_each(drop);
            drop(images);
        });
        let url = format!("http://{address}");
        Some(Self { process, url })
    }

    /// Where it listens: `AWS_ENDPOINT_URL` of programs under test.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The images of a document of kind `Facts`, as moto takes them.
fn images_of(facts: &Path) -> Value {
    let facts = std::fs::read_to_string(facts).expect("facts");
    let facts: Value = serde_json::from_str(&facts).expect("facts");
    let mut images: Vec<Value> = Vec::new();
    for item in facts["items"].as_array().into_iter().flatten() {
        let of_product = item["images"].as_array().into_iter().flatten();
        for image in of_product.chain(item.get("image")) {
            let known = images
                .iter()
                .any(|known| known["ami_id"] == image["ImageId"]);
            if known {
                continue;
            }
            images.push(json!({
                "ami_id": image["ImageId"], "owner_id": image["OwnerId"], "name": image["Name"],
                "description": image["Description"], "creation_date": image["CreationDate"],
                "public": true, "architecture": "x86_64", "virtualization_type": "hvm",
                "root_device_type": "ebs", "hypervisor": "xen", "state": "available",
                "image_type": "machine",
            }));
        }
    }
    Value::Array(images)
}
