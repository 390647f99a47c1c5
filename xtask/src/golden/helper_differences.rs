//! Where the small functions differ from the reference's on purpose.

/// A case whose result differs, and the rule that asks for it.
pub(crate) struct Difference {
    /// Id of the case.
    pub(crate) case: &'static str,
    /// The rule.
    pub(crate) rule: &'static str,
    /// What it asks for.
    pub(crate) why: &'static str,
}

/// Every difference. A row whose case does not differ, or is not there, is stale.
pub(crate) const DIFFERENCES: &[Difference] = &[Difference {
    case: "helper/ami_allowed/1",
    rule: "BI-276",
    why: "no list of known images is compiled in: an image is known when a stream document that \
          was given has it, and this case gives none",
}];
