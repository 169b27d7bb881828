//! The command line: one file for each subcommand.

pub mod run; // the daemon
pub mod demo; // everything in one process
pub mod top; // a table of all products, live
pub mod connect; // what a start would find at the cluster
pub mod check; // its configuration, its contracts, and what it would find
pub mod contract; // contracts at a desk: linted, tried on records
pub mod product; // products of a running mesh: listed, shown, published, withdrawn
pub mod audit; // who asked what of it
pub mod rest; // a worker's REST, as commands ask it
pub mod grid; // texts in columns
pub mod policies; // what the mesh's policies say of contracts
pub mod quarantine; // bad records: listed, shown, replayed
pub mod token; // logins of the REST and the page
pub mod examples; // what help shows beside options
pub mod completions; // for shells
pub mod manual; // pages for man(1)

use std::process::ExitCode;

/// How a command ended, as scripts read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The answer is good.
    Good,
    /// The answer is bad.
    Bad,
    /// There is no answer: usage, unreadable input, no broker.
    NotDone,
    /// A running daemon met something fatal.
    Fatal,
    /// The configuration is wrong.
    Configuration,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Bad => 1,
            Exit::NotDone => 2,
            // sysexits.h: EX_SOFTWARE and EX_CONFIG; a supervisor restarts after the one and not after the other.
            Exit::Fatal => 70,
            Exit::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
