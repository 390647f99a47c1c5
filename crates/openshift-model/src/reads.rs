//! What a pass over a cluster reads, as data: one row for each kind of read. Fetches, watches and
//! the shipped roles are all made from such rows, so that none of them can know of a read that the
//! others do not.

use std::fmt;

use crate::{Kind, Platform, Resource};

/// One thing that a pass reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What kind of object.
    pub kind: Kind,
    /// The namespace of the objects; empty for cluster-scoped ones.
    pub namespace: &'static str,
    /// Which objects.
    pub which: Which,
    /// How they are read.
    pub verb: Verb,
    /// How much of each object is needed.
    pub form: Form,
    /// The only platform on which they are read; `None` on every one.
    pub platform: Option<Platform>,
    /// Whether a pass cannot go on where the API server does not serve the kind.
    /// Where this is false, the objects then count as absent. A refusal (403) is an error either way.
    pub required: bool,
    /// What for, as a sentence with the rule id.
    pub why: &'static str,
}

/// Which objects of a kind are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// The one with this name.
    Named(&'static str),
    /// Those with this label.
    Labelled(&'static str),
    /// Those that another object names.
    NamedBy {
        /// What names them.
        what: Namer,
        /// The names that they have unless somebody chose others; a role can be limited to them.
        usual: &'static [&'static str],
    },
}

/// What names an object that is read by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namer {
    /// The MachineConfigPools that were read: what each of them is to run (BI-015).
    Pools,
    /// The provider spec of an enrolled machine resource.
    ProviderSpec,
    /// The plan, which names what it edits.
    Plan,
}

impl fmt::Display for Namer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pools => "the MachineConfigPool that is to run it",
            Self::ProviderSpec => "the provider spec of an enrolled machine resource",
            Self::Plan => "the plan",
        })
    }
}

/// How objects are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// They are listed and watched. A program that runs once lists them, or gets the one that is
    /// named.
    Watch,
    /// They are got by name when they are needed, and never listed or watched.
    Get,
}

/// How much of an object is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole object.
    Whole,
    /// Its metadata alone (`PartialObjectMetadata`).
    Metadata,
}

impl Read {
    /// A read of whole objects on every platform, of a kind that a cluster may lack.
    pub fn new(
        kind: Kind,
        namespace: &'static str,
        which: Which,
        verb: Verb,
        why: &'static str,
    ) -> Self {
        Self {
            kind,
            namespace,
            which,
            verb,
            form: Form::Whole,
            platform: None,
            required: false,
            why,
        }
    }

    /// The same read, without which there is no plan.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same read of metadata alone.
    #[must_use]
    pub fn metadata_only(mut self) -> Self {
        self.form = Form::Metadata;
        self
    }

    /// The same read, on one platform only.
    #[must_use]
    pub fn only_on(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// Whether every object of another read is one of this read too.
    pub fn covers(&self, other: &Self) -> bool {
        let same = self.kind == other.kind
            && self.namespace == other.namespace
            && self.platform == other.platform;
        let all = self.verb == Verb::Watch && self.which == Which::All;
        // What is watched by name is got by that name, where it is read once.
        let verb = self.verb == other.verb || self.verb == Verb::Watch;
        let alike = verb && self.which == other.which;
        same && self.form == Form::Whole && (all || alike)
    }

    /// The resource in the API's paths and in RBAC rules.
    pub const fn resource(&self) -> Resource {
        self.kind.resource()
    }

    /// The names to which a role can be limited; empty where it cannot. (RBAC limits `list` and
    /// `watch` to a name only for requests that select by that very name.)
    pub fn resource_names(&self) -> &[&'static str] {
        match &self.which {
            Which::Named(name) => std::slice::from_ref(name),
            Which::NamedBy { usual, .. } => usual,
            Which::All | Which::Labelled(_) => &[],
        }
    }

    /// The verbs of an RBAC rule for a program that keeps watching.
    pub const fn watch_verbs(&self) -> &'static [&'static str] {
        match self.verb {
            Verb::Watch => &["list", "watch"],
            Verb::Get => &["get"],
        }
    }

    /// The verbs of an RBAC rule for a program that runs once.
    pub const fn once_verbs(&self) -> &'static [&'static str] {
        match (self.verb, self.which) {
            (Verb::Watch, Which::All | Which::Labelled(_)) => &["list"],
            _ => &["get"],
        }
    }
}
