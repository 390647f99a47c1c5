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
            sentence: on_one_line(sentence.unwrap_or_default()),
            privilege: privilege.map(str::to_owned),
        }
    }

    /// As it may be shown: a server may repeat what it was told, so that `secret` is taken out, and
    /// only then is the sentence cut, lest a part of the secret stays at its end.
    pub(super) fn shown(self, secret: &str) -> Self {
        let mut sentence = self.sentence;
        // A sentence stands on one line, and so does a secret in it.
        let on_line = on_one_line(secret);
        for secret in [secret, &on_line]
            .into_iter()
            .filter(|secret| !secret.is_empty())
        {
            sentence = sentence.replace(secret, "…");
        }
        if let Some((end, _)) = sentence.char_indices().nth(MAX_SENTENCE) {
            sentence.truncate(end);
            sentence.push('…');
        }
        Self { sentence, ..self }
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

    #[test]
    fn a_secret_is_taken_out_before_a_sentence_is_cut() {
        let check = |sentence: &str, secret: &str, expected: &str| {
            let fault = Fault::new(None, Some(sentence)).shown(secret);
            assert_eq!(fault.sentence, expected);
        };
        check("no", "", "no");
        check("not hush hush", "hush", "not … …");
        check("not a \n b", "a \n b", "not …");
        let before = "x".repeat(MAX_SENTENCE - 2);
        check(&format!("{before}hush"), "hush", &format!("{before}…"));
        let long = "y".repeat(MAX_SENTENCE + 1);
        check(&long, "hush", &format!("{}…", "y".repeat(MAX_SENTENCE)));
    }
}
