//! `steward manual FOLDER`: pages for man(1), one for each command, as packages ship them.

use crate::cli::Exit;
use std::io;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the pages are written: steward.1, steward-run.1 and so on
    pub folder: PathBuf,
}

pub fn manual(args: &Args, command: clap::Command) -> io::Result<Exit> {
    std::fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(command, &args.folder)?;
    Ok(Exit::Good)
}
