//! Where a task's records come: queues of its own, which its partitions are spread over.
//!
//! A queue for each partition is fairest, but the client bounds each queue, and five thousand bounds are none: a start
//! with a backlog on all of them would fetch gigabytes. One queue for all lets a flood stand before everything else. So
//! there is a number of lanes, each taken from in its turn and a little at a time. Up to that number each partition has
//! its own. Beyond it those that keep up share one half of the lanes, and those that are flooded the other.

use crate::flow::io::Part;
use crate::kafka::client::Context;
use crate::kafka::ffi::batch::{Bell, Lane, Ringing};
use crate::kafka::ffi::queue::Queue;
use rdkafka::client::Client;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How many. Where all are flooded, 5,200 records of 220 bytes (see `client::consumer`) wait in each: 100 MB with the
/// client's 400 bytes for each record. What comes to an empty lane waits for a quantum of each other one, 80 ms at 10 µs a
/// record.
pub const LANES: usize = 32;
/// Below it are the lanes of those that keep up.
const CALM: usize = LANES / 2;
/// So many records without an end, and a partition counts as flooded: it has filled a quarter of a lane.
const FLOODED: usize = 1_024;
/// Messages taken from a lane before the next one's turn: enough to spread the cost of a turn over, and a few hundred
/// microseconds of work.
pub const QUANTUM: usize = 256;

pub struct Lanes {
    lanes: Arc<[Lane]>,
    bell: Arc<Bell>,
    /// Rings for rebalances and errors, which come through the consumer's own queue.
    _own: Ringing,
    /// Of each partition that is assigned: its lane, and how many records it gave since its last end.
    of: BTreeMap<Part, (usize, usize)>,
    /// Partitions of each lane.
    laid: [usize; LANES],
}

impl Lanes {
    /// `None` where the consumer has no group. They must be dropped before it.
    pub fn new(client: &Client<Context>) -> Option<Lanes> {
        let bell = Arc::new(Bell::default());
        let lanes = (0..LANES).map(|_| Lane::new(client, &bell)).collect::<Option<_>>()?;
        let own = Ringing::new(Queue::of_consumer(client)?, &bell);
        Some(Lanes { lanes, bell, _own: own, of: BTreeMap::new(), laid: [0; LANES] })
    }

    /// Has what comes of this partition come to its lane; one that has none gets the lane with the fewest. To be said
    /// before each assignment takes effect.
    pub fn lay(&mut self, client: &Client<Context>, part: &Part) {
        let lane = match self.of.get(part) {
            Some((lane, _)) => *lane,
            None => {
                let unused = (0..LANES).find(|lane| self.laid[*lane] == 0);
                let lane = unused.unwrap_or_else(|| self.emptiest(0..CALM));
                self.put(part, lane);
                lane
            }
        };
        if !self.lanes[lane].forward(client, &part.topic, part.partition) {
            let text = format!("{part}: the client gives no queue for it, nothing of it will be read");
            client.context().tell(None, 3, text);
        }
    }

    /// So many records came of this partition. True where it has another lane from now on, as a flood that others wait
    /// behind: it is to be laid again.
    pub fn came(&mut self, part: &Part, records: usize) -> bool {
        let Some((lane, since_end)) = self.of.get_mut(part) else { return false };
        *since_end += records;
        let moves = *lane < CALM && *since_end >= FLOODED && self.laid[*lane] > 1;
        if moves {
            let lane = self.emptiest(CALM..LANES);
            self.put(part, lane);
        }
        moves
    }

    /// It came to its end. True where it has another lane from now on, because it waits behind floods: it is to be laid
    /// again.
    pub fn ended(&mut self, part: &Part) -> bool {
        let Some((lane, since_end)) = self.of.get_mut(part) else { return false };
        *since_end = 0;
        let moves = *lane >= CALM && self.laid[*lane] > 1;
        if moves {
            let lane = self.emptiest(0..CALM);
            self.put(part, lane);
        }
        moves
    }

    fn emptiest(&self, lanes: Range<usize>) -> usize {
        lanes.clone().min_by_key(|lane| self.laid[*lane]).unwrap_or(lanes.start)
    }

    fn put(&mut self, part: &Part, lane: usize) {
        self.forget(part);
        self.of.insert(part.clone(), (lane, 0));
        self.laid[lane] += 1;
    }

    /// The partition was given back.
    pub fn forget(&mut self, part: &Part) {
        if let Some((lane, _)) = self.of.remove(part) {
            self.laid[lane] -= 1;
        }
    }

    /// The queues themselves, to be taken from in turn.
    pub fn all(&self) -> Arc<[Lane]> {
        self.lanes.clone()
    }

    /// Waits until something comes to a queue that was empty, or so long.
    pub fn wait(&self, most: Duration) {
        self.bell.wait(most);
    }

    /// Messages that wait in the fullest lane, which is the one that holds its partitions' fetches back.
    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(Lane::waiting).max().unwrap_or(0)
    }
}
