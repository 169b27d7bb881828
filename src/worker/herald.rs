//! Tells the other workers how this one stands, and hears how they do: heartbeats in `_steward.workers`.
//!
//! A plain producer, outside of any transaction: a heartbeat speaks of one moment, and the next one takes its place, so
//! that a lost or repeated one harms nothing; and it must be heard when transactions stand still.

use crate::catalog::board::Board;
use crate::catalog::fleet::{self, BEAT_MS, Heartbeat};
use crate::catalog::lent::{self, Mark};
use crate::engine::contract::name::ProductName;
use crate::flow::io::{Fault, Ms};
use crate::kafka::client::Settings;
use crate::kafka::compacted::{Follower, Record, Writer};
use crate::telemetry::log::Limiter;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The log is looked at so often, and a change of state is told within it.
const LOOK_EVERY: Duration = Duration::from_millis(1_000);
/// Beyond so many partitions a change is told with the next heartbeat: to compare 5,000 of them each second is half a hundredth of a core.
const WATCHED_PARTITIONS_MAX: usize = 1_000;
/// What the products of one turn weigh, about: a broker takes it within a second, and others wait for the next turn.
const TURN_BYTES: usize = 2 << 20;
/// What a farewell may take of a stop's 5 s.
const FAREWELL: Duration = Duration::from_millis(1_500);

/// The thread that speaks, until it is stopped.
pub struct Herald {
    /// What its clients are made of from now on; dropped, it falls silent.
    settings: Sender<Settings>,
    ended: Receiver<()>,
}

