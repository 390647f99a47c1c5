//! Where in a document we are, without allocating until somebody asks.

/// A place in a JSON document: the way from its root, kept on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'p> {
    /// The document.
    Root,
    /// A member of the object at a place.
    Member(&'p Place<'p>, &'p str),
    /// An element of the list at a place, from 0.
    Element(&'p Place<'p>, usize),
}

impl<'p> Place<'p> {
    pub(crate) fn member(&'p self, name: &'p str) -> Self {
        Self::Member(self, name)
    }

    pub(crate) fn element(&'p self, index: usize) -> Self {
        Self::Element(self, index)
    }

    /// The place as a JSON pointer, e.g. `/storage/files/0/mode`.
    pub(crate) fn pointer(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, &|text, step| {
            text.push('/');
            for character in step.chars() {
                match character {
                    '~' => text.push_str("~0"),
                    '/' => text.push_str("~1"),
                    other => text.push(other),
                }
            }
        });
        text
    }

    /// The place as Ignition's reports write it, e.g. `$.storage.files.0.mode`.
    pub(crate) fn dotted(&self) -> String {
        let mut text = "$".to_owned();
        self.write(&mut text, &|text, step| {
            text.push('.');
            text.push_str(step);
        });
        text
    }

    fn write(&self, text: &mut String, step: &impl Fn(&mut String, &str)) {
        match *self {
            Self::Root => {}
            Self::Member(parent, name) => {
                parent.write(text, step);
                step(text, name);
            }
            Self::Element(parent, index) => {
                parent.write(text, step);
                step(text, &index.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_pointer_and_as_report_path() {
        let storage = Place::Root.member("storage");
        let files = storage.member("fi/l~es");
        let file = files.element(12);
        assert_eq!(file.pointer(), "/storage/fi~1l~0es/12");
        assert_eq!(file.dotted(), "$.storage.fi/l~es.12");
        assert_eq!(Place::Root.pointer(), "");
        assert_eq!(Place::Root.dotted(), "$");
    }
}
