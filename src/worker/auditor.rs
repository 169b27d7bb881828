//! Writes the audit's lines, and reads what all workers wrote: `_steward.audit`.

use crate::catalog::trail::{LINES_MAX, Trail};
use crate::engine::audit::Line;
use crate::flow::io::Fault;
use crate::kafka::client::Settings;
use crate::kafka::compacted::{Follower, Record, Writer};
use crate::telemetry::log::Limiter;
use crate::worker::current::Current;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;

const EVERY: Duration = Duration::from_millis(500);

/// What requests leave and read.
pub struct Desk {
    pub trail: Arc<Trail>,
    pub lines: Receiver<Line>,
    /// Dropped when all that came in is written.
    pub done: oneshot::Sender<()>,
}

/// A record of the topic.
pub fn record(line: &Line) -> Record {
    (line.actor.clone(), serde_json::to_vec(line).ok())
}

/// Runs until the lines' senders are gone. Lines wait while brokers are away, as many as the channel holds.
pub fn start(of: Current<Settings>, topic: String, desk: Desk) {
    let spawned = std::thread::Builder::new().name("auditor".into()).spawn(move || {
        let Desk { trail, mut lines, done } = desk;
        let (mut limiter, mut follower, mut waiting) = (Limiter::default(), None, Vec::new());
        let mut settings = of.get();
        loop {
            let newest = of.get();
            if !Arc::ptr_eq(&settings, &newest) {
                // A client reads its certificates when it is made.
                (settings, follower) = (newest, None);
            }
            let senders = loop {
                match lines.try_recv() {
                    Ok(line) => waiting.push(record(&line)),
                    Err(last) => break last,
                }
            };
            let written = write(&settings, &topic, &mut waiting);
            if senders == TryRecvError::Disconnected {
                if let Err(fault) = written {
                    let (missing, reason) = (waiting.len(), fault.message);
                    tracing::error!(reason, missing, "requests are missing in the audit: no broker took them");
                }
                drop(done);
                return;
            }
            let turn = written.and_then(|()| read(&settings, &topic, &mut follower, &trail));
            let now = crate::clock::now_ms();
            if let Err(fault) = turn
                && limiter.pass(now, "audit", "waits")
            {
                tracing::warn!(reason = fault.message, "the audit waits");
            }
            limiter.due(now);
            std::thread::park_timeout(EVERY);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for the audit: requests are missing in it");
    }
}

/// One writer a batch: requests that change something are rare, and a producer is a thread and a connection to each broker.
fn write(settings: &Settings, topic: &str, waiting: &mut Vec<Record>) -> Result<(), Fault> {
    if waiting.is_empty() {
        return Ok(());
    }
    Writer::open(settings, topic)?.write(waiting.clone())?;
    waiting.clear();
    Ok(())
}

fn read(settings: &Settings, topic: &str, follower: &mut Option<Follower>, trail: &Trail) -> Result<(), Fault> {
    let follower = match follower {
        Some(follower) => follower,
        None => follower.insert(Follower::of_newest(settings, topic, LINES_MAX as i64)?),
    };
    let records = follower.look()?;
    let line = |value: &Vec<u8>| serde_json::from_slice(value).ok();
    trail.add(records.iter().filter_map(|record| Some((record.offset, line(record.value.as_ref()?)?))));
    Ok(())
}
