//! Which event a catalog is sent next, which is left out, and which waits, by what it answers. It decides; whoever calls it sends.

use crate::engine::event::lineage::speaker::PRODUCER;
use crate::engine::record::Offset;
use crate::flow::io::Part;
use crate::kafka::inbox::Found;
use crate::worker::lineage::catalog::Answer;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// After so many answers of 500 to one event, some two minutes, another one shows whether the event or the catalog is broken.
const BROKE_MAX: u32 = 8;

/// How far a catalog came.
#[derive(Debug, Default)]
pub struct Courier {
    /// Next to send of each partition.
    pub sent_to: BTreeMap<Part, Offset>,
    /// The event that the catalog answers with 500, and how often.
    broke: Option<(Part, Offset, u32)>,
}

/// What became of one turn.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turned {
    pub taken: u64,
    /// Why events were left out, each.
    pub refused: Vec<String>,
    /// Partitions that moved, and what is next of each.
    pub moved: BTreeMap<Part, Offset>,
    /// Why the turn ended early: what is left waits.
    pub halt: Option<Halt>,
}

/// `after`: when the catalog wants to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    pub why: String,
    pub after: Option<Duration>,
}

impl From<String> for Halt {
    fn from(why: String) -> Halt {
        Halt { why, after: None }
    }
}

/// An event that may be broken.
struct Suspect {
    part: Part,
    offset: Offset,
    why: String,
}

impl Courier {
    pub fn new(sent_to: BTreeMap<Part, Offset>) -> Courier {
        Courier { sent_to, broke: None }
    }

