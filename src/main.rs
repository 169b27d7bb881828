//! `steward`: arguments, logging, exit code.

use clap::{Parser, Subcommand};
use mesh_steward::cli::{Exit, check};
use std::io::Write;
use std::process::ExitCode;

/// Judges every record of every data product on Kafka against its data contract, exactly once.
#[derive(Parser)]
#[command(name = "steward", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells everything that is wrong with a configuration and its contracts
    Check(check::Args),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(exit) => exit.into(),
        Err(e) => {
            eprintln!("steward: {e:#}");
            Exit::NotDone.into()
        }
    }
}

fn run(command: Command) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let exit = match command {
        Command::Check(args) => check::check(&args, &mut out)?,
    };
    out.flush()?;
    Ok(exit)
}
