//! What is tried on a topic's records for a request: a draft inferred from a sample, a dry run of a contract.

use crate::catalog::records;
use crate::catalog::sampling::{self, Progress};
use crate::config::usable::Config;
use crate::engine::contract::odcs;
use crate::engine::infer::draft;
use crate::engine::infer::gather::Gathered;
use crate::engine::published::draft::Sample;
use crate::engine::trial::report::{self, Origin, Report};
use crate::engine::trial::run::Trial;
use crate::kafka::client::Settings;
use crate::kafka::history::Bound;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What is read, and how long at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    pub topic: String,
    /// `None`: the newest records, as many as are read.
    pub from: Option<Bound>,
    /// It ends with the batch that reaches them.
    pub records: u64,
    pub time: Duration,
}

#[derive(Debug)]
pub enum Experiment {
    Infer {
        extent: Extent,
        domain: Option<String>,
        name: Option<String>,
        done: oneshot::Sender<Result<Inferred, Failure>>,
    },
    /// `schema`: the contract's object; `None`: the one that reads the topic, else the first.
    Trial { extent: Extent, contract: String, schema: Option<String>, done: oneshot::Sender<Result<Tried, Failure>> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    pub contract: String,
    pub sample: Sample,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    pub report: Report,
    pub progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing can be told of these records or with this contract, and why.
    Unfit(String),
    /// They could not be read.
    Unread(String),
}

impl Experiment {
    /// Reads and answers; whoever asked may have gone.
    pub fn carry_out(self, settings: &Settings, config: &Config) {
        match self {
            Experiment::Infer { extent, domain, name, done } if !done.is_closed() => {
                let _ = done.send(infer(&extent, domain.as_deref(), name.as_deref(), settings, config));
            }
            Experiment::Trial { extent, contract, schema, done } if !done.is_closed() => {
                let _ = done.send(attempt(&extent, &contract, schema.as_deref(), settings, config));
            }
            _ => {}
        }
    }
}

fn infer(
    extent: &Extent,
    domain: Option<&str>,
    name: Option<&str>,
    settings: &Settings,
    config: &Config,
) -> Result<Inferred, Failure> {
    let mut gathered = Gathered::default();
    read(extent, &mut gathered, settings, config)?;
    let topic = &extent.topic;
    if gathered.decoded() == 0 {
        let why = match gathered.read {
            0 => format!("the topic {topic} holds no record now; write one, or begin with a contract of your own"),
            read => {
                format!("of {read} records of {topic} none could be read as an object: nothing can be told of them")
            }
        };
        return Err(Failure::Unfit(why));
    }
    let (tombstones, undecodable) = (gathered.tombstones, gathered.undecodable);
    let contract = draft::yaml(&gathered, name.unwrap_or(topic), domain, topic, &format!("the topic {topic}"));
    Ok(Inferred { contract, sample: Sample { read: gathered.read, tombstones, undecodable } })
}

fn attempt(
    extent: &Extent,
    text: &str,
    schema: Option<&str>,
    settings: &Settings,
    config: &Config,
) -> Result<Tried, Failure> {
    let Some(contract) = odcs::parse(text).contract else {
        return Err(Failure::Unfit("no contract can be read in it; its problems say why".to_owned()));
    };
    let reads = || contract.all_objects().into_iter().find(|object| object.topic == extent.topic);
    let schema = schema.or_else(|| reads().map(|object| object.name.as_str()));
    let mut trial = Trial::of(&contract, schema, crate::clock::now_ms()).map_err(|names| {
        Failure::Unfit(match names.is_empty() {
            true => "the contract has no schema: nothing is asked of records".to_owned(),
            false => format!("no object is named {}; there are {}", schema.unwrap_or_default(), names.join(", ")),
        })
    })?;
    trial.within(&records::of(&config.records));
    let progress = read(extent, &mut trial, settings, config)?;
    Ok(Tried { report: report::of(&trial, "odcs", Origin::Topic), progress })
}

fn read(
    extent: &Extent,
    taker: &mut impl sampling::Taker,
    settings: &Settings,
    config: &Config,
) -> Result<Progress, Failure> {
    let registry = (!config.registry.urls.is_empty()).then_some(&config.registry);
    let began = Instant::now();
    let go_on = |progress: Progress| progress.records < extent.records && began.elapsed() < extent.time;
    let from = extent.from.unwrap_or(Bound::Newest(extent.records));
    sampling::read(settings, registry, &extent.topic, (Some(from), None), taker, go_on).map_err(Failure::Unread)
}
