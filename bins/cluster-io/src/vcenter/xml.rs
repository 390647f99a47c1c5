//! Messages of the vSphere API as small trees. What a type attribute names is resolved by its
//! namespace: prefixes differ between servers.

use roxmltree::Node;

use crate::xml;

/// Namespace of the vSphere API.
pub(super) const VIM: &str = "urn:vim25";
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What an `xsi:type` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypeName {
    /// A type of the vSphere API.
    Vim(String),
    /// A type of XML Schema, e.g. `string`.
    Schema(String),
}

/// An element. Names are local ones: everything in an answer is of the vSphere API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// Its `xsi:type`, where the namespace of it is known.
    pub(super) of_type: Option<TypeName>,
    /// The attribute `type`, which references to managed objects have.
    pub(super) reference_type: Option<String>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document; in words why it is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document = xml::parse(text).map_err(|error| format!("it is no XML: {error}"))?;
        Ok(Self::of(document.root_element()))
    }

    fn of(node: Node<'_, '_>) -> Self {
        let texts = node.children().filter(Node::is_text);
        Self {
            name: node.tag_name().name().to_owned(),
            of_type: node
                .attribute((INSTANCE, "type"))
                .and_then(|name| type_name(node, name)),
            reference_type: node.attribute("type").map(str::to_owned),
            text: texts.filter_map(|node| node.text()).collect(),
            children: node
                .children()
                .filter(Node::is_element)
                .map(Self::of)
                .collect(),
        }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The child at the end of a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |element, name| element.child(name))
    }

    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, without white space around it.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        Some(self.child(name)?.text.trim())
    }

    /// Name of its type in the vSphere API.
    pub(super) fn vim_type(&self) -> Option<&str> {
        match self.of_type.as_ref()? {
            TypeName::Vim(name) => Some(name),
            TypeName::Schema(_) => None,
        }
    }

    /// It as text, under another name, as a part of a message whose namespace is that of the
    /// vSphere API.
    pub(super) fn write_as(&self, name: &str, out: &mut String) {
        out.push('<');
        out.push_str(name);
        match &self.of_type {
            Some(TypeName::Vim(kind)) => {
                out.push_str(&format!(" xsi:type=\"{}\"", escape(kind)));
            }
            Some(TypeName::Schema(kind)) => {
                out.push_str(&format!(" xsi:type=\"xsd:{}\"", escape(kind)));
            }
            None => {}
        }
        if let Some(kind) = &self.reference_type {
            out.push_str(&format!(" type=\"{}\"", escape(kind)));
        }
        out.push('>');
        if self.children.is_empty() {
            out.push_str(&escape(&self.text));
        }
        for child in &self.children {
            child.write_as(&child.name, out);
        }
        out.push_str(&format!("</{name}>"));
    }
}

fn type_name(node: Node<'_, '_>, name: &str) -> Option<TypeName> {
    let (namespace, local) = match name.trim().split_once(':') {
        Some((prefix, local)) => (node.lookup_namespace_uri(Some(prefix)), local),
        // A server that declares no namespace at all means its own.
        None => (node.lookup_namespace_uri(None).or(Some(VIM)), name.trim()),
    };
    match namespace? {
        VIM => Some(TypeName::Vim(local.to_owned())),
        SCHEMA => Some(TypeName::Schema(local.to_owned())),
        _ => None,
    }
}

/// Text as it stands in XML. What XML cannot hold at all becomes a question mark.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'.. => {
                out.push(character);
            }
            '\r' => out.push_str("&#13;"),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&TypeName>) {
        assert_eq!(
            Element::parse(text).unwrap().of_type.as_ref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn types_are_resolved_by_namespace() {
        let name = TypeName::Vim("NoPermission".to_owned());
        let vim = Some(&name);
        let xsi = format!("xmlns:i='{INSTANCE}'");
        check(
            &format!("<a {xsi} xmlns='{VIM}' i:type='NoPermission'/>"),
            vim,
        );
        check(
            &format!("<a {xsi} xmlns:v='{VIM}' i:type='v:NoPermission'/>"),
            vim,
        );
        check(&format!("<a {xsi} i:type='NoPermission'/>"), vim);
        check(
            &format!("<a {xsi} xmlns='urn:other' i:type='NoPermission'/>"),
            None,
        );
        check(
            &format!("<a {xsi} xmlns:v='urn:vim26' i:type='v:NoPermission'/>"),
            None,
        );
        check(
            &format!("<a {xsi} xmlns:s='{SCHEMA}' i:type='s:string'/>"),
            Some(&TypeName::Schema("string".to_owned())),
        );
        check("<a type='NoPermission'/>", None);
    }

    #[test]
    fn what_is_no_xml_is_an_error_and_depth_no_danger() {
        for text in ["", "{}", "<a", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"] {
            assert!(Element::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert!(Element::parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(text in "\\PC{0,20}", kind in "[A-Z][a-z]{0,5}") {
            let element = Element {
                name: "spec".to_owned(),
                of_type: Some(TypeName::Vim(kind.clone())),
                reference_type: Some(kind),
                text,
                children: Vec::new(),
            };
            let parent = Element { name: "a".to_owned(), children: vec![element], ..Element::default() };
            let mut out = String::new();
            parent.write_as(&format!("a xmlns:xsi=\"{INSTANCE}\""), &mut out);
            let out = out.replace(&format!("</a xmlns:xsi=\"{INSTANCE}\">"), "</a>");
            prop_assert_eq!(Element::parse(&out).unwrap(), parent);
        }
    }
}
