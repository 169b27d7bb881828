//! Topics and their logs: offsets, transactions' records, last stable offset, deletion, compaction.

use mesh_steward::engine::record::{Offset, TopicId};
use mesh_steward::flow::io::{Ends, Ms, TopicInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Pid = i64;

/// What brokers answer instead of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    OffsetOutOfRange,
    UnknownTopicOrPart,
    TopicAuthorizationFailed,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    ConcurrentTransactions,
    UnknownMemberId,
    IllegalGeneration,
    FencedInstanceId,
    FencedMemberEpoch,
    RebalanceInProgress,
    UnstableOffsetCommit,
    OffsetMetadataTooLarge,
}

/// Who appends: with a pid the record belongs to a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    pub pid: Pid,
    pub epoch: i32,
    pub sequence: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, String)>,
    pub timestamp_ms: Ms,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Plain,
    Open,
    Committed,
    Aborted,
    Marker,
    /// Compacted away.
    Hole,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub data: Data,
    pub pid: Option<Pid>,
    pub fate: Fate,
}

impl Entry {
    pub fn visible(&self) -> bool {
        matches!(self.fate, Fate::Plain | Fate::Committed)
    }
}

/// One partition. Entries below `start` are kept for the oracle and never read.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub start: Offset,
    pub entries: Vec<Entry>,
    ongoing: BTreeMap<Pid, Offset>,
    producers: BTreeMap<Pid, (i32, i32)>,
}

/// Records with their offsets, and the position after them.
pub type Fetched<'l> = (Vec<(Offset, &'l Data)>, Offset);

impl Log {
    /// The high watermark: there is one replica.
    pub fn end(&self) -> Offset {
        self.entries.len() as Offset
    }

    pub fn stable(&self) -> Offset {
        self.ongoing.values().min().copied().unwrap_or(self.end())
    }

    pub fn ends(&self) -> Ends {
        Ends { start: self.start, stable: self.stable(), high: self.end() }
    }

    /// The first offset that was appended at this time or later.
    pub fn offset_at(&self, time_ms: Ms) -> Option<Offset> {
        let is =
            |(offset, entry): &(usize, &Entry)| *offset as Offset >= self.start && entry.data.timestamp_ms >= time_ms;
        self.entries.iter().enumerate().find(is).map(|(offset, _)| offset as Offset)
    }

    pub fn is_ongoing(&self, pid: Pid) -> bool {
        self.ongoing.contains_key(&pid)
    }

    pub fn append(&mut self, author: Option<Author>, records: Vec<Data>) -> Result<(), Refusal> {
        let first = self.end();
        if let Some(Author { pid, epoch, sequence }) = author {
            if let Some((seen, last)) = self.producers.get(&pid) {
                if epoch < *seen {
                    return Err(Refusal::InvalidProducerEpoch);
                }
                if epoch == *seen && sequence <= *last {
                    return Ok(());
                }
            }
            self.producers.insert(pid, (epoch, sequence));
            self.ongoing.entry(pid).or_insert(first);
        }
        let fate = if author.is_some() { Fate::Open } else { Fate::Plain };
        self.entries.extend(records.into_iter().map(|data| Entry { data, pid: author.map(|a| a.pid), fate }));
        Ok(())
    }

    /// Ends the transaction of `pid` here, and takes one offset.
    pub fn mark(&mut self, now: Ms, pid: Pid, epoch: i32, commit: bool) {
        if let Some(first) = self.ongoing.remove(&pid) {
            let fate = if commit { Fate::Committed } else { Fate::Aborted };
            for entry in &mut self.entries[first as usize..] {
                if entry.pid == Some(pid) && entry.fate == Fate::Open {
                    entry.fate = fate;
                }
            }
        }
        let last = self.producers.get(&pid).filter(|(seen, _)| *seen == epoch).map_or(-1, |(_, last)| *last);
        self.producers.insert(pid, (epoch, last));
        let data = Data { key: None, value: None, headers: Vec::new(), timestamp_ms: now };
        self.entries.push(Entry { data, pid: Some(pid), fate: Fate::Marker });
    }

