//! Groups of all kinds, and what streams and share groups read: `ListGroups` 5, `StreamsGroupDescribe` 0 (KIP-1071),
//! `DescribeShareGroupOffsets` 0 (KIP-932). Each is asked of the group's coordinator, which is the broker that lists it.

use crate::kafka::wire::WireError;
use crate::kafka::wire::codec::{Reader, Writer};
use crate::kafka::wire::connection::Connection;

const LIST_GROUPS: i16 = 16;
const STREAMS_GROUP_DESCRIBE: i16 = 89;
const DESCRIBE_SHARE_GROUP_OFFSETS: i16 = 90;

/// A group that a broker coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// `consumer`, `connect`, `streams`, `share` …
    pub protocol: String,
    pub state: String,
    /// `classic`, `consumer`, `streams`, `share`.
    pub kind: String,
}

/// What a streams group's topology reads and writes inside of it; to which topics it writes at its end is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub state: String,
    /// Patterns are resolved.
    pub sources: Vec<String>,
    pub repartitions: Vec<String>,
    pub changelogs: Vec<String>,
    pub members: usize,
}

/// How far a share group has come: the first offset that is not yet done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub topic: String,
    pub partition: i32,
    /// -1: it has not begun.
    pub offset: i64,
}

/// All groups that this broker coordinates and this principal may describe.
pub fn listed(broker: &mut Connection) -> Result<Vec<Listed>, WireError> {
    let mut body = Writer::default();
    // Of all states, of all types.
    body.array(0).array(0).end();
    let answer = broker.ask(LIST_GROUPS, 5, &body.take())?;
    let mut reader = Reader::new(&answer);
    let read = |reader: &mut Reader<'_>| -> Result<(i16, Vec<Listed>), String> {
        reader.i32()?;
        let code = reader.i16()?;
        let groups = reader.array(|r| {
            let (id, protocol) = (r.string()?, r.string()?);
            let (state, kind) = (r.string()?, r.string()?);
            r.end()?;
            Ok(Listed { id, protocol, state, kind })
        })?;
        Ok((code, groups))
    };
    match read(&mut reader).map_err(|what| WireError::Broken { key: LIST_GROUPS, what })? {
        (0, groups) => Ok(groups),
        (code, _) => Err(WireError::Refused { what: "list groups".into(), code }),
    }
}

/// One streams group; `None`: its topology is not initialized.
pub fn topology(broker: &mut Connection, group: &str) -> Result<Option<Topology>, WireError> {
    let mut body = Writer::default();
    body.array(1).string(group).bool(false).end();
    let answer = broker.ask(STREAMS_GROUP_DESCRIBE, 0, &body.take())?;
    let broken = |what| WireError::Broken { key: STREAMS_GROUP_DESCRIBE, what };
    let mut groups = streams(&mut Reader::new(&answer)).map_err(broken)?;
    match groups.pop() {
        Some((0, topology)) => Ok(topology),
        Some((code, _)) => Err(WireError::Refused { what: format!("streams group {group}"), code }),
        None => Ok(None),
    }
}

fn streams(reader: &mut Reader<'_>) -> Result<Vec<(i16, Option<Topology>)>, String> {
    reader.i32()?;
    reader.array(|r| {
        let code = r.i16()?;
        r.string()?;
        r.string()?;
        let state = r.string()?;
        r.i32()?;
        r.i32()?;
        let topology = r.nullable(|r| {
            r.i32()?;
            let mut topology = Topology { state: state.clone(), ..Topology::default() };
            r.array(|r| {
                r.string()?;
                topology.sources.extend(r.array(Reader::string)?);
                r.array(Reader::string)?;
                topology.changelogs.extend(r.array(internal)?);
                topology.repartitions.extend(r.array(internal)?);
                r.end()
            })?;
            r.end()?;
            Ok(topology)
        })?;
        let members = r.array(member)?.len();
        r.i32()?;
        r.end()?;
        Ok((code, topology.map(|topology| Topology { members, ..topology })))
    })
}

/// A topic that the application made for itself.
fn internal(r: &mut Reader<'_>) -> Result<String, String> {
    let name = r.string()?;
    r.i32()?;
    r.i16()?;
    r.array(pair)?;
    r.end()?;
    Ok(name)
}

fn pair(r: &mut Reader<'_>) -> Result<(), String> {
    r.string()?;
    r.string()?;
    r.end()
}

