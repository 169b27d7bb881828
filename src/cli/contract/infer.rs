//! `steward contract infer`: a contract drafted from records, with the evidence for each of its clauses.

use crate::cli::Exit;
use crate::cli::contract::records::{Lines, Source};
use crate::cli::contract::{exchanged, registered};
use crate::engine::contract::exchange::import::{self as exchange, Language, Wanted};
use crate::engine::infer::draft;
use crate::engine::infer::gather::Gathered;
use anyhow::{Context, bail};
use std::io::Write;
use std::path::Path;

#[derive(Debug, clap::Args)]
#[command(mut_arg("records", |records| records.required_unless_present("subject")))]
pub struct Args {
    #[command(flatten)]
    pub source: Source,
    /// A schema in place of records: a subject of the schema registry that --registry.url or --config names; without them a file
    /// that holds a subject version as a registry returns it (GET /subjects/{subject}/versions/{version})
    #[arg(long, value_name = "SUBJECT|FILE", group = "held", conflicts_with = "records")]
    pub subject: Option<String>,
    /// Which version of the subject; by default the latest
    #[arg(long, value_name = "VERSION", requires = "subject")]
    pub subject_version: Option<u32>,
    /// What the data is called; by default as the topic or the file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// The draft is the answer, on standard output.
pub fn infer(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(subject) = &args.subject {
        return of_subject(subject, args, out);
    }
    let mut gathered = Gathered::default();
    args.source.read(&mut gathered)?;
    if gathered.decoded() == 0 {
        bail!("of {} records none could be read as an object: nothing can be told of them", gathered.read);
    }
    let file = args.source.records.as_deref();
    let stem = file.and_then(|file| file.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
    let called = args.source.topic.clone().or(stem).unwrap_or_default();
    let source = match (&args.source.topic, file) {
        (Some(topic), _) => format!("the topic {topic}"),
        (None, Some(file)) => file.display().to_string(),
        (None, None) => String::new(),
    };
    let name = args.name.as_deref().unwrap_or(&called);
    // A name of a file may hold anything, and a comment ends with its line.
    let source: String = source.chars().filter(|c| !c.is_control()).collect();
    write!(out, "{}", draft::yaml(&gathered, name, None, args.source.topic.as_deref().unwrap_or(name), &source))?;
    Ok(Exit::Good)
}

/// What the schema says holds for all that is written with it; what it cannot know, only records tell.
fn of_subject(subject: &str, args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (config, url) = (args.source.config.as_deref(), args.source.registry_url.as_deref());
    let text = match (config, url) {
        (None, None) if args.subject_version.is_some() => {
            bail!("a file holds one version: --subject-version is asked of --registry.url or --config")
        }
        (None, None) => exchanged::read(Path::new(subject))?,
        _ => registered::read(&registered::registry(config, url)?, subject, args.subject_version)?,
    };
    let wanted = Wanted { name: args.name.as_deref(), ..Wanted::default() };
    let imported = exchange::import(&text, Language::Subject, wanted).map_err(anyhow::Error::msg);
    let imported = imported.with_context(|| subject.to_owned())?;
    exchanged::tell(subject, &imported.unsaid);
    write!(out, "{}", imported.contract.yaml())?;
    Ok(Exit::Good)
}

impl Lines for Gathered {
    fn line(&mut self, _: u64, line: &[u8]) {
        Gathered::line(self, line);
    }
}
