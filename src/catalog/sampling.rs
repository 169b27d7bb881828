//! What a topic holds, read once and handed over record by record, with the schemas that the registry has for them.

use crate::config::registry::Registry;
use crate::engine::decode::schema::{Registered, SchemaRef, Schemas};
use crate::engine::infer::gather::Gathered;
use crate::engine::record::{Position, RawRecord, TopicId};
use crate::engine::trial::run::Trial;
use crate::kafka::client::Settings;
use crate::kafka::history::{Bound, History};
use crate::registry::client::{Answer, Client};
use crate::registry::keeper;
use std::sync::Arc;

/// Whoever takes records.
pub trait Taker {
    /// The error names a schema that is wanted first: the record is to be given again.
    fn record(&mut self, record: &RawRecord<'_>, at: Position) -> Result<(), SchemaRef>;

    /// There is a registry, and this is what it has told.
    fn replace_schemas(&mut self, schemas: Arc<Schemas>);
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Offsets, those of control records among them.
    pub done: u64,
    pub all: u64,
    pub records: u64,
}

impl Progress {
    pub fn is_complete(&self) -> bool {
        self.done >= self.all
    }
}

/// Reads from one bound to the other, as long as `go_on` says so; it is asked after each batch.
///
/// # Errors
/// The topic cannot be read, or its schemas cannot be asked for: that is no finding about a record.
pub fn read(
    settings: &Settings,
    registry: Option<&Registry>,
    topic: &str,
    (from, to): (Option<Bound>, Option<Bound>),
    taker: &mut impl Taker,
    mut go_on: impl FnMut(Progress) -> bool,
) -> Result<Progress, String> {
    let mut history = History::open(settings, topic, from, to).map_err(|fault| fault.message)?;
    through(&mut history, registry, taker, |_, progress| go_on(progress))
}

/// Hands over all that the history reads; `go_on` may take from the taker what it has counted.
fn through<T: Taker>(
    history: &mut History,
    registry: Option<&Registry>,
    taker: &mut T,
    mut go_on: impl FnMut(&mut T, Progress) -> bool,
) -> Result<Progress, String> {
    let mut registry = registry.map(Asked::new).transpose()?;
    if registry.is_some() {
        taker.replace_schemas(Arc::default());
    }
    let (mut trouble, mut records) = (Ok(()), 0);
    loop {
        let more = history.read(|partition, record| {
            if trouble.is_ok() {
                trouble = take(record, partition, taker, registry.as_mut());
                records += 1;
            }
        });
        std::mem::replace(&mut trouble, Ok(()))?;
        let more = more.map_err(|fault| fault.message)?;
        let (done, all) = history.progress();
        let progress = Progress { done, all, records };
        if !go_on(taker, progress) || !more {
            return Ok(progress);
        }
    }
}

/// Asks the registry for what the record cannot be read without.
fn take(
    record: &RawRecord<'_>,
    partition: i32,
    taker: &mut impl Taker,
    registry: Option<&mut Asked>,
) -> Result<(), String> {
    // Nothing that is told names the topic's id.
    let at = Position { topic: TopicId(0), partition };
    let Err(schema) = taker.record(record, at) else { return Ok(()) };
    let Some(registry) = registry else { return Err(format!("{schema} is wanted, and there is no registry")) };
    taker.replace_schemas(registry.ask(schema)?);
    taker.record(record, at).map_err(|schema| format!("{schema} cannot be had"))
}

/// What a registry has told.
struct Asked {
    client: Client,
    known: Schemas,
}

impl Asked {
    fn new(registry: &Registry) -> Result<Asked, String> {
        let client = Client::new(registry).map_err(|why| format!("registry: {why}"))?;
        Ok(Asked { client, known: Schemas::default() })
    }

    fn ask(&mut self, schema: SchemaRef) -> Result<Arc<Schemas>, String> {
        let said = match self.client.ask(schema, |_| {}) {
            Answer::Found(found) => keeper::registered(&found),
            Answer::Missing => Registered::Absent,
            Answer::Failed(failure) => return Err(format!("registry: {}", failure.reason)),
        };
        self.known = self.known.with(schema, said);
        Ok(Arc::new(self.known.clone()))
    }
}

impl Taker for Trial {
    fn record(&mut self, record: &RawRecord<'_>, at: Position) -> Result<(), SchemaRef> {
        Trial::record(self, record, at)
    }

    fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        Trial::replace_schemas(self, schemas);
    }
}

impl Taker for Gathered {
    fn record(&mut self, record: &RawRecord<'_>, _: Position) -> Result<(), SchemaRef> {
        Gathered::record(self, record)
    }

    fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        Gathered::replace_schemas(self, schemas);
    }
}

pub mod parts; // a dry run on several threads
