//! Lists, page by page.

use std::collections::HashSet;
use std::time::Duration;

use kube::api::ListParams;
use openshift_model::Kind;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError, path};
use crate::files::Text;

/// How many objects are asked for at once: a page of MachineSets is about a megabyte.
const PAGE: u32 = 500;
/// How many pages a list may have: half a million objects are more than any cluster holds.
const MAX_PAGES: usize = 1_000;
/// How long a list may take, all pages together.
const LIST_TIMEOUT: Duration = Duration::from_mins(5);

/// The part of a list that tells where its next page is.
#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    /// Required, so that what is no list is an error.
    #[serde(rename = "items")]
    _items: IgnoredAny,
}

#[derive(Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    token: String,
}

impl Cluster {
    /// All objects of a namespace, page by page; those with a label where one is named.
    pub(super) async fn list(
        &self,
        kind: Kind,
        namespace: &str,
        label: Option<&str>,
    ) -> Result<Vec<Text>, ClusterError> {
        let call = Call {
            verb: "list",
            resource: kind.resource(),
            namespace,
            name: "",
        };
        let pages = async {
            match self.pages(&call, label).await {
                // What was read belongs to a state that the server has forgotten.
                Err(ClusterError::Expired { .. }) => self.pages(&call, label).await,
                other => other,
            }
        };
        let answered = tokio::time::timeout(LIST_TIMEOUT, pages).await;
        answered.unwrap_or_else(|_| {
            let seconds = LIST_TIMEOUT.as_secs();
            Err(self.endless(&call, format!("{seconds} s are over")))
        })
    }

    async fn pages(&self, call: &Call<'_>, label: Option<&str>) -> Result<Vec<Text>, ClusterError> {
        let path = kube::core::Request::new(path::collection(&call.resource, call.namespace));
        let mut params = ListParams::default().limit(PAGE);
        params.label_selector = label.map(str::to_owned);
        let mut pages = Vec::new();
        let mut tokens = HashSet::new();
        while pages.len() < MAX_PAGES {
            let request = call.request(path.list(&params))?;
            let json = self.call(call, &Message::repeatable(request)).await?;
            let list: List = serde_json::from_str(&json)
                .map_err(|error| self.not_an_api_server(call, &error))?;
            pages.push(self.text(call, json));
            let token = list.metadata.token;
            if token.is_empty() {
                return Ok(pages);
            }
            if !tokens.insert(token.clone()) {
                return Err(self.endless(call, "a page names one before it as the next".to_owned()));
            }
            params.continue_token = Some(token);
        }
        Err(self.endless(call, format!("it has more than {MAX_PAGES} pages")))
    }

    fn endless(&self, call: &Call<'_>, problem: String) -> ClusterError {
        ClusterError::EndlessList {
            server: self.server().to_owned(),
            what: call.to_string(),
            problem,
        }
    }
}