/// Passed over.
fn member(r: &mut Reader<'_>) -> Result<(), String> {
    let tasks = |r: &mut Reader<'_>| {
        r.array(|r| {
            r.string()?;
            r.array(Reader::i32)?;
            r.end()
        })
    };
    let assignment = |r: &mut Reader<'_>| {
        tasks(r)?;
        tasks(r)?;
        tasks(r)?;
        r.end()
    };
    let offsets = |r: &mut Reader<'_>| {
        r.array(|r| {
            r.string()?;
            r.i32()?;
            r.i64()?;
            r.end()
        })
    };
    r.string()?;
    r.i32()?;
    // Instance, rack, client and host.
    for _ in 0..4 {
        r.string()?;
    }
    r.i32()?;
    r.string()?;
    r.nullable(|r| {
        r.string()?;
        r.i16()?;
        r.end()
    })?;
    r.array(pair)?;
    offsets(r)?;
    offsets(r)?;
    assignment(r)?;
    assignment(r)?;
    r.i8()?;
    r.end()
}

/// All partitions that a share group has begun.
pub fn starts(broker: &mut Connection, group: &str) -> Result<Vec<Start>, WireError> {
    let mut body = Writer::default();
    // Null: of all topics.
    body.array(1).string(group).null_array().end().end();
    let answer = broker.ask(DESCRIBE_SHARE_GROUP_OFFSETS, 0, &body.take())?;
    let broken = |what| WireError::Broken { key: DESCRIBE_SHARE_GROUP_OFFSETS, what };
    let mut groups = shares(&mut Reader::new(&answer)).map_err(broken)?;
    match groups.pop() {
        Some((0, starts)) => Ok(starts),
        Some((code, _)) => Err(WireError::Refused { what: format!("share group {group}"), code }),
        None => Ok(Vec::new()),
    }
}

fn shares(reader: &mut Reader<'_>) -> Result<Vec<(i16, Vec<Start>)>, String> {
    reader.i32()?;
    reader.array(|r| {
        r.string()?;
        let mut starts = Vec::new();
        r.array(|r| {
            let topic = r.string()?;
            r.uuid()?;
            r.array(|r| {
                let (partition, offset) = (r.i32()?, r.i64()?);
                r.i32()?;
                let code = r.i16()?;
                r.string()?;
                if code == 0 {
                    starts.push(Start { topic: topic.clone(), partition, offset });
                }
                r.end()
            })?;
            r.end()
        })?;
        let code = r.i16()?;
        r.string()?;
        r.end()?;
        Ok((code, starts))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `StreamsGroupDescribeResponse.json` lays it out: one group with one subtopology and one member.
    fn answer() -> Vec<u8> {
        let mut w = Writer::default();
        w.i32(0).array(1);
        w.i16(0).null_array().string("app").string("Stable").i32(3).i32(3);
        // The topology is there; its epoch and subtopologies.
        w.bool(true).i32(1).array(1);
        w.string("0").array(2).string("orders").string("users").array(1).string("app-x-repartition");
        w.array(1)
            .string("app-s-changelog")
            .i32(0)
            .i16(0)
            .array(1)
            .string("cleanup.policy")
            .string("compact")
            .end()
            .end();
        w.array(1).string("app-x-repartition").i32(4).i16(1).array(0).end();
        w.end().end();
        w.array(1).string("m-1").i32(3).null_array().null_array().string("client").string("/10.0.0.1").i32(1);
        w.string("process").bool(true).string("host").i16(80).end().array(1).string("zone").string("a").end();
        for _ in 0..2 {
            w.array(1).string("0").i32(0).bytes(&7_i64.to_be_bytes()).end();
        }
        for _ in 0..2 {
            w.array(1).string("0").array(2).i32(0).i32(1).end().array(0).array(0).end();
        }
        w.bool(false).end();
        w.i32(i32::MIN).end().end().take()
    }

    #[test]
    fn a_streams_group_tells_what_it_reads_and_keeps() {
        let mut groups = streams(&mut Reader::new(&answer())).unwrap();
        let (code, topology) = groups.pop().unwrap();
        let expected = Topology {
            state: "Stable".into(),
            sources: vec!["orders".into(), "users".into()],
            repartitions: vec!["app-x-repartition".into()],
            changelogs: vec!["app-s-changelog".into()],
            members: 1,
        };
        assert_eq!((code, topology), (0, Some(expected)));
        let whole = answer();
        for cut in 0..whole.len() - 1 {
            assert!(streams(&mut Reader::new(&whole[..cut])).is_err(), "{cut} bytes");
        }
    }
}