impl Herald {
    /// `topic` is `_steward.workers`.
    pub fn start(settings: Settings, topic: String, board: Arc<Board>, worker: String, address: String) -> Herald {
        let (renew, renewed) = channel();
        let (end, ended) = channel();
        let mut speaker = Speaker {
            settings,
            topic,
            board,
            worker,
            address,
            started_ms: crate::clock::now_ms(),
            follower: None,
            writer: None,
            caught_up: false,
            said: Heartbeat::default(),
            told: BTreeMap::new(),
            lent: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new().name("herald".into());
        let spawned = thread.spawn(move || {
            let (mut limiter, mut clocks) = (Limiter::default(), Limiter::default());
            loop {
                match renewed.recv_timeout(LOOK_EVERY) {
                    Ok(settings) => speaker.renew(settings),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                let now = crate::clock::now_ms();
                if let Err(fault) = speaker.turn(now)
                    && limiter.pass(now, "herald", "waits")
                {
                    tracing::warn!(reason = fault.message, "heartbeats wait; other workers may take this one for gone");
                }
                for again in limiter.due(now) {
                    tracing::warn!(times = again.count, "heartbeats still wait");
                }
                for (other, by_ms) in fleet::ahead(&speaker.board, &speaker.worker, now) {
                    if clocks.pass(now, "clock", &other) {
                        let ahead_s = by_ms / 1000;
                        tracing::warn!(
                            other,
                            ahead_s,
                            "the clock of another worker is ahead of this one's: let both follow a time server. What a slow one reads seems to come \
                             from the future, and its windows close late"
                        );
                    }
                }
                for again in clocks.due(now) {
                    tracing::warn!(other = again.code, times = again.count, "that clock is still ahead of this one's");
                }
            }
            speaker.farewell();
            let _ = end.send(());
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for heartbeats: other workers cannot answer for this one");
        }
        Herald { settings: renew, ended }
    }

    /// Makes its clients anew.
    pub fn renew(&self, settings: Settings) {
        // One whose thread could not be started said so.
        let _ = self.settings.send(settings);
    }

    /// Says that this worker is gone, and waits for it, but not for long.
    pub fn stop(self) {
        drop(self.settings);
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

/// Where REST is reached: the listener, by the host's name where it listens everywhere.
pub fn address(listen: SocketAddr) -> String {
    match listen.ip().is_unspecified() {
        true => format!("{}:{}", gethostname::gethostname().to_string_lossy(), listen.port()),
        false => listen.to_string(),
    }
}

struct Speaker {
    settings: Settings,
    topic: String,
    board: Arc<Board>,
    worker: String,
    address: String,
    started_ms: Ms,
    follower: Option<Follower>,
    writer: Option<Writer>,
    /// The log was read to its end once: what comes from here on is news.
    caught_up: bool,
    said: Heartbeat,
    /// Products of which the newest state was told, by what tells one state from the next.
    told: BTreeMap<ProductName, u64>,
    /// Products of which evidence was lent: which, and when.
    lent: BTreeMap<ProductName, (Mark, Ms)>,
}

impl Speaker {
    fn renew(&mut self, settings: Settings) {
        (self.settings, self.writer) = (settings, None);
        // The next one reads the log from its start: none of it is news.
        if let Some(mut follower) = self.follower.take() {
            follower.close();
        }
        self.caught_up = false;
    }

    fn turn(&mut self, now: Ms) -> Result<(), Fault> {
        self.listen(now)?;
        let since_ms = now - self.said.at_ms;
        let weighs: usize = self.said.tasks.iter().map(|task| task.partitions.len()).sum();
        if weighs > WATCHED_PARTITIONS_MAX && (0..BEAT_MS).contains(&since_ms) {
            return Ok(());
        }
        let mut beat = fleet::beat(&self.board, &self.worker, &self.address, self.started_ms, now);
        beat.at_ms = self.said.at_ms;
        if beat == self.said && (0..BEAT_MS).contains(&since_ms) {
            return Ok(());
        }
        beat.at_ms = now;
        // By itself and first: whatever products weigh, that this worker lives is told in time.
        self.write(vec![fleet::beat_record(&beat)])?;
        self.said = beat;
        self.write(fleet::forgotten(&self.board, &self.worker, now))?;
        let (records, told) = self.products(now);
        self.write(records)?;
        self.told = told;
        let (records, lent) = self.evidence(now);
        self.write(records)?;
        self.lent = lent;
        Ok(())
    }

    /// What is lent of products whose evidence is another than it was, as much as a turn may weigh; nothing while nobody is there to
    /// read it.
    fn evidence(&self, now: Ms) -> (Vec<Record>, BTreeMap<ProductName, (Mark, Ms)>) {
        let is_other = |(id, peer): (&String, &fleet::Peer)| *id != self.worker && peer.is_alive(now);
        if !self.board.peers().iter().any(is_other) {
            return (Vec::new(), BTreeMap::new());
        }
        let changes = self.board.changes();
        let named = &self.board.directory().products;
        let gone = self.lent.keys().filter(|product| !changes.contains_key(*product) && !named.contains_key(*product));
        let mut records: Vec<Record> = gone.map(lent::gone).collect();
        let (mut lent, mut weight_bytes) = (BTreeMap::new(), 0);
        for product in changes.into_keys() {
            let before = self.lent.get(&product).cloned();
            let recent = before.as_ref().is_some_and(|(_, at_ms)| (0..lent::EVERY_MS).contains(&(now - at_ms)));
            let judged = if recent || weight_bytes > TURN_BYTES { None } else { self.board.judged(&product) };
            let judged = judged.filter(|judged| before.as_ref().is_none_or(|(mark, _)| *mark != Mark::of(judged)));
            if let Some(judged) = judged {
                // What is too large is looked at again when it is another.
                let record = lent::record(&product, &self.worker, now, &judged);
                weight_bytes += record.iter().flat_map(|(_, value)| value).map(Vec::len).sum::<usize>();
                records.extend(record);
                lent.insert(product, (Mark::of(&judged), now));
            } else if let Some(before) = before {
                lent.insert(product, before);
            }
        }
        (records, lent)
    }

    fn write(&mut self, records: Vec<Record>) -> Result<(), Fault> {
        if records.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(Writer::open(&self.settings, &self.topic)?),
        };
        writer.write(records).inspect_err(|_| self.writer = None)
    }

    /// Records of products that changed since they were last told, as many as a turn may weigh, and what is told by then.
    fn products(&self, now: Ms) -> (Vec<Record>, BTreeMap<ProductName, u64>) {
        let changes = self.board.changes();
        let named = &self.board.directory().products;
        // What another worker took over is that worker's to tell; what no contract names is at its end.
        let gone = self.told.keys().filter(|product| !changes.contains_key(*product) && !named.contains_key(*product));
        let mut records: Vec<Record> = gone.map(fleet::product_gone).collect();
        let (mut told, mut weight_bytes) = (BTreeMap::new(), 0);
        for (product, change) in changes {
            let before = self.told.get(&product).copied();
            if before == Some(change) || weight_bytes > TURN_BYTES {
                told.extend(before.map(|before| (product, before)));
                continue;
            }
            if let Some(judged) = self.board.judged(&product) {
                let record = fleet::product_record(&product, &self.worker, now, &judged);
                weight_bytes += record.1.as_ref().map_or(0, Vec::len);
                records.push(record);
            }
            told.insert(product, change);
        }
        (records, told)
    }

    fn listen(&mut self, now: Ms) -> Result<(), Fault> {
        let follower = match &mut self.follower {
            Some(follower) => follower,
            None => self.follower.insert(Follower::new(&self.settings, &self.topic)?),
        };
        for record in follower.look()? {
            fleet::hear(&self.board, record, self.caught_up, now);
        }
        self.caught_up = true;
        Ok(())
    }

    fn farewell(&mut self) {
        if let Some(writer) = &mut self.writer
            && let Err(fault) = writer.write(vec![(self.worker.clone(), None)])
        {
            tracing::info!(reason = fault.message, "no farewell: other workers hear of this stop a little later");
        }
        if let Some(follower) = &mut self.follower {
            follower.close();
        }
    }
}