    /// Records from `offset`, at most `most`, and the position after them; it passes markers and what was aborted.
    pub fn fetch(&self, offset: Offset, most: usize, committed: bool) -> Result<Fetched<'_>, Refusal> {
        if offset < self.start || offset > self.end() {
            return Err(Refusal::OffsetOutOfRange);
        }
        let limit = if committed { self.stable() } else { self.end() };
        let mut found = Vec::new();
        let mut position = offset;
        while position < limit && found.len() < most {
            let entry = &self.entries[position as usize];
            let shown = if committed { entry.visible() } else { !matches!(entry.fate, Fate::Marker | Fate::Hole) };
            if shown {
                found.push((position, &entry.data));
            }
            position += 1;
        }
        Ok((found, position.max(offset)))
    }

    pub fn delete_records(&mut self, before: Offset) {
        self.start = self.start.max(before.min(self.end()));
    }

    /// Older records of a key go, below the last stable offset only.
    pub fn compact(&mut self) {
        let stable = self.stable() as usize;
        let mut newest = BTreeMap::new();
        for (i, entry) in self.entries[..stable].iter().enumerate().filter(|(_, e)| e.visible()) {
            newest.insert(entry.data.key.clone(), i);
        }
        for (i, entry) in self.entries[..stable].iter_mut().enumerate() {
            if entry.visible() && newest.get(&entry.data.key) != Some(&i) {
                entry.fate = Fate::Hole;
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Topic {
    pub id: TopicId,
    pub partitions: Vec<Log>,
}

/// All topics, also those that were deleted: the oracle asks for them.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    pub live: BTreeMap<Arc<str>, Topic>,
    pub gone: Vec<(Arc<str>, Topic)>,
    ids: u128,
}

impl Topics {
    pub fn create(&mut self, name: &Arc<str>, partitions: i32) {
        self.ids += 1;
        let topic = Topic { id: TopicId(self.ids), partitions: vec![Log::default(); partitions as usize] };
        self.live.insert(name.clone(), topic);
    }

    pub fn delete(&mut self, name: &Arc<str>) {
        if let Some(topic) = self.live.remove(name) {
            self.gone.push((name.clone(), topic));
        }
    }

    pub fn grow(&mut self, name: &Arc<str>, partitions: i32) {
        if let Some(topic) = self.live.get_mut(name) {
            topic.partitions.resize(partitions as usize, Log::default());
        }
    }

    pub fn info(&self, name: &Arc<str>) -> Option<TopicInfo> {
        self.live.get(name).map(|t| TopicInfo { id: t.id, partitions: t.partitions.len() as i32 })
    }

    pub fn log(&self, name: &str, partition: i32) -> Option<&Log> {
        self.live.get(name)?.partitions.get(partition as usize)
    }

    pub fn log_mut(&mut self, name: &str, partition: i32) -> Option<&mut Log> {
        self.live.get_mut(name)?.partitions.get_mut(partition as usize)
    }

    /// Every topic that ever was, with its name.
    pub fn ever(&self) -> impl Iterator<Item = (&Arc<str>, &Topic)> {
        self.live.iter().chain(self.gone.iter().map(|(name, topic)| (name, topic)))
    }
}

mod behaviour {
    use super::*;

    fn data(key: u8) -> Data {
        Data { key: Some(vec![key]), value: Some(vec![key]), headers: Vec::new(), timestamp_ms: 0 }
    }

    fn offsets(log: &Log, from: Offset, committed: bool) -> (Vec<Offset>, Offset) {
        let (found, next) = log.fetch(from, 100, committed).unwrap();
        (found.into_iter().map(|(o, _)| o).collect(), next)
    }

    #[test]
    fn an_open_transaction_hides_what_was_committed_above_it() {
        let mut log = Log::default();
        let author = |pid, sequence| Some(Author { pid, epoch: 0, sequence });
        log.append(author(1, 0), vec![data(1)]).unwrap();
        log.append(author(2, 0), vec![data(2)]).unwrap();
        log.mark(0, 2, 0, true);
        assert_eq!((log.stable(), log.end()), (0, 3));
        assert_eq!(offsets(&log, 0, true), (vec![], 0));
        assert_eq!(offsets(&log, 0, false), (vec![0, 1], 3));
        log.mark(0, 1, 1, false);
        assert_eq!(offsets(&log, 0, true), (vec![1], 4), "the position passes markers and what was aborted");
        assert_eq!(log.append(author(1, 1), vec![data(3)]), Err(Refusal::InvalidProducerEpoch));
    }

    #[test]
    fn a_repeated_sequence_is_appended_once() {
        let mut log = Log::default();
        for _ in 0..2 {
            log.append(Some(Author { pid: 1, epoch: 0, sequence: 4 }), vec![data(1)]).unwrap();
        }
        assert_eq!(log.end(), 1);
    }

    #[test]
    fn compaction_leaves_holes_and_the_newest() {
        let mut log = Log::default();
        log.append(None, vec![data(1), data(2), data(1)]).unwrap();
        log.compact();
        assert_eq!(offsets(&log, 0, true), (vec![1, 2], 3));
        log.delete_records(2);
        assert_eq!(log.fetch(1, 9, true).unwrap_err(), Refusal::OffsetOutOfRange);
    }
}
