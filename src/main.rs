//! `steward`: arguments, logging, exit code.

use clap::{CommandFactory, Parser, Subcommand};
use mesh_steward::cli::{Exit, check, completions, contract, demo, examples, manual, quarantine, run, token, top};
use mesh_steward::cli::{audit, product};
use mesh_steward::{heap, printable};
use std::io::Write;
use std::process::ExitCode;

/// Judges every record of every data product on Kafka against its data contract, exactly once.
#[derive(Parser)]
#[command(name = "steward", version = VERSION, after_help = examples::STEWARD)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Governs: reads every governed topic, judges every record, tells the verdicts
    #[command(after_help = examples::RUN)]
    Run(run::Args),
    /// Shows it: a broker, six products with planted faults and the daemon, in this process
    #[command(after_help = examples::DEMO)]
    Demo(demo::Args),
    /// Shows all products of a running mesh: verdicts, rates, incidents, lag; live on a terminal
    #[command(after_help = examples::TOP)]
    Top(top::Args),
    /// Tells everything that is wrong with a configuration and its contracts
    #[command(after_help = examples::CHECK)]
    Check(check::Args),
    /// Contracts at a desk: without a broker, a network or a configuration
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Products of a running mesh: lists, shows, publishes, withdraws and exports them
    #[command(subcommand)]
    Product(product::Product),
    /// Shows who asked what of a running mesh, why, and what came of it
    #[command(after_help = examples::AUDIT)]
    Audit(audit::Args),
    /// Bad records that were put aside: lists, shows and replays them
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Makes a login for REST and the page: a token, or the hash of a password
    #[command(after_help = examples::TOKEN)]
    Token(token::Args),
    /// Prints what a shell completes this command line with
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::Args),
    /// Writes pages for man(1)
    #[command(hide = true)]
    Manual(manual::Args),
}

/// With the commit, so that a report of a fault names what ran.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILT_COMMIT"), ")");

fn main() -> ExitCode {
    heap::share_arenas();
    match carry_out(Arguments::parse().command) {
        Ok(exit) => exit.into(),
        Err(e) => {
            // Whoever reads has heard enough (`| head`): that is no news.
            let heard = e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe);
            if !heard {
                eprintln!("steward: {}", printable::lines(&format!("{e:#}")));
            }
            Exit::NotDone.into()
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let exit = match command {
        Command::Run(args) => run::run(&args)?,
        Command::Demo(args) => demo::demo(&args, &mut out)?,
        Command::Top(args) => top::top(&args, &mut out)?,
        Command::Check(args) => check::check(&args, &mut out)?,
        Command::Contract(command) => contract::contract(&command, &mut out)?,
        Command::Product(command) => product::product(&command, &mut out)?,
        Command::Audit(args) => audit::audit(&args, &mut out)?,
        Command::Quarantine(command) => quarantine::quarantine(&command, &mut out)?,
        Command::Token(args) => token::token(&args, &mut out)?,
        Command::Completions(args) => completions::completions(&args, Arguments::command(), &mut out)?,
        Command::Manual(args) => manual::manual(&args, Arguments::command())?,
    };
    out.flush()?;
    Ok(exit)
}
