//! `steward contract lint`: files, folders and standard input, each file judged by the standard that it is written by.

use crate::catalog::files::Watcher;
use crate::cli::contract::linted::{self, File};
use crate::cli::policies::{self, Said};
use crate::cli::{Exit, check::counted};
use crate::engine::contract::problem::Level;
use crate::engine::contract::standard::lint::{Linted, lint as of_text, not_text};
use anyhow::Context;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Asks the mesh's policies, too: files of them, or folders; a broken one that is enforced makes the answer bad
    #[arg(long, value_name = "FILE")]
    pub policies: Vec<PathBuf>,
    /// Files, folders (every *.yaml, *.yml and *.json in them), or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for each problem
    #[default]
    Text,
    /// One document, for tools
    Json,
    /// Annotations of GitHub's workflows
    Github,
    /// JUnit's XML, a suite for each file
    Junit,
}

/// What cannot be read is told on standard error, and the rest is linted.
pub fn lint(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (mut files, mut unreadable) = (Vec::new(), 0);
    for named in &args.files {
        for (path, text) in texts(named) {
            match text {
                Ok(bytes) => files.push(File { name: path.display().to_string(), linted: linted(bytes) }),
                Err(error) => {
                    unreadable += 1;
                    eprintln!("steward: {error:#}");
                }
            }
        }
    }
    let said = (!args.policies.is_empty()).then(|| policies(args));
    match args.format {
        Format::Text => linted::text(&files, out)?,
        Format::Json => linted::json(&files, said.as_ref(), out)?,
        Format::Github => linted::github(&files, out)?,
        Format::Junit => linted::junit(&files, out)?,
    }
    match (&said, args.format) {
        (Some(said), Format::Text) => said.text(out)?,
        // What another tool reads is what it expects.
        (Some(said), Format::Github | Format::Junit) => said.text(&mut io::stderr())?,
        _ => {}
    }
    if args.format != Format::Json {
        out.flush()?;
        let count = |level| files.iter().flat_map(|file| &file.linted.problems).filter(|p| p.level == level).count();
        let (errors, warnings) = (counted(count(Level::Error), "error"), counted(count(Level::Warning), "warning"));
        eprintln!("{}: {errors}, {warnings}", counted(files.len(), "file"));
    }
    Ok(match unreadable {
        0 if files.iter().all(|file| file.linted.is_valid()) && !said.is_some_and(|said| said.is_bad) => Exit::Good,
        0 => Exit::Bad,
        _ => Exit::NotDone,
    })
}

/// Of the contracts that the files hold; one that cannot be read has its problem already.
fn policies(args: &Args) -> Said {
    let files: Vec<PathBuf> = args.files.iter().filter(|file| file.as_os_str() != "-").cloned().collect();
    policies::ask(args.policies.clone(), &Watcher::new(files).look_now().sources)
}

fn linted(bytes: Vec<u8>) -> Linted {
    match String::from_utf8(bytes) {
        Ok(text) => of_text(&text, &|name| std::env::var_os(name).is_some()),
        Err(error) => not_text(error.as_bytes(), error.utf8_error().valid_up_to()),
    }
}

/// What a name on the command line stands for, each file with its content.
fn texts(named: &Path) -> Vec<(PathBuf, anyhow::Result<Vec<u8>>)> {
    let one = |path: PathBuf| {
        let content = if path.as_os_str() == "-" { standard_input() } else { std::fs::read(&path) };
        let content = content.with_context(|| format!("{} cannot be read", path.display()));
        (path, content)
    };
    if !named.is_dir() {
        return vec![one(named.to_owned())];
    }
    let mut paths = Vec::new();
    match below(named, &mut paths) {
        Err(error) => vec![(named.to_owned(), Err(error))],
        Ok(()) if paths.is_empty() => {
            vec![(named.to_owned(), Err(anyhow::anyhow!("{} holds no *.yaml, *.yml or *.json", named.display())))]
        }
        Ok(()) => paths.into_iter().map(one).collect(),
    }
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Every file of a folder that may be a contract, sorted. Links to folders are not followed: they may lead in a circle.
fn below(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("{} cannot be read", folder.display());
    let mut entries =
        std::fs::read_dir(folder).with_context(context)?.collect::<Result<Vec<_>, _>>().with_context(context)?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        if entry.file_type().with_context(context)?.is_dir() {
            below(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") && !path.is_dir() {
            paths.push(path);
        }
    }
    Ok(())
}
