//! What `import` and `export` share: a text in, a text out, what is lost on the way, and the names of the languages.

use crate::engine::contract::exchange::export::Target;
use crate::engine::contract::exchange::import::Language;
use crate::printable::printable;
use anyhow::Context;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Output {
    /// Where it is written to; by default standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Output {
    pub fn write(&self, text: &str, out: &mut impl Write) -> anyhow::Result<()> {
        match &self.output {
            Some(file) => std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display())),
            None => Ok(out.write_all(text.as_bytes())?),
        }
    }
}

/// A file's text, or what standard input holds.
pub fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().read_to_string(&mut text).map(|_| text),
        false => std::fs::read_to_string(file),
    };
    read.with_context(|| format!("{} cannot be read", file.display()))
}

/// A line on standard error for each thing that is lost on the way.
pub fn tell(source: &str, unsaid: &[String]) {
    unsaid.iter().for_each(|line| eprintln!("{source}: warning: {}", printable(line)));
}

impl ValueEnum for Language {
    fn value_variants<'a>() -> &'a [Language] {
        &[Language::Avro, Language::JsonSchema, Language::Protobuf, Language::Dcs, Language::Subject]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Language::Avro => ("avro", "An Avro schema"),
            Language::JsonSchema => ("json-schema", "JSON Schema, draft 4 to 2020-12"),
            Language::Protobuf => ("protobuf", "A .proto file"),
            Language::Dcs => ("dcs", "Data Contract Specification, 0.9 to 1.2"),
            Language::Subject => ("subject", "A subject version as a schema registry returns it, as JSON"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Target] {
        &[Target::Avro, Target::JsonSchema, Target::Protobuf, Target::Dcs, Target::Html, Target::Markdown]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Target::Avro => ("avro", "An Avro schema"),
            Target::JsonSchema => ("json-schema", "JSON Schema 2020-12"),
            Target::Protobuf => ("protobuf", "A .proto file"),
            Target::Dcs => ("dcs", "Data Contract Specification 1.2"),
            Target::Html => ("html", "One HTML file, which needs nothing else"),
            Target::Markdown => ("markdown", "Markdown with tables"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
