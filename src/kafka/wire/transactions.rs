//! Transactional ids, and who wrote which partition: `ListTransactions` 0 and `DescribeProducers` 0 (KIP-664).

use crate::flow::io::Part;
use crate::kafka::wire::WireError;
use crate::kafka::wire::codec::{Reader, Writer};
use crate::kafka::wire::connection::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

const DESCRIBE_PRODUCERS: i16 = 61;
const LIST_TRANSACTIONS: i16 = 66;

/// A transactional id that a broker coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: String,
    pub producer: i64,
    /// `Empty`, `Ongoing`, `CompleteCommit` …
    pub state: String,
}

/// A producer that has written a partition and is not forgotten yet (`producer.id.expiration.ms`, a day).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wrote {
    pub producer: i64,
    /// Of its last record, -1 where it is not known.
    pub at_ms: i64,
    /// Of its last batch; a commit of offsets counts, too.
    pub sequence: i32,
}

/// What a leader says of one partition.
pub type OfPartition = Result<Vec<Wrote>, i16>;

/// All transactional ids that this broker coordinates and this principal may describe.
pub fn listed(broker: &mut Connection) -> Result<Vec<Transaction>, WireError> {
    let mut body = Writer::default();
    // In all states, of all producers.
    body.array(0).array(0).end();
    let answer = broker.ask(LIST_TRANSACTIONS, 0, &body.take())?;
    let mut reader = Reader::new(&answer);
    let read = |reader: &mut Reader<'_>| -> Result<(i16, Vec<Transaction>), String> {
        reader.i32()?;
        let code = reader.i16()?;
        reader.array(Reader::string)?;
        let transactions = reader.array(|r| {
            let (id, producer, state) = (r.string()?, r.i64()?, r.string()?);
            r.end()?;
            Ok(Transaction { id, producer, state })
        })?;
        Ok((code, transactions))
    };
    match read(&mut reader).map_err(|what| WireError::Broken { key: LIST_TRANSACTIONS, what })? {
        (0, transactions) => Ok(transactions),
        (code, _) => Err(WireError::Refused { what: "list transactions".into(), code }),
    }
}

/// Producers of partitions that this broker leads.
pub fn producers(broker: &mut Connection, parts: &[Part]) -> Result<BTreeMap<Part, OfPartition>, WireError> {
    let mut by_topic: BTreeMap<&Arc<str>, Vec<i32>> = BTreeMap::new();
    for part in parts {
        by_topic.entry(&part.topic).or_default().push(part.partition);
    }
    let mut body = Writer::default();
    body.array(by_topic.len());
    for (topic, partitions) in &by_topic {
        body.string(topic).array(partitions.len());
        for partition in partitions {
            body.i32(*partition);
        }
        body.end();
    }
    let answer = broker.ask(DESCRIBE_PRODUCERS, 0, &body.end().take())?;
    told(&mut Reader::new(&answer)).map_err(|what| WireError::Broken { key: DESCRIBE_PRODUCERS, what })
}

fn told(reader: &mut Reader<'_>) -> Result<BTreeMap<Part, OfPartition>, String> {
    let mut found = BTreeMap::new();
    reader.i32()?;
    reader.array(|r| {
        let topic: Arc<str> = r.string()?.as_str().into();
        r.array(|r| {
            let (partition, code) = (r.i32()?, r.i16()?);
            r.string()?;
            let wrote = r.array(|r| {
                let producer = r.i64()?;
                r.i32()?;
                let (sequence, at_ms) = (r.i32()?, r.i64()?);
                r.i32()?;
                r.i64()?;
                r.end()?;
                Ok(Wrote { producer, at_ms, sequence })
            })?;
            found.insert(Part::new(&topic, partition), if code == 0 { Ok(wrote) } else { Err(code) });
            r.end()
        })?;
        r.end()
    })?;
    Ok(found)
}
