//! Contracts as people read and search them: the text as it was loaded, and the fields that it names.

use crate::catalog::files::Source;
use crate::engine::contract::described::{self, Described};
use crate::engine::contract::joined;
use crate::engine::contract::model::Property;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::published::contracts;
use crate::engine::published::lifecycle::Lifecycle;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: String,
    pub version: String,
    pub hash: ContractHash,
    pub product: ProductName,
    pub owner: String,
    pub path: String,
    pub text: String,
    pub topics: Vec<String>,
    pub fields: Vec<Field>,
    /// Its topics, for lineage.
    pub described: Described,
    pub rules: usize,
    /// Its `status`, where that is a word of the standards.
    pub lifecycle: Option<Lifecycle>,
}

/// A property of an object that is a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub topic: String,
    /// By names: `lines[].sku`.
    pub path: String,
}

/// A contract's text comes back as it was loaded, comments and all, and behind it what joins it from a schema registry.
pub fn document(source: &Source) -> Document {
    let plan = &source.plan;
    let (mut fields, mut topics, mut lifecycle) = (Vec::new(), Described::default(), None);
    if let Some(contract) = joined::parse(&source.text).contract {
        topics = described::of(&contract);
        lifecycle = contracts::lifecycle(&contract);
        for object in &contract.objects {
            collect(&object.topic, &object.properties, &mut fields);
        }
    }
    Document {
        id: plan.contract_id.clone(),
        version: plan.contract_version.clone(),
        hash: plan.hash,
        product: plan.product.clone(),
        owner: plan.owner.clone(),
        path: source.path.display().to_string(),
        text: source.text.clone(),
        topics: plan.governed().map(|object| object.topic.clone()).collect(),
        fields,
        described: topics,
        rules: plan.rules.len(),
        lifecycle,
    }
}

fn collect(topic: &str, properties: &[Property], fields: &mut Vec<Field>) {
    for property in properties {
        fields.push(Field { topic: topic.to_owned(), path: property.path.clone() });
        collect(topic, &property.children, fields);
    }
}
