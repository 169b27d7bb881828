//! ODCS contracts as schemas of other languages, and as pages for people.

pub mod outline; // a contract as an outline
pub mod avro; // an outline as an Avro schema
pub mod json_schema; // as JSON Schema 2020-12
pub mod protobuf; // as a .proto file
pub mod names; // names that they can have
pub mod dcs; // as Data Contract Specification 1.2
pub mod page; // a contract as headings, texts and tables
pub mod html; // those as HTML
pub mod markdown; // and as Markdown

use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::yaml;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Avro,
    JsonSchema,
    Protobuf,
    /// Data Contract Specification.
    Dcs,
    Html,
    Markdown,
}

#[derive(Debug)]
pub struct Exported {
    pub text: String,
    /// What the contract says and the target cannot.
    pub unsaid: Vec<String>,
}

/// `object`: the one that a schema is made of, by its name; else the first. The error says why there is nothing.
pub fn export(contract: &str, target: Target, object: Option<&str>) -> Result<Exported, String> {
    let node = yaml::parse(contract).map_err(|error| match error.line {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    })?;
    let document = Tree::of(&node);
    if document.text("kind") != Some("DataContract") {
        return Err("it is no ODCS contract: it has no `kind: DataContract`".to_owned());
    }
    let mut unsaid = Unsaid::default();
    let text = match target {
        Target::Html => html::html(&page::page(&document)),
        Target::Markdown => markdown::markdown(&page::page(&document)),
        Target::Dcs => dcs::dcs(&outline::of(&document, &mut unsaid), &mut unsaid).yaml(),
        Target::Avro | Target::JsonSchema | Target::Protobuf => {
            let mut outline = outline::of(&document, &mut unsaid);
            outline::only_fields(&outline, &mut unsaid);
            let names: Vec<&str> = outline.objects.iter().map(|object| object.name.as_str()).collect();
            let place = match object {
                None if names.is_empty() => return Err("the contract has no schema".to_owned()),
                None => 0,
                Some(name) => names
                    .iter()
                    .position(|known| *known == name)
                    .ok_or_else(|| format!("no object is named {name}; there are {}", names.join(", ")))?,
            };
            if names.len() > 1 && object.is_none() {
                unsaid.tell(
                    "",
                    format!("of {} objects only {} is said: ask for another by --schema", names.len(), names[place]),
                );
            }
            let object = outline.objects.swap_remove(place);
            match target {
                Target::Avro => avro::schema(&object, &mut unsaid).pretty_json(),
                Target::Protobuf => protobuf::file(&object, &mut unsaid),
                _ => json_schema::schema(&outline.id, &object, &mut unsaid).pretty_json(),
            }
        }
    };
    Ok(Exported { text, unsaid: unsaid.lines() })
}

#[cfg(test)]
mod tests;
