//! Looks every few seconds how far stage 1 has come in each governed partition: committed offsets and log ends, for
//! the board. So no request and no scrape asks a broker.

use crate::catalog::board::Board;
use crate::catalog::offsets::{Offsets, Reach, look_every_ms};
use crate::flow::io::{Fault, Part};
use crate::kafka::client::{self, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::{ask, group};
use crate::kafka::poll::Ear;
use crate::telemetry::log::Limiter;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

const ASK_MS: i32 = 10_000;

/// Runs until what is returned is dropped. The settings name the group of stage 1; it is asked, and not joined.
pub fn start(settings: Settings, board: Arc<Board>) -> Sender<()> {
    let (running, stopped) = channel();
    let thread = std::thread::Builder::new().name("survey".into());
    let spawned = thread.spawn(move || {
        let (mut ear, mut limiter) = (None, Limiter::default());
        let mut pause_ms = look_every_ms(0);
        // The first look comes when topics are known.
        while stopped.recv_timeout(Duration::from_millis(pause_ms as u64)) == Err(RecvTimeoutError::Timeout) {
            let parts = governed(&board);
            pause_ms = look_every_ms(parts.len());
            let looked = look(&settings, &board, &parts, &mut ear);
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
