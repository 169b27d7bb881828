//! A subject version, as a registry returns it, into an outline: its schema, its tags and whose it is.

use crate::engine::contract::exchange::import::{avro, json_schema, protobuf};
use crate::engine::contract::exchange::outline::Outline;
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::yaml;

/// The error says what is wrong with it.
pub fn outline(subject: &Tree, message: Option<&str>, unsaid: &mut Unsaid) -> Result<Outline, String> {
    let Some(schema) = subject.text("schema") else {
        return Err("there is no schema: give the answer of GET /subjects/{subject}/versions/{version}".to_owned());
    };
    let named: Vec<(String, String)> = subject.list("references").iter().filter_map(reference).collect();
    let references: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    if references.len() < subject.list("references").len() {
        unsaid.tell("", "the schemas that it refers to are not here: put the text of each as `schema` beside its `name` in `references`");
    }
    let document = || match yaml::parse(schema) {
        Ok(node) => Ok(Tree::of(&node)),
        Err(error) => Err(format!("the schema does not parse: {error}")),
    };
    let mut outline = match subject.text("schemaType").unwrap_or("AVRO") {
        "AVRO" => avro::outline(&document()?, &references, unsaid)?,
        "JSON" => json_schema::outline(&document()?, &references, unsaid)?,
        "PROTOBUF" => protobuf::outline(schema, &references, message, unsaid)?,
        other => return Err(format!("schemaType {other:?} is not known: AVRO, JSON and PROTOBUF are")),
    };
    if let Some(name) = subject.text("subject") {
        name.clone_into(&mut outline.id);
        let topic = name.strip_suffix("-value").unwrap_or(name).to_owned();
        if let [object] = outline.objects.as_mut_slice() {
            object.physical_name = Some(topic);
        }
    }
    outline.version = subject.get("version").map(Tree::word);
    let properties = subject.get("metadata").and_then(|metadata| metadata.get("properties"));
    let told = |key: &str| properties.and_then(|properties| properties.get(key)).map(Tree::word);
    outline.owner = told("owner");
    outline.domain = told("domain");
    outline.text = told("description").or(outline.text.take());
    if subject
        .get("ruleSet")
        .is_some_and(|rules| rules.entries().iter().any(|(_, list)| *list != Tree::List(Vec::new())))
    {
        unsaid.tell("", "its rule set is not said: `contract test` and the daemon read it from the registry");
    }
    Ok(outline)
}

/// A reference with the text of its schema, where somebody put it beside its name: a registry has it apart.
fn reference(of: &Tree) -> Option<(String, String)> {
    Some((of.text("name")?.to_owned(), of.text("schema")?.to_owned()))
}
