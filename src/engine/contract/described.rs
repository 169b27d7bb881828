//! What a contract tells people and catalogs of its data: topics, names, types, texts. None of it is asked of a record.

use crate::engine::contract::model::{Contract, Property};
use crate::engine::decode::path::Step;

/// A contract's data, for catalogs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `team:order-desk` or `user:jane`; `None` where the contract names nobody.
    pub owner: Option<String>,
    /// One a topic, in the order of the document.
    pub datasets: Vec<Dataset>,
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    pub topic: String,
    /// The objects of the contract that read it: `schema/orders`.
    pub objects: Vec<String>,
    pub text: Option<String>,
    pub fields: Vec<Field>,
}

/// A field as it stands in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The `physicalName`; `_element` for the items of an array, as OpenLineage's own integrations call them.
    pub name: String,
    /// `schema/orders/properties/amount`.
    pub relates_to: String,
    /// The `physicalType`, else the `logicalType`.
    pub kind: Option<String>,
    pub text: Option<String>,
    /// No value of it may be shown.
    pub classified: bool,
    pub fields: Vec<Field>,
}

/// Of several objects that read one topic, the fields are joined: the first that has a name keeps it.
pub fn of(contract: &Contract) -> Described {
    let mut datasets: Vec<Dataset> = Vec::new();
    for object in &contract.objects {
        let place = datasets.iter().position(|d| d.topic == object.topic).unwrap_or_else(|| {
            datasets.push(Dataset { topic: object.topic.clone(), ..Dataset::default() });
            datasets.len() - 1
        });
        let dataset = &mut datasets[place];
        dataset.objects.push(object.relates_to.clone());
        dataset.text = dataset.text.take().or_else(|| object.text.clone()).or_else(|| contract.text.clone());
        for found in object.properties.iter().map(field) {
            if dataset.fields.iter().all(|known| known.name != found.name) {
                dataset.fields.push(found);
            }
        }
    }
    Described { owner: contract.owner_urn.clone(), datasets }
}

impl Dataset {
    /// Whether an element of the contract, named by its ODCS path, speaks of this topic.
    pub fn holds(&self, relates_to: &str) -> bool {
        self.objects.iter().any(|object| is_in(relates_to, object))
    }

    /// The field that an element of the contract speaks of, by the names of the schema: `lines._element.sku`. `None`
    /// where it speaks of the topic as a whole.
    pub fn column(&self, relates_to: &str) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        let mut fields = &self.fields;
        while let Some(field) = fields.iter().find(|f| is_in(relates_to, &f.relates_to)) {
            names.push(&field.name);
            fields = &field.fields;
        }
        (!names.is_empty()).then(|| names.join("."))
    }
}

fn field(property: &Property) -> Field {
    let name = match property.field.0.last() {
        Some(Step::Name(name)) => name.clone(),
        Some(Step::Items) | None => "_element".into(),
        Some(Step::Keys) => "_key".into(),
        Some(Step::Values) => "_value".into(),
    };
    Field {
        name,
        relates_to: property.relates_to.clone(),
        kind: property.kind.clone(),
        text: property.text.clone(),
        classified: property.classified,
        fields: property.children.iter().map(field).collect(),
    }
}

fn is_in(path: &str, element: &str) -> bool {
    path.strip_prefix(element).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{Described, of};
    use crate::engine::contract::odcs;

    const TWO_OBJECTS: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
description: {purpose: What was ordered., usage: Bill it.}
team: {name: order-desk}
schema:
  - name: orders
    physicalType: topic
    physicalName: shop.orders
    properties:
      - {name: id, physicalName: order_id, logicalType: string, description: Never changes.}
      - name: lines
        logicalType: array
        items: {logicalType: object, properties: [{name: sku, physicalType: char(8), logicalType: string}]}
  - name: amounts
    physicalType: topic
    physicalName: shop.orders
    properties:
      - {name: order_id, logicalType: integer}
      - {name: amount, logicalType: number, classification: restricted}
";

    fn described(text: &str) -> Described {
        of(&odcs::parse(text).contract.expect("a contract"))
    }

    #[test]
    fn objects_that_share_a_topic_are_one_dataset() {
        let told = described(TWO_OBJECTS);
        assert_eq!(told.owner.as_deref(), Some("team:order-desk"));
        let [dataset] = told.datasets.as_slice() else { panic!("{told:?}") };
        assert_eq!(dataset.text.as_deref(), Some("What was ordered.\n\nBill it."));
        let fields: Vec<_> =
            dataset.fields.iter().map(|f| (f.name.as_str(), f.kind.as_deref(), f.classified)).collect();
        assert_eq!(
            fields,
            [("order_id", Some("string"), false), ("lines", Some("array"), false), ("amount", Some("number"), true)]
        );
        let element = &dataset.fields[1].fields[0];
        assert_eq!((element.name.as_str(), element.fields[0].kind.as_deref()), ("_element", Some("char(8)")));
    }

    #[test]
    fn an_element_of_the_contract_is_found_as_a_column() {
        let told = described(TWO_OBJECTS);
        let check = |relates_to: &str, held: bool, column: Option<&str>| {
            assert_eq!(told.datasets[0].holds(relates_to), held, "{relates_to}");
            assert_eq!(told.datasets[0].column(relates_to).as_deref(), column, "{relates_to}");
        };
        check("schema/orders", true, None);
        check("schema/orders/quality/arrive", true, None);
        check("schema/orders/properties/id", true, Some("order_id"));
        check("schema/orders/properties/id/quality/known", true, Some("order_id"));
        check("schema/orders/properties/lines/items/properties/sku", true, Some("lines._element.sku"));
        check("schema/amounts/properties/amount", true, Some("amount"));
        check("schema/ordersOfOld/properties/id", false, None);
        check("slaProperties/latency", false, None);
        check("", false, None);
    }

    #[test]
    fn a_member_that_owns_is_a_user() {
        let team = |team: &str| described(&TWO_OBJECTS.replace("team: {name: order-desk}", team)).owner;
        assert_eq!(team("team: [{username: jane, role: Owner}]").as_deref(), Some("user:jane"));
        assert_eq!(team("team: [{username: jane, role: steward}]"), None);
        assert_eq!(team(""), None);
    }
}
