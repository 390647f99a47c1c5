//! What a vCenter says instead of doing what it was asked. A fault is known by its type, resolved
//! by namespace; its sentences are in the language of the vCenter.

use super::xml::Element;

/// The longest sentence that is handed on.
const MAX_SENTENCE: usize = 300;

/// Wrong user or password.
pub const INVALID_LOGIN: &str = "InvalidLogin";
/// The session is over, or there never was one.
pub const NOT_AUTHENTICATED: &str = "NotAuthenticated";
/// The role of the user lacks a privilege.
pub const NO_PERMISSION: &str = "NoPermission";
/// Another object has the name.
pub const DUPLICATE_NAME: &str = "DuplicateName";
/// Another machine has the files of this name on the datastore.
pub const FILE_ALREADY_EXISTS: &str = "FileAlreadyExists";
/// The object is gone.
pub const MANAGED_OBJECT_NOT_FOUND: &str = "ManagedObjectNotFound";
/// The server does not know the method.
pub const NOT_SUPPORTED: &str = "NotSupported";

/// A fault of the vSphere API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}", if .sentence.is_empty() { String::new() } else { format!(": {}", .sentence) })]
pub struct Fault {
    /// Name of its type, e.g. `NoPermission`; `Fault` where the server names none.
    pub kind: String,
    /// The server's sentence, in its language; may be empty.
    pub sentence: String,
    /// The privilege that is missing, of `NoPermission`.
    pub privilege: Option<String>,
}

impl Fault {
    /// The fault in a SOAP body.
    pub(super) fn of_body(fault: &Element) -> Self {
        let detail = fault
            .child("detail")
            .and_then(|detail| detail.children.first());
        Self::new(detail, fault.text_of("faultstring"))
    }

    /// A `LocalizedMethodFault`: of a task, a lease, an import specification, a property.
    pub(super) fn of_member(fault: &Element) -> Self {
        Self::new(fault.child("fault"), fault.text_of("localizedMessage"))
    }

    /// Where a server says only that something went wrong.
    pub(super) fn unknown() -> Self {
        Self::new(None, None)
    }

    fn new(detail: Option<&Element>, sentence: Option<&str>) -> Self {
        let kind = detail.and_then(Element::vim_type).unwrap_or("Fault");
        let privilege = detail.and_then(|detail| detail.text_of("privilegeId"));
        Self {
            kind: kind.to_owned(),
            sentence: sentence_of(sentence.unwrap_or_default()),
            privilege: privilege.map(str::to_owned),
        }
    }
}

/// One line, not too long.
pub(super) fn sentence_of(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SENTENCE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_known_by_type_wherever_they_stand() {
        let xsi = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance' xmlns='urn:vim25'";
        let body = format!(
            "<Fault><faultcode>ServerFaultCode</faultcode><faultstring>Zugriff\n verweigert</faultstring>\
             <detail><NoPermissionFault {xsi} i:type='NoPermission'><privilegeId>VApp.Import</privilegeId>\
             </NoPermissionFault></detail></Fault>"
        );
        let fault = Fault::of_body(&Element::parse(&body).unwrap());
        assert_eq!(fault.to_string(), "NoPermission: Zugriff verweigert");
        assert_eq!(fault.privilege.as_deref(), Some("VApp.Import"));
        let member = format!("<error {xsi}><fault i:type='DuplicateName'/></error>");
        let fault = Fault::of_member(&Element::parse(&member).unwrap());
        assert_eq!(fault.to_string(), "DuplicateName");
        let fault = Fault::of_body(&Element::parse("<Fault/>").unwrap());
        assert_eq!(fault.to_string(), "Fault");
    }
}
