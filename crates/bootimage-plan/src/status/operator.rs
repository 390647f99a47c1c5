//! What ClusterOperator `osimage` says of boot images, where nobody else does (BI-056, BI-100 …
//! BI-106).

use bootimage_status::{
    OperatorCondition, OperatorRelease, StatusCondition, UpgradeGuard, codes, guard_upgrade,
    operator_degraded, operator_error, operator_upgradeable,
};
use openshift_model::{
    Address, ClusterVersion, Condition, CreateRequest, Edit, Guard, Kind, PatchBody, PatchRequest,
    RawObject, RawValue, ReadError, Subresource, TransitionTime, WantedCondition, Write,
    upsert_condition,
};
use serde_json::{Value, json};

use super::{ClusterStatus, StatusError};
use crate::Contested;

/// The name of the ClusterOperator.
pub const CLUSTER_OPERATOR: &str = "osimage";
/// Who writes it.
pub const OPERATOR_FIELD_MANAGER: &str = "osimage-boot-images-operator";
/// Its condition that tells of objects that somebody else keeps reverting. They make nothing
/// degraded.
pub const CONTESTED: &str = "BootImagesContested";

/// What the ClusterOperator is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorStatus(Vec<OperatorCondition>);

impl ClusterStatus {
    /// What the ClusterOperator says after a pass. `cluster_version` is the object `version`, where
    /// there is one.
    pub fn operator(
        &self,
        cluster_version: Option<&RawObject<'_>>,
        contested: &[Contested],
    ) -> Result<OperatorStatus, ReadError> {
        let version = cluster_version.map(ClusterVersion::read).transpose()?;
        let views: Vec<_> = self.conditions.iter().map(view).map(Some).collect();
        let guard = guard_upgrade(&UpgradeGuard {
            skew: self.skew.as_ref(),
            conditions: &views,
            cluster_version: version.as_ref(),
        });
        let release = version.as_ref().and_then(ClusterVersion::release);
        let degraded = match operator_error(&views) {
            // The gates let a pass write only once the release is applied completely (BI-140).
            Err(error) => operator_degraded(
                &error,
                OperatorRelease::Running(release.unwrap_or_default()),
            ),
            Ok(()) => condition(codes::OPERATOR_DEGRADED, false, ""),
        };
        Ok(OperatorStatus(vec![
            condition("Available", true, ""),
            condition("Progressing", false, ""),
            degraded,
            operator_upgradeable(&guard),
            contested_condition(contested),
        ]))
    }
}

impl OperatorStatus {
    /// The next request on the way to a ClusterOperator that says this: its creation, or a change of
    /// its status; `None` where it says so already. `now` is RFC 3339.
    pub fn write(
        &self,
        live: Option<&RawObject<'_>>,
        now: &str,
    ) -> Result<Option<Write>, StatusError> {
        let address = Address {
            resource: Kind::ClusterOperator.resource(),
            namespace: String::new(),
            name: CLUSTER_OPERATOR.to_owned(),
        };
        let Some(live) = live else {
            let object = json!({"apiVersion": address.resource.api_version(),
                "kind": address.resource.kind, "metadata": {"name": CLUSTER_OPERATOR}, "spec": {}});
            return Ok(Some(Write::Create(CreateRequest {
                address,
                object,
                field_manager: OPERATOR_FIELD_MANAGER.into(),
            })));
        };
        let edit = self.edit(live, now)?;
        let meta = live.meta().map_err(StatusError::Read)?;
        let owned = |text: &Option<openshift_model::Text<'_>>| text.as_deref().map(str::to_owned);
        Ok((!edit.is_empty()).then(|| {
            Write::Patch(PatchRequest {
                address,
                subresource: Some(Subresource::Status),
                body: PatchBody::Json(edit),
                guard: Guard {
                    uid: owned(&meta.uid),
                    resource_version: owned(&meta.resource_version),
                },
                field_manager: OPERATOR_FIELD_MANAGER.into(),
            })
        }))
    }

    fn edit(&self, live: &RawObject<'_>, now: &str) -> Result<Edit, StatusError> {
        let existing = live.condition_documents().map_err(StatusError::Read)?;
        let had_list = existing.is_some();
        let mut list = existing.unwrap_or_default();
        let before = Value::from(list.clone());
        let mut changed = false;
        for OperatorCondition {
            kind,
            status,
            reason,
            message,
        } in &self.0
        {
            let wanted = WantedCondition {
                kind,
                status: *status,
                reason,
                message,
            };
            changed |= upsert_condition(&mut list, &wanted, TransitionTime::OnStatus, now);
        }
        let mut edit = Edit::default();
        if !changed {
            return Ok(edit);
        }
        let status = live.member("status").map(RawValue::get);
        let has_status = status.is_some_and(|text| text != "null");
        let edited = if had_list {
            edit.replace("/status/conditions", &before, &list)
        } else if has_status {
            edit.add("/status/conditions", &list)
        } else {
            edit.add("/status", &json!({"conditions": list}))
        };
        edited.map_err(StatusError::Edit)?;
        Ok(edit)
    }
}

fn condition(kind: &'static str, status: bool, message: &str) -> OperatorCondition {
    OperatorCondition {
        kind,
        status,
        reason: codes::AS_EXPECTED,
        message: message.to_owned(),
    }
}

fn contested_condition(contested: &[Contested]) -> OperatorCondition {
    let messages: Vec<String> = contested.iter().map(Contested::message).collect();
    OperatorCondition {
        reason: if contested.is_empty() {
            codes::AS_EXPECTED
        } else {
            Contested::REASON.name()
        },
        ..condition(CONTESTED, !contested.is_empty(), &messages.join("; "))
    }
}

fn view(condition: &StatusCondition) -> Condition<'_> {
    Condition {
        kind: Some(condition.kind.name().into()),
        status: Some(if condition.status { "True" } else { "False" }.into()),
        reason: Some(condition.reason.as_str().into()),
        message: Some(condition.message.as_str().into()),
        last_transition_time: None,
    }
}
