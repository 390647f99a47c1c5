//! A step that is being carried out.

use osbuild_plan::Action;

/// Tells of a step that is dropped before it ends: the process stops, or has lost its Lease.
pub(crate) struct Step<'a> {
    name: &'a str,
    action: Option<&'a Action>,
}

impl<'a> Step<'a> {
    pub(crate) const fn begin(name: &'a str, action: &'a Action) -> Self {
        let action = Some(action);
        Self { name, action }
    }

    /// It was carried out, or failed, which is told elsewhere.
    pub(crate) fn end(mut self) {
        self.action = None;
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if let Some(action) = self.action {
            tracing::warn!(
                kind = "MachineOSConfig",
                name = self.name,
                step = %action,
                "stopped within this step: some of its writes may not have been sent; whoever leads next \
                 goes on from there"
            );
        }
    }
}
