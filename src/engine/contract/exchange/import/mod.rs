//! Schemas of other languages into outlines, and those into ODCS.

pub mod avro; // Avro schemas
pub mod json_schema; // JSON Schema, draft 4 to 2020-12
pub mod protobuf; // .proto files
pub mod dcs; // Data Contract Specification 1.x
pub mod promise; // its service levels
pub mod subject; // a registry's subject version

use crate::engine::contract::exchange::draft;
use crate::engine::contract::exchange::outline::legal_topic;
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::yaml;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Avro,
    JsonSchema,
    Protobuf,
    /// Data Contract Specification.
    Dcs,
    /// A subject version, as a registry returns it.
    Subject,
}

/// What the command line adds to the schema.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What the contract and its object are called; by default as the schema is.
    pub name: Option<&'a str>,
    /// The topic; by default called as the object.
    pub topic: Option<&'a str>,
    /// The Protobuf message; by default the first of the file.
    pub message: Option<&'a str>,
    /// Records carry no frame of a registry: the contract holds the schema that they are read by.
    pub unframed: bool,
}

#[derive(Debug)]
pub struct Imported {
    /// An ODCS document.
    pub contract: Tree,
    /// What the schema says and ODCS cannot.
    pub unsaid: Vec<String>,
}

/// The error says what is wrong with the text.
pub fn import(text: &str, language: Language, wanted: Wanted<'_>) -> Result<Imported, String> {
    let mut unsaid = Unsaid::default();
    let document = || match yaml::parse(text) {
        Ok(node) => Ok(Tree::of(&node)),
        Err(error) => Err(match error.line {
            Some(line) => format!("line {line}: {error}"),
            None => error.to_string(),
        }),
    };
    let mut outline = match language {
        Language::Avro => avro::outline(&document()?, &[], &mut unsaid)?,
        Language::JsonSchema => json_schema::outline(&document()?, &[], &mut unsaid)?,
        Language::Protobuf => protobuf::outline(text, &[], wanted.message, &mut unsaid)?,
        Language::Dcs => dcs::outline(&document()?, &mut unsaid)?,
        Language::Subject => subject::outline(&document()?, wanted.message, &mut unsaid)?,
    };
    if let Some(name) = wanted.name {
        name.clone_into(&mut outline.id);
        outline.name = Some(name.to_owned());
    }
    if outline.objects.is_empty() {
        return Err("it describes no records".to_owned());
    }
    let alone = outline.objects.len() == 1;
    for object in &mut outline.objects {
        if let (Some(name), true) = (wanted.name, alone) {
            name.clone_into(&mut object.name);
        }
        let topic = wanted.topic.filter(|_| alone).or(object.physical_name.as_deref()).unwrap_or(&object.name);
        object.physical_name = Some(legal_topic(topic));
        object.physical_type = Some("topic".to_owned());
    }
    if wanted.topic.is_some() && !alone {
        unsaid.tell("", "it describes several kinds of records, and --topic can be that of one: none has it");
    }
    let schema = match language {
        _ if !wanted.unframed => None,
        Language::Avro => Some(("steward.avroSchema", text)),
        Language::Protobuf => Some(("steward.protobufSchema", text)),
        _ => {
            return Err(
                "only Avro and Protobuf are read without a frame by a schema that the contract holds".to_owned()
            );
        }
    };
    if let (Some((property, schema)), Some(object)) = (schema, outline.objects.first_mut()) {
        object.custom.push((property.to_owned(), schema.into()));
        let message = wanted.message.filter(|_| language == Language::Protobuf);
        object.custom.extend(message.map(|message| ("steward.protobufMessage".to_owned(), message.into())));
    }
    Ok(Imported { contract: draft::odcs(&outline), unsaid: unsaid.lines() })
}

#[cfg(test)]
mod tests;
