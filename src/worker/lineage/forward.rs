//! Sends lineage events on to a catalog over HTTP.
//!
//! The lineage topic is the queue: what a catalog has not taken waits there for as long as the topic keeps it, and no more
//! than one look of it is in memory. How far each catalog came is kept with lineage, so that a restart goes on there: an
//! event may be sent twice, and none is left out but those that the catalog refuses.

use crate::config::lineage::OpenLineage;
use crate::engine::event::lineage::speaker::PRODUCER;
use crate::engine::record::Offset;
use crate::flow::io::Part;
use crate::kafka::client::Settings;
use crate::kafka::inbox::{Found, Inbox};
use crate::telemetry;
use crate::worker::lineage::Command;
use crate::worker::lineage::catalog::{Answer, Catalog};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A catalog that is away is asked less and less often, at most so seldom, unless it wishes otherwise.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How far it came is made durable so often: what a crash sends again is a few seconds of events.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// After so many answers of 500 to one event, some two minutes, the next one shows whether the event or the catalog is broken.
const BROKE_MAX: u32 = 8;

/// Drop it to end the sending.
pub struct Forwarding {
    _running: Sender<()>,
}

/// How far a catalog was sent a partition.
pub struct Forwarded {
    /// Which time of leading it belongs to.
    pub term: u64,
    /// As configured.
    pub url: String,
    pub part: Part,
    pub next: Offset,
}

/// Where events come from and go to.
pub struct Route {
    pub settings: Settings,
    /// The lineage topic.
    pub topic: String,
    pub url: String,
    /// How far it was sent before.
    pub sent_to: BTreeMap<Part, Offset>,
}

/// The error names the key, what is wrong with it, and what to do.
pub fn start(
    route: Route,
    configured: &OpenLineage,
    term: u64,
    into: &SyncSender<Command>,
) -> Result<Forwarding, String> {
    let catalog = Catalog::new(&route.url, configured)?;
    let mut forwarder = Forwarder {
        catalog,
        route,
        inbox: None,
        term,
        into: into.clone(),
        told: Instant::now(),
        untold: BTreeMap::new(),
        broke: None,
        refused: String::new(),
    };
    let (run, stopped) = channel();
    let thread = std::thread::Builder::new().name("lineage-forward".into());
    thread.spawn(move || forwarder.run(&stopped)).map_err(|error| format!("no thread to send lineage on: {error}"))?;
    Ok(Forwarding { _running: run })
}

struct Forwarder {
    catalog: Catalog,
    route: Route,
    inbox: Option<Inbox>,
    term: u64,
    into: SyncSender<Command>,
    /// When it was last said how far events were sent, and what is not said yet.
    told: Instant,
    untold: BTreeMap<Part, Offset>,
    /// The event that the catalog answers with 500, and how often.
    broke: Option<(Part, Offset, u32)>,
    /// Why an event was last refused: each cause is a line once.
    refused: String,
}

/// Why a turn ended early.
struct Halt {
    why: String,
    after: Option<Duration>,
}

impl From<String> for Halt {
    fn from(why: String) -> Halt {
        Halt { why, after: None }
    }
}

impl Forwarder {
    fn run(&mut self, stopped: &Receiver<()>) {
        let (mut pause, mut said) = (LOOK_EVERY, String::new());
        let mut wait = pause;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let turned = self.turn(stopped);
            self.tell(turned.is_err());
            match turned {
                Ok(()) => {
                    if !said.is_empty() {
                        tracing::info!(url = self.route.url, "the catalog takes lineage events again");
                    }
                    (pause, said) = (LOOK_EVERY, String::new());
                    wait = pause;
                }
                Err(Halt { why, after }) => {
                    telemetry::lineage_forwarded("waits");
                    if said != why {
                        tracing::warn!(why, "lineage events wait in their topic until their catalog takes them");
                        said = why;
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                    wait = after.map_or(pause, |after| after.max(LOOK_EVERY));
                }
            }
        }
        self.tell(true);
        if let Some(inbox) = &mut self.inbox {
            inbox.close();
        }
    }

    fn turn(&mut self, stopped: &Receiver<()>) -> Result<(), Halt> {
        let inbox = match &mut self.inbox {
            Some(inbox) => inbox,
            None => {
                let topics = std::slice::from_ref(&self.route.topic);
                self.inbox.insert(Inbox::new(&self.route.settings, topics).map_err(|fault| fault.message)?)
            }
        };
        for Found { part, records, next } in inbox.look(&self.route.sent_to).map_err(|fault| fault.message)? {
            // An event that may be broken: only the next one says whether it is.
            let mut suspect = None;
            for record in &records {
                if stopped.try_recv() == Err(TryRecvError::Disconnected) {
                    return Ok(());
                }
                let Some(event) = record.value.as_deref().filter(|value| is_ours(value)) else { continue };
                match self.catalog.send(event) {
                    Answer::Taken => {
                        telemetry::lineage_forwarded("sent");
                        if let Some(why) = suspect.take() {
                            self.refuse(why);
                        }
                    }
                    Answer::Refused(why) => {
                        if let Some(why) = suspect.take() {
                            self.refuse(why);
                        }
                        self.refuse(why);
                    }
                    Answer::Broke(why) if suspect.is_none() && self.breaks(&part, record.offset) > BROKE_MAX => {
                        suspect = Some(why);
                        continue;
                    }
                    Answer::Broke(why) => return Err(why.into()),
                    Answer::Away { why, after } => return Err(Halt { why, after }),
                }
                self.sent(&part, record.offset + 1);
            }
            if let Some(why) = suspect {
                return Err(why.into());
            }
            self.sent(&part, next);
        }
        Ok(())
    }

    /// How often this event was answered so, this time too.
    fn breaks(&mut self, part: &Part, offset: Offset) -> u32 {
        let before = match &self.broke {
            Some((at, of, times)) if at == part && *of == offset => *times,
            _ => 0,
        };
        self.broke = Some((part.clone(), offset, before + 1));
        before + 1
    }

    fn refuse(&mut self, why: String) {
        telemetry::lineage_forwarded("refused");
        if self.refused != why {
            tracing::warn!(why, "a catalog refuses a lineage event; it is left out, and the next ones are sent");
            self.refused = why;
        }
    }

    fn sent(&mut self, part: &Part, next: Offset) {
        self.route.sent_to.insert(part.clone(), next);
        self.untold.insert(part.clone(), next);
    }

    fn tell(&mut self, at_once: bool) {
        if self.untold.is_empty() || !at_once && self.told.elapsed() < TELL_EVERY {
            return;
        }
        self.told = Instant::now();
        for (part, next) in std::mem::take(&mut self.untold) {
            let forwarded = Forwarded { term: self.term, url: self.route.url.clone(), part, next };
            // Nobody hears where the process ends: what is not durable is sent again.
            let _ = self.into.send(Command::Forwarded(forwarded));
        }
    }
}

/// Whether it is an OpenLineage event that the steward wrote: verdicts and those of others may stand in the same topic.
fn is_ours(value: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head<'v> {
        #[serde(borrow, rename = "schemaURL")]
        schema: Option<Cow<'v, str>>,
        #[serde(borrow)]
        producer: Option<Cow<'v, str>>,
    }
    let head: Option<Head<'_>> = serde_json::from_slice(value).ok();
    head.is_some_and(|head| {
        head.schema.is_some_and(|schema| schema.starts_with("https://openlineage.io/spec/"))
            && head.producer.is_some_and(|producer| producer == PRODUCER)
    })
}
