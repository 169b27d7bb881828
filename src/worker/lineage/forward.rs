//! Sends lineage events on to a catalog over HTTP.
//!
//! The lineage topic is the queue: what a catalog has not taken waits there for as long as the topic keeps it, and no more
//! than one look of it is in memory. How far each catalog came is kept with lineage, so that a restart goes on there: an
//! event may be sent twice, and none is left out but those that the catalog refuses.

use crate::config::lineage::OpenLineage;
use crate::engine::record::Offset;
use crate::flow::io::{Fault, Part};
use crate::kafka::client::Settings;
use crate::kafka::inbox::{Found, Inbox};
use crate::telemetry;
use crate::worker::lineage::Command;
use crate::worker::lineage::catalog::{Answer, Catalog};
use crate::worker::lineage::courier::{Courier, Halt};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A catalog that is away is asked less and less often, at most so seldom, unless it wishes otherwise.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How far it came is made durable so often: what a crash sends again is a few seconds of events.
const TELL_EVERY: Duration = Duration::from_secs(5);
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
        courier: Courier::new(route.sent_to),
        settings: route.settings,
        topic: route.topic,
        url: route.url,
        inbox: None,
        term,
        into: into.clone(),
        told: Instant::now(),
        untold: BTreeMap::new(),
        refused: String::new(),
    };
    let (run, stopped) = channel();
    let thread = std::thread::Builder::new().name("lineage-forward".into());
    thread.spawn(move || forwarder.run(&stopped)).map_err(|error| format!("no thread to send lineage on: {error}"))?;
    Ok(Forwarding { _running: run })
}

struct Forwarder {
    catalog: Catalog,
    courier: Courier,
    settings: Settings,
    topic: String,
    url: String,
    inbox: Option<Inbox>,
    term: u64,
    into: SyncSender<Command>,
    /// When it was last said how far events were sent, and what is not said yet.
    told: Instant,
    untold: BTreeMap<Part, Offset>,
    /// Why an event was last refused: each cause is a line once.
    refused: String,
}

impl Forwarder {
    fn run(&mut self, stopped: &Receiver<()>) {
        let (mut pause, mut said) = (LOOK_EVERY, String::new());
        let mut wait = pause;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let halt = self.turn(stopped);
            self.tell(halt.is_some());
            match halt {
                None => {
                    if !said.is_empty() {
                        tracing::info!(url = self.url, "the catalog takes lineage events again");
                    }
                    (pause, said) = (LOOK_EVERY, String::new());
                    wait = pause;
                }
                Some(Halt { why, after }) => {
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

    fn turn(&mut self, stopped: &Receiver<()>) -> Option<Halt> {
        let found = match self.look() {
            Ok(found) => found,
            Err(fault) => return Some(fault.message.into()),
        };
        let catalog = &mut self.catalog;
        let turned = self.courier.turn(&found, |event| {
            let goes_on = stopped.try_recv() != Err(TryRecvError::Disconnected);
            let answer = goes_on.then(|| catalog.send(event));
            if answer == Some(Answer::Taken) {
                telemetry::lineage_forwarded("sent");
            }
            answer
        });
        self.untold.extend(turned.moved);
        turned.refused.into_iter().for_each(|why| self.refuse(why));
        turned.halt
    }

    fn look(&mut self) -> Result<Vec<Found>, Fault> {
        let inbox = match &mut self.inbox {
            Some(inbox) => inbox,
            None => self.inbox.insert(Inbox::new(&self.settings, std::slice::from_ref(&self.topic))?),
        };
        inbox.look(&self.courier.sent_to)
    }

    fn refuse(&mut self, why: String) {
        telemetry::lineage_forwarded("refused");
        if self.refused != why {
            tracing::warn!(why, "a catalog refuses a lineage event; it is left out, and the next ones are sent");
            self.refused = why;
        }
    }

    fn tell(&mut self, at_once: bool) {
        if self.untold.is_empty() || !at_once && self.told.elapsed() < TELL_EVERY {
            return;
        }
        self.told = Instant::now();
        for (part, next) in std::mem::take(&mut self.untold) {
            let forwarded = Forwarded { term: self.term, url: self.url.clone(), part, next };
            // Nobody hears where the process ends: what is not durable is sent again.
            let _ = self.into.send(Command::Forwarded(forwarded));
        }
    }
}
