//! `steward contract`: what a contract says and does, without a broker, a network or a configuration.

pub mod test; // a dry run on records
pub mod shown; // what is told of it, as text

use crate::cli::Exit;
use std::io::Write;

#[derive(Debug, clap::Subcommand)]
pub enum Contract {
    /// Tries a contract on records: every rule's verdict, as the daemon would give it
    Test(test::Args),
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
        Contract::Test(args) => test::test(args, out),
    }
}
