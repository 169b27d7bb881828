//! Looks every few seconds how far stage 1 has come in each governed partition: committed offsets and log ends, for
//! the board; and less often what of each topic's past can still be read. So no request and no scrape asks a broker.

use crate::catalog::board::Board;
use crate::catalog::offsets::{Kept, Offsets, Reach, Retention, look_every_ms};
use crate::flow::io::{Fault, Part};
use crate::kafka::client::{self, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::fault;
use crate::kafka::ffi::{ask, group};
use crate::kafka::poll::Ear;
use crate::telemetry::log::Limiter;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

const ASK_MS: i32 = 10_000;
/// Retention and earliest records move slowly: they are looked at with each twelfth look, which is once a minute.
const KEPT_EVERY: u32 = 12;
/// Topics whose settings are asked for at once: a broker answers with some 40 of them a topic.
const CONFIGS_AT_ONCE: usize = 100;

/// Runs until what is returned is dropped. The settings name the group of stage 1; it is asked, and not joined.
pub fn start(settings: Settings, board: Arc<Board>) -> Sender<()> {
    let (running, stopped) = channel();
    let thread = std::thread::Builder::new().name("survey".into());
    let spawned = thread.spawn(move || {
        let (mut ear, mut limiter, mut looks) = (None, Limiter::default(), 0);
        let mut pause_ms = look_every_ms(0);
        // The first look comes when topics are known.
        while stopped.recv_timeout(Duration::from_millis(pause_ms as u64)) == Err(RecvTimeoutError::Timeout) {
            let parts = governed(&board);
            pause_ms = look_every_ms(parts.len());
            let looked = look(&settings, &board, &parts, &mut ear);
            if let (Ok(()), Some(ear)) = (&looked, &mut ear) {
                // Of a topic that came meanwhile nothing is known yet.
                let kept = board.kept();
                if looks % KEPT_EVERY == 0 || parts.iter().any(|part| !kept.contains_key(&*part.topic)) {
                    keep(&settings, &board, &parts, ear);
                }
                looks = looks.wrapping_add(1);
            }
            let now = crate::clock::now_ms();
            if let Err(fault) = looked
                && limiter.pass(now, "survey", "failed")
            {
                let again_s = pause_ms / 1_000;
                tracing::warn!(
                    reason = fault.message,
                    again_s,
                    "lag is not known in this round; it is looked at again"
                );
            }
            for again in limiter.due(now) {
                tracing::warn!(times = again.count, "lag is still not known");
            }
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for the survey: lag stays unknown");
    }
    running
}

fn governed(board: &Board) -> Vec<Part> {
    let directory = board.directory();
    let mut parts = Vec::new();
    for (topic, facts) in directory.topics.iter().filter(|(_, facts)| facts.ungoverned.is_none()) {
        let topic: Arc<str> = topic.as_str().into();
        parts.extend((0..facts.partitions).map(|partition| Part::new(&topic, partition)));
    }
    parts
}

fn look(settings: &Settings, board: &Board, parts: &[Part], ear: &mut Option<Ear>) -> Result<(), Fault> {
    let ear = match ear {
        Some(ear) => ear,
        None => {
            let reader = client::reader(settings).map_err(|e| fault::of_producer("survey", &e))?;
            ear.insert(Ear::new(reader)?)
        }
    };
    let at_ms = crate::clock::now_ms();
    let committed = group::committed(ear.client(), parts, ASK_MS);
    let ends = ask::ends(ear.client(), parts, ASK_MS);
    // What it has to say of errors stands in the answers, too.
    ear.listen(0);
    let (committed, mut ends) = (committed?, ends?);
    let reach = |(part, committed): (Part, Option<crate::flow::io::Committed>)| {
        let ends = ends.remove(&part)?;
        Some((part, Reach { committed: committed.map(|committed| committed.offset), ends }))
    };
    board.set_offsets(Offsets { at_ms, parts: committed.into_iter().filter_map(reach).collect() });
    Ok(())
}

/// What cannot be told stays unknown: the topic may be empty, or its settings not ours to see (DescribeConfigs).
fn keep(settings: &Settings, board: &Board, parts: &[Part], ear: &mut Ear) {
    let at_ms = crate::clock::now_ms();
    let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
    for part in parts {
        kept.entry(part.topic.to_string()).or_insert(Kept { at_ms, ..Kept::default() });
    }
    let untold = |what: &str, fault: &Fault| tracing::debug!(what, reason = fault.message, "not told");
    match ask::first_times(ear.client(), parts, ASK_MS) {
        Ok(times) => times.into_iter().for_each(|(part, time_ms)| {
            if let Some(kept) = kept.get_mut(&*part.topic) {
                kept.earliest_ms = Some(kept.earliest_ms.map_or(time_ms, |known| known.min(time_ms)));
            }
        }),
        Err(fault) => untold("the earliest records", &fault),
    }
    // The demo's broker knows no settings.
    let names: Vec<String> = match settings.cluster {
        Cluster::Embedded => Vec::new(),
        _ => kept.keys().cloned().collect(),
    };
    for names in names.chunks(CONFIGS_AT_ONCE) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match ask::topic_configs(ear.client(), &names, ASK_MS) {
            Ok(configs) => configs.into_iter().for_each(|(topic, config)| {
                if let (Some(kept), Ok(config)) = (kept.get_mut(&topic), config) {
                    kept.retention = Retention::of(&config);
                }
            }),
            Err(fault) => {
                untold("what topics retain", &fault);
                break;
            }
        }
    }
    ear.listen(0);
    board.set_kept(kept);
}
