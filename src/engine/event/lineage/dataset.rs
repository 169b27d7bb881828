//! `io.meshsteward.lineage.dataset.v1`: a topic as its contract describes it, an OpenLineage DatasetEvent.

use crate::engine::contract::described::{Dataset, Field};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::envelope::{Event, clip};
use crate::engine::event::lineage::schema::schema;
use crate::engine::event::lineage::speaker::{Said, Speaker, facet, fitting};
use serde_json::{Map, Value, json};

/// A topic that a product governs.
#[derive(Clone, Debug)]
pub struct Governed<'a> {
    pub product: &'a ProductName,
    pub contract_id: &'a str,
    pub contract_version: &'a str,
    pub hash: ContractHash,
    /// `team:order-desk`, `user:jane`.
    pub owner: Option<&'a str>,
    pub dataset: &'a Dataset,
    /// What happened to it since it was last told.
    pub change: Option<Change>,
    /// Facets that say how its last window was judged; null where none is told.
    pub quality: Value,
    pub time_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic was created anew.
    Create,
    /// Its schema is another.
    Alter,
}

/// The event; the same topic, product, contract hash and time give the same `ce_id`.
pub fn event(speaker: &Speaker<'_>, governed: &Governed<'_>) -> Event {
    let (namespace, name) = (speaker.namespace, governed.dataset.topic.as_str());
    let (hash, product) = (governed.hash.to_string(), governed.product);
    let said = Said {
        kind: "io.meshsteward.lineage.dataset.v1",
        event: "DatasetEvent",
        product: Some(product),
        identity: &[namespace, name, &product.domain, &product.name, &hash],
        key: format!("dataset:{namespace}/{name}"),
        time_ms: governed.time_ms,
    };
    let dataset = json!({ "namespace": namespace, "name": name, "facets": facets(speaker, governed) });
    speaker.event(said, json!({ "dataset": dataset }))
}

/// What tags may weigh: with the schema's 256 KiB far below what an event may.
const TAGS_BYTES: usize = 64 * 1024;

fn facets(speaker: &Speaker<'_>, governed: &Governed<'_>) -> Value {
    let mut facets = Map::new();
    let source = json!({ "name": speaker.namespace, "uri": speaker.namespace });
    facets.insert("dataSource".into(), facet("DatasourceDatasetFacet", "1-0-1", source));
    let kind = json!({ "datasetType": "TOPIC" });
    facets.insert("datasetType".into(), facet("DatasetTypeDatasetFacet", "1-0-1", kind));
    if !governed.dataset.fields.is_empty() {
        facets.insert("schema".into(), schema(governed.dataset));
    }
    if let Some(owner) = governed.owner {
        let owners = json!({ "owners": [{ "name": clip(owner), "type": "OWNER" }] });
        facets.insert("ownership".into(), facet("OwnershipDatasetFacet", "1-0-1", owners));
    }
    if let Some(text) = &governed.dataset.text {
        let text = json!({ "description": clip(text) });
        facets.insert("documentation".into(), facet("DocumentationDatasetFacet", "1-1-0", text));
    }
    if let Some(change) = governed.change {
        let change = match change {
            Change::Create => "CREATE",
            Change::Alter => "ALTER",
        };
        let change = json!({ "lifecycleStateChange": change });
        facets.insert("lifecycleStateChange".into(), facet("LifecycleStateChangeDatasetFacet", "1-0-1", change));
    }
    facets.insert("tags".into(), tags(governed));
    facets.extend(governed.quality.as_object().cloned().unwrap_or_default());
    facets.into()
}

/// Whose topic it is, by which contract, and which of its fields are classified.
fn tags(governed: &Governed<'_>) -> Value {
    let tag = |key: &str, value: &str| json!({ "key": key, "value": clip(value), "source": "STEWARD" });
    let mut tags = vec![
        tag("domain", &governed.product.domain),
        tag("product", &governed.product.to_string()),
        tag("contract", governed.contract_id),
        tag("contractVersion", governed.contract_version),
    ];
    let mut columns = Vec::new();
    classified("", &governed.dataset.fields, &mut columns);
    tags.extend(columns.into_iter().map(|column| {
        let mut tag = tag("classified", "true");
        tag["field"] = json!(clip(&column));
        tag
    }));
    let mut left = TAGS_BYTES;
    let (tags, _) = fitting(tags, &mut left);
    facet("TagsDatasetFacet", "1-0-0", json!({ "tags": tags }))
}

fn classified(above: &str, fields: &[Field], into: &mut Vec<String>) {
    for field in fields.iter().filter(|f| f.classified) {
        let column = format!("{above}{}", field.name);
        classified(&format!("{column}."), &field.fields, into);
        into.push(column);
    }
}
