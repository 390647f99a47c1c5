//! What a vCenter has, by the property collector: a page of a thousand objects for each call.

use std::collections::BTreeMap;

use super::error::VcenterError;
use super::session::{Reference, Session};
use super::xml::{Element, escape};

/// 5,000 machines take five calls; vCenters give smaller pages where these are too large for them.
const PAGE: usize = 1000;

/// An object with those properties of it that were asked for and are set.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub(super) reference: Reference,
    properties: BTreeMap<String, Element>,
}

impl Object {
    pub(super) fn get(&self, path: &str) -> Option<&Element> {
        self.properties.get(path)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        self.get(path).map_or("", |element| element.text.trim())
    }

    pub(super) fn is(&self, path: &str) -> bool {
        matches!(self.text(path), "true" | "1")
    }

    pub(super) fn reference_at(&self, path: &str) -> Option<Reference> {
        Reference::of(self.get(path)?)
    }

    /// What a list of references refers to.
    pub(super) fn references(&self, path: &str) -> Vec<Reference> {
        let list = self.get(path).map(|list| list.children.as_slice());
        list.unwrap_or_default()
            .iter()
            .filter_map(Reference::of)
            .collect()
    }
}

/// Which properties to read of objects of a type, derived types included.
pub(super) type Wanted<'w> = (&'w str, &'w [&'w str]);

impl Session {
    /// Properties of single objects; what is gone is left out.
    pub(super) async fn properties(
        &self,
        objects: &[Reference],
        paths: &[&str],
    ) -> Result<Vec<Object>, VcenterError> {
        let mut kinds: Vec<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let wanted: Vec<Wanted<'_>> = kinds.into_iter().map(|kind| (kind, paths)).collect();
        let mut set = String::new();
        for object in objects {
            set.push_str(&format!(
                "<objectSet>{}</objectSet>",
                object.argument("obj")
            ));
        }
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        self.retrieve(&wanted, &set).await
    }

    /// Properties of one object.
    pub(super) async fn object(
        &self,
        object: &Reference,
        paths: &[&str],
    ) -> Result<Object, VcenterError> {
        let found = self.properties(std::slice::from_ref(object), paths).await?;
        let unset = || Object {
            reference: object.clone(),
            ..Object::default()
        };
        Ok(found.into_iter().next().unwrap_or_else(unset))
    }

    /// Properties of everything of some types below an object.
    pub(super) async fn below(
        &self,
        root: &Reference,
        wanted: &[Wanted<'_>],
    ) -> Result<Vec<Object>, VcenterError> {
        let mut arguments = root.argument("container");
        for (kind, _) in wanted {
            arguments.push_str(&format!("<type>{kind}</type>"));
        }
        arguments.push_str("<recursive>true</recursive>");
        let manager = &self.content.view_manager;
        let answer = self
            .read(manager, "CreateContainerView", &arguments)
            .await?;
        let view = self.returned(&answer, "CreateContainerView")?;
        let set = format!(
            "<objectSet>{}<skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><name>view</name>\
             <type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet>",
            view.argument("obj")
        );
        let found = self.retrieve(wanted, &set).await;
        self.call(&view, "DestroyView", "").await.ok();
        found
    }

    async fn retrieve(
        &self,
        wanted: &[Wanted<'_>],
        object_set: &str,
    ) -> Result<Vec<Object>, VcenterError> {
        let collector = &self.content.property_collector;
        let mut arguments = "<specSet>".to_owned();
        for (kind, paths) in wanted {
            arguments.push_str(&format!("<propSet><type>{kind}</type><all>false</all>"));
            for path in *paths {
                arguments.push_str(&format!("<pathSet>{path}</pathSet>"));
            }
            arguments.push_str("</propSet>");
        }
        arguments.push_str(&format!(
            "{object_set}</specSet><options><maxObjects>{PAGE}</maxObjects></options>"
        ));
        let mut objects = Vec::new();
        let mut answer = self
            .read(collector, "RetrievePropertiesEx", &arguments)
            .await?;
        loop {
            let page = answer.child("returnval");
            objects.extend(
                page.iter()
                    .flat_map(|page| page.all("objects"))
                    .filter_map(object),
            );
            let Some(token) = page.and_then(|page| page.text_of("token")) else {
                return Ok(objects);
            };
            let token = format!("<token>{}</token>", escape(token));
            // Not asked again: a token holds for one call.
            answer = self
                .call(collector, "ContinueRetrievePropertiesEx", &token)
                .await?;
        }
    }

    /// What has an inventory path, e.g. `/dc1/vm/folder`.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Reference>, VcenterError> {
        let path = format!(
            "<inventoryPath>{}</inventoryPath>",
            escape(path.trim_matches('/'))
        );
        let index = &self.content.search_index;
        let answer = self.read(index, "FindByInventoryPath", &path).await?;
        Ok(answer.child("returnval").and_then(Reference::of))
    }

    /// The child of a folder that has a name.
    pub(super) async fn child(
        &self,
        folder: &Reference,
        name: &str,
    ) -> Result<Option<Reference>, VcenterError> {
        let arguments = format!("{}<name>{}</name>", folder.argument("entity"), escape(name));
        let answer = self
            .read(&self.content.search_index, "FindChild", &arguments)
            .await?;
        Ok(answer.child("returnval").and_then(Reference::of))
    }

    /// The object that a call gives.
    pub(super) fn returned(&self, answer: &Element, call: &str) -> Result<Reference, VcenterError> {
        let returned = answer.child("returnval").and_then(Reference::of);
        returned.ok_or_else(|| self.asked(call).unusable("it gives no object"))
    }

    pub(super) fn not_found(&self, what: &'static str, path: &str) -> VcenterError {
        VcenterError::NotFound {
            server: self.server.clone(),
            what,
            path: path.to_owned(),
        }
    }
}

fn object(element: &Element) -> Option<Object> {
    let properties = element.all("propSet").filter_map(|property| {
        let name = property.text_of("name")?.to_owned();
        Some((name, property.child("val")?.clone()))
    });
    Some(Object {
        reference: Reference::of(element.child("obj")?)?,
        properties: properties.collect(),
    })
}
