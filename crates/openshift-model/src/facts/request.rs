//! What a plan asks for.

use serde::{Deserialize, Serialize};

/// Something that a plan has to know before it can decide, as `needs` lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind")]
pub enum FactRequest {
    /// BI-262: who owns an image, and what it is called.
    AwsImage {
        /// The region, e.g. `us-east-1`.
        region: String,
        /// The image, e.g. `ami-0123456789abcdef0`.
        id: String,
    },
    /// BI-267: which images of a marketplace product there are.
    #[serde(rename_all = "camelCase")]
    AwsMarketplaceImages {
        /// The region, e.g. `us-east-1`.
        region: String,
        /// The product: every image of the owner `aws-marketplace` whose name contains it.
        product_id: String,
    },
    /// BI-316 … BI-321: which template a vCenter has.
    VsphereTemplate(VsphereSearch),
}

impl FactRequest {
    /// The command that finds out what is asked for.
    pub fn command(&self) -> String {
        match self {
            Self::AwsImage { region, id } => {
                let (region, id) = (quoted(region), quoted(id));
                format!("aws ec2 describe-images --region {region} --image-ids {id}")
            }
            Self::AwsMarketplaceImages { region, product_id } => format!(
                "aws ec2 describe-images --region {} --owners aws-marketplace --filters {}",
                quoted(region),
                quoted(&format!("Name=name,Values=*{product_id}*")),
            ),
            Self::VsphereTemplate(search) => {
                let names: Vec<_> = search.names.iter().map(|name| quoted(name)).collect();
                let machines = format!("/{}/vm", search.datacenter.trim_matches('/'));
                let folder = match search.folder.trim_end_matches('/') {
                    folder if folder.starts_with('/') => folder.to_owned(),
                    folder => format!("{machines}/{folder}")
                        .trim_end_matches('/')
                        .to_owned(),
                };
                let (server, names) = (quoted(&search.server), names.join(" "));
                format!(
                    "(for name in {names}; do govc object.collect -json -u {server} {}/\"$name\" \
                     name summary.config.product.version config.hardware.device; done; \
                     govc find -json -u {server} {} -type m)",
                    quoted(&folder),
                    quoted(&machines),
                )
            }
        }
    }
}

/// A word as a shell takes it: what it holds comes from the input, and people copy commands.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Where to look for the template of a set, and under which names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VsphereSearch {
    /// Host name of the vCenter.
    pub server: String,
    /// The datacenter in which to look.
    pub datacenter: String,
    /// The folder whose inventory path is asked for; may be empty.
    pub folder: String,
    /// The names of the machines that are asked for, wherever in the datacenter they are.
    pub names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_copied_whatever_the_input_holds() {
        let check = |request: FactRequest, command: &str| assert_eq!(request.command(), command);
        let image = |id: &str| FactRequest::AwsImage {
            region: "us-east-1".to_owned(),
            id: id.to_owned(),
        };
        let asked = "aws ec2 describe-images --region us-east-1";
        check(image("ami-1"), &format!("{asked} --image-ids ami-1"));
        let quoted = r"'x; rm '\''y'\'''";
        check(image("x; rm 'y'"), &format!("{asked} --image-ids {quoted}"));
        check(image(""), &format!("{asked} --image-ids ''"));
        let product = FactRequest::AwsMarketplaceImages {
            region: "us-east-1".to_owned(),
            product_id: "59ead7de".to_owned(),
        };
        let filter = "--owners aws-marketplace --filters 'Name=name,Values=*59ead7de*'";
        check(product, &format!("{asked} {filter}"));
        let template = FactRequest::VsphereTemplate(VsphereSearch {
            server: "v.example.com".to_owned(),
            datacenter: "dc 1".to_owned(),
            folder: String::new(),
            names: vec!["a".to_owned(), "b".to_owned()],
        });
        check(
            template,
            "(for name in a b; do govc object.collect -json -u v.example.com '/dc 1/vm'/\"$name\" \
             name summary.config.product.version config.hardware.device; done; \
             govc find -json -u v.example.com '/dc 1/vm' -type m)",
        );
    }
}
