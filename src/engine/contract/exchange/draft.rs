//! An outline as an ODCS v3.1 document, which lint finds nothing in.

use crate::engine::contract::exchange::outline::{Field, Object, Outline};
use crate::engine::contract::exchange::tree::{Entries, Tree};

pub fn odcs(outline: &Outline) -> Tree {
    let description = Entries::default()
        .maybe("purpose", outline.text.clone())
        .maybe("usage", outline.usage.clone())
        .maybe("limitations", outline.limitations.clone());
    let team = outline.owner.clone().map(|owner| Entries::default().with("name", owner));
    Entries::default()
        .with("apiVersion", "v3.1.0")
        .with("kind", "DataContract")
        .with("id", outline.id.as_str())
        .maybe("name", outline.name.clone())
        .with("version", outline.version.as_deref().unwrap_or("0.1.0"))
        .with("status", outline.status.as_deref().unwrap_or("draft"))
        .maybe("domain", outline.domain.clone())
        .maybe("tags", Some(outline.tags.clone()))
        .maybe("description", Some(description))
        .maybe("team", team)
        .maybe("servers", Some(outline.servers.clone()))
        .with("schema", outline.objects.iter().map(object).collect::<Vec<Tree>>())
        .maybe("slaProperties", Some(outline.levels.clone()))
        .into()
}

fn object(object: &Object) -> Tree {
    let custom = |(name, value): &(String, Tree)| {
        Tree::from(Entries::default().with("property", name.as_str()).with("value", value.clone()))
    };
    Entries::default()
        .with("name", object.name.as_str())
        .maybe("physicalType", object.physical_type.clone())
        .maybe("physicalName", object.physical_name.clone())
        .maybe("businessName", object.title.clone())
        .maybe("description", object.text.clone())
        .maybe("tags", Some(object.tags.clone()))
        .maybe("customProperties", Some(object.custom.iter().map(custom).collect::<Vec<Tree>>()))
        .maybe("properties", Some(object.fields.iter().map(field).collect::<Vec<Tree>>()))
        .maybe("quality", Some(object.quality.clone()))
        .into()
}

fn field(field: &Field) -> Tree {
    let valid = (!field.values.is_empty()).then(|| {
        let arguments = Entries::default().with("validValues", field.values.clone());
        Tree::from(Entries::default().with("metric", "invalidValues").with("arguments", arguments).with("mustBe", 0))
    });
    let quality: Vec<Tree> = valid.into_iter().chain(field.quality.iter().cloned()).collect();
    let name = (!field.name.is_empty()).then_some(field.name.as_str());
    Entries::default()
        .maybe("name", name)
        .maybe("physicalName", field.physical_name.clone())
        .maybe("businessName", field.title.clone())
        .maybe("description", field.text.clone())
        .maybe("logicalType", field.logical.map(|logical| logical.word()))
        .maybe("physicalType", field.physical_type.clone())
        .maybe("logicalTypeOptions", Some(Tree::Map(field.options.clone())))
        .flag("required", field.required)
        .flag("unique", field.unique)
        .flag("primaryKey", field.key.is_some())
        .maybe("primaryKeyPosition", field.key.flatten())
        .maybe("classification", field.classification.clone())
        .maybe("tags", Some(field.tags.clone()))
        .maybe("examples", Some(field.examples.clone()))
        .maybe("quality", Some(quality))
        .maybe("properties", Some(field.fields.iter().map(self::field).collect::<Vec<Tree>>()))
        .maybe("items", field.items.as_deref().map(self::field))
        .into()
}