    /// Sends what was found, partition by partition, each in its order. `send` answers nothing when it is to end.
    pub fn turn(&mut self, found: &[Found], mut send: impl FnMut(&[u8]) -> Option<Answer>) -> Turned {
        let mut turned = Turned::default();
        let mut suspect: Option<Suspect> = None;
        for Found { part, records, next } in found {
            let mut holds = false;
            for record in records {
                let Some(event) = record.value.as_deref().filter(|value| is_ours(value)) else { continue };
                let Some(answer) = send(event) else { return turned };
                let is_suspected = suspect.is_some();
                match answer {
                    Answer::Broke(why) if !is_suspected && self.breaks(part, record.offset) > BROKE_MAX => {
                        suspect = Some(Suspect { part: part.clone(), offset: record.offset, why });
                        holds = true;
                        continue;
                    }
                    // Two of one partition may both be broken: another partition tells.
                    Answer::Broke(_) if is_suspected => {
                        holds = true;
                        break;
                    }
                    Answer::Broke(why) => return Turned { halt: Some(why.into()), ..turned },
                    Answer::Away { why, after } => return Turned { halt: Some(Halt { why, after }), ..turned },
                    Answer::Taken | Answer::Refused(_) => {}
                }
                // It answers, so that it was the event.
                if let Some(Suspect { part: of, offset, why }) = suspect.take() {
                    turned.refused.push(why);
                    self.sent(&of, offset + 1, &mut turned);
                    holds = false;
                }
                match answer {
                    Answer::Refused(why) => turned.refused.push(why),
                    _ => turned.taken += 1,
                }
                self.sent(part, record.offset + 1, &mut turned);
            }
            if !holds {
                self.sent(part, *next, &mut turned);
            }
        }
        turned.halt = suspect.map(|suspect| suspect.why.into());
        turned
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

    fn sent(&mut self, part: &Part, next: Offset, turned: &mut Turned) {
        self.sent_to.insert(part.clone(), next);
        turned.moved.insert(part.clone(), next);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::io::LogRecord;

    /// A topic's partitions, each with the names of its events; one that begins with `-` is none of ours.
    const TOPIC: &[&[&str]] = &[&["a", "-verdict", "b", "c"], &["d"]];

    fn event(name: &str) -> Vec<u8> {
        let producer = if name.starts_with('-') { "https://example.com" } else { PRODUCER };
        let schema = "https://openlineage.io/spec/2-0-2/OpenLineage.json";
        format!(r#"{{"job": "{name}", "producer": "{producer}", "schemaURL": "{schema}"}}"#).into_bytes()
    }

    fn name(event: &[u8]) -> String {
        serde_json::from_slice::<serde_json::Value>(event).expect("JSON")["job"].as_str().expect("a name").to_owned()
    }

    /// What is left of the topic.
    fn found(topic: &[&[&str]], sent_to: &BTreeMap<Part, Offset>) -> Vec<Found> {
        let mut found = Vec::new();
        for (partition, names) in topic.iter().enumerate() {
            let part = Part::new(&"events".into(), partition as i32);
            let from = sent_to.get(&part).copied().unwrap_or(0);
            let all = names.iter().enumerate().map(|(offset, name)| LogRecord {
                offset: offset as Offset,
                timestamp_ms: 0,
                key: None,
                value: Some(event(name)),
            });
            let records: Vec<LogRecord> = all.filter(|record| record.offset >= from).collect();
            if !records.is_empty() {
                found.push(Found { part, records, next: names.len() as Offset });
            }
        }
        found
    }

    /// So many turns at a catalog that answers as `says`: events as they were taken, how many were refused, and the last halt.
    fn sends(
        topic: &[&[&str]],
        turns: usize,
        mut says: impl FnMut(usize, &str) -> Answer,
    ) -> (String, usize, Option<Halt>) {
        let (mut courier, mut taken, mut refused, mut halt) = (Courier::default(), String::new(), 0, None);
        for turn in 1..=turns {
            let turned = courier.turn(&found(topic, &courier.sent_to), |event| {
                let answer = says(turn, &name(event));
                if answer == Answer::Taken {
                    taken += &name(event);
                }
                Some(answer)
            });
            refused += turned.refused.len();
            halt = turned.halt;
        }
        (taken, refused, halt)
    }

    fn broke(_: usize, _: &str) -> Answer {
        Answer::Broke("status 500".into())
    }

    #[test]
    fn events_are_sent_in_the_order_of_their_partition_and_those_of_others_are_not() {
        assert_eq!(sends(TOPIC, 3, |_, _| Answer::Taken), ("abcd".into(), 0, None));
    }

    #[test]
    fn what_a_catalog_refuses_is_left_out_and_the_next_one_sent() {
        let says = |_, name: &str| if name == "b" { Answer::Refused("422".into()) } else { Answer::Taken };
        assert_eq!(sends(TOPIC, 3, says), ("acd".into(), 1, None));
    }

    #[test]
    fn who_is_away_is_waited_for_however_long_it_takes() {
        let after = Some(Duration::from_secs(7));
        let away = || Answer::Away { why: "status 503".into(), after };
        let halted = Some(Halt { why: "status 503".into(), after });
        let says = |turn, name: &str| if name == "b" && turn < 100 { away() } else { Answer::Taken };
        assert_eq!(sends(TOPIC, 99, says), ("a".into(), 0, halted));
        assert_eq!(sends(TOPIC, 100, says), ("abcd".into(), 0, None));
    }

    #[test]
    fn an_event_is_left_out_after_eight_answers_of_500_where_another_is_taken() {
        let says = |_, name: &str| if name == "b" { broke(0, name) } else { Answer::Taken };
        let halted = Some(Halt::from("status 500".to_owned()));
        assert_eq!(sends(TOPIC, 8, says), ("a".into(), 0, halted), "it may be the catalog's fault");
        assert_eq!(sends(TOPIC, 9, says), ("acd".into(), 1, None));
    }

    #[test]
    fn one_that_is_taken_at_last_is_not_left_out() {
        let says = |turn, name: &str| if name == "b" && turn < 9 { broke(turn, name) } else { Answer::Taken };
        assert_eq!(sends(TOPIC, 9, says), ("abcd".into(), 0, None));
    }

    #[test]
    fn a_catalog_that_answers_everything_with_500_loses_nothing() {
        let halted = Some(Halt::from("status 500".to_owned()));
        assert_eq!(sends(TOPIC, 100, broke), ("".into(), 0, halted));
        let heals = |turn, name: &str| if turn <= 100 { broke(turn, name) } else { Answer::Taken };
        assert_eq!(sends(TOPIC, 101, heals), ("abcd".into(), 0, None));
    }

    #[test]
    fn several_that_are_broken_are_told_by_another_partition() {
        let says = |_, name: &str| if name == "a" || name == "b" { broke(0, name) } else { Answer::Taken };
        // Eight answers for each, and the other partition after the first.
        let waits = Some(Halt::from("status 500".to_owned()));
        assert_eq!(sends(&[&["a", "b", "c"], &["d"]], 17, says), ("d".into(), 1, waits));
        assert_eq!(sends(&[&["a", "b", "c"], &["d"]], 18, says), ("dc".into(), 2, None));
        // At the end of its partition, too.
        assert_eq!(sends(&[&["a"], &["d"]], 9, says), ("d".into(), 1, None));
        // Where no other can tell, it waits.
        assert_eq!(sends(&[&["a", "b"]], 99, says).2, Some(Halt::from("status 500".to_owned())));
    }

    #[test]
    fn whoever_ends_a_turn_keeps_what_was_sent() {
        let mut courier = Courier::default();
        let mut left = 2;
        let turned = courier.turn(&found(TOPIC, &BTreeMap::new()), |_| {
            left -= 1;
            (left >= 0).then_some(Answer::Taken)
        });
        assert_eq!((turned.taken, turned.halt), (2, None));
        assert_eq!(turned.moved.into_iter().collect::<Vec<_>>(), [(Part::new(&"events".into(), 0), 3)]);
    }
}
