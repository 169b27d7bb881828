//! `steward completions SHELL`: what a shell completes this command line with.

use crate::cli::Exit;
use clap_complete::{Shell, generate};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that reads it, as in `steward completions bash > /etc/bash_completion.d/steward`
    pub shell: Shell,
}

pub fn completions(args: &Args, mut command: clap::Command, out: &mut impl Write) -> io::Result<Exit> {
    let name = command.get_name().to_owned();
    // Into memory first: it would panic where nobody reads to the end.
    let mut script = Vec::new();
    generate(args.shell, &mut command, name, &mut script);
    out.write_all(&script)?;
    Ok(Exit::Good)
}
