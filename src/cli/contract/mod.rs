//! `steward contract`: what a contract says and does; without a broker, a network or a configuration, unless one is named.

pub mod diff; // what changed, and whom it breaks
pub mod lint; // everything that is wrong with files
pub mod linted; // what is told of them: text, JSON, GitHub's annotations, JUnit's XML
pub mod test; // a dry run on records
pub mod shown; // what is told of it, as text
pub mod infer; // a draft from records
pub mod import; // from a schema of another language
pub mod export; // as a schema of another language, or as a page
pub mod exchanged; // what these two share
pub mod registered; // from a subject of a schema registry
pub mod with; // with others that it refers to
pub mod records; // where its records come from: a file
pub mod topic; // or a topic

use crate::cli::{Exit, examples};
use std::io::Write;

#[derive(Debug, clap::Subcommand)]
pub enum Contract {
    /// Tells what changed between two versions of a contract, and whom it breaks
    #[command(after_help = examples::DIFF)]
    Diff(diff::Args),
    /// Tells everything that is wrong with contracts, data products and registry subjects
    #[command(after_help = examples::LINT)]
    Lint(lint::Args),
    /// Tries a contract on records: every rule's verdict, as the daemon would give it
    #[command(after_help = examples::TEST)]
    Test(test::Args),
    /// Drafts a contract from records, with the evidence for each of its clauses
    #[command(after_help = examples::INFER)]
    Infer(infer::Args),
    /// Makes a contract of a schema: Avro, JSON Schema, Protobuf, Data Contract Specification
    #[command(after_help = examples::IMPORT)]
    Import(import::Args),
    /// Writes a contract as Avro, JSON Schema, Protobuf, Data Contract Specification, HTML or Markdown
    #[command(after_help = examples::EXPORT)]
    Export(export::Args),
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One document, for tools
    Json,
}

pub fn contract(command: &Contract, out: &mut impl Write) -> anyhow::Result<Exit> {
    match command {
        Contract::Diff(args) => diff::diff(args, out),
        Contract::Lint(args) => lint::lint(args, out),
        Contract::Test(args) => test::test(args, out),
        Contract::Infer(args) => infer::infer(args, out),
        Contract::Import(args) => import::import(args, out),
        Contract::Export(args) => export::export(args, out),
    }
}
