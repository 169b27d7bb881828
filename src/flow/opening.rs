//! A partition on its way to live: the committed offset, then the topic's id, then both ends, then what the stage
//! must read first. The order is a rule of exactly-once: `committed` is stable only after `init_transactions`, and
//! an end taken before it may hide what the predecessor committed in between.

use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::record::{Offset, TopicId};
use crate::flow::io::{Action, Answer, Call, Chunk, Committed, Ends, Fault, Level, Ms, Note, Part, TopicInfo};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::stage::{Opened, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a partition whose topic is gone sits out before it is looked for again.
const MISSING_RETRY_MS: Ms = 2_000;

/// Where a partition stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    Opening(Step),
    /// Reads what was applied before; in no transaction.
    Replaying {
        id: TopicId,
        until: Offset,
    },
    /// `reopen`: the position left the log when so many flushes had begun; the next one that commits reopens it.
    /// `waits`: its next record needs a schema; until it is there nothing is taken, and its offset goes on being flushed.
    Live {
        id: TopicId,
        reopen: Option<u64>,
        waits: Option<Wait>,
    },
    /// Operators want its topic held: opened again when they no longer do.
    Paused,
    /// Its output failed, or its topic is gone: opened again at `until`.
    SittingOut {
        until: Ms,
        position: Option<Offset>,
        why: Why,
    },
}

/// Why a partition sits out.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    NoTopic,
    /// Of itself, or of one of our logs that it needs first.
    NoEnds(Part),
    Unreadable(String),
    Output(ProductName),
    /// Its position is lost, or an operator said so.
    SetDown,
}

/// What a partition waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What its next record needs first, then what the records after it do.
    pub schemas: Vec<SchemaRef>,
    pub since_ms: Ms,
    /// When they were last asked for.
    pub said_ms: Ms,
}

/// What is known so far, and so what to ask next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Offset,
    Topic { committed: Option<Committed> },
    Ends { committed: Option<Committed>, topic: TopicInfo },
    LogEnd { log: Part, from: Offset, id: TopicId },
    Log { log: Part, from: Offset, to: Offset, id: TopicId },
}

/// The partitions that the group gave and the flow took up.
#[derive(Debug, Default)]
pub struct Parts {
    pub phases: BTreeMap<Part, Phase>,
    /// Topics that operators want held: what would be opened is paused instead.
    pub paused: BTreeSet<Arc<str>>,
}

/// How a partition stands, for whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// On its way to live.
    Opening,
    Live,
    /// Live, and its next record needs a schema.
    Waiting,
    Paused,
    /// Kept back by a failure of its own.
    Failed,
}

impl Parts {
    pub fn open(&mut self, part: Part) {
        self.phases.insert(part, Phase::Opening(Step::Offset));
    }

    pub fn live(&self) -> Vec<Part> {
        self.phases.iter().filter(|(_, p)| matches!(p, Phase::Live { .. })).map(|(part, _)| part.clone()).collect()
    }

    /// Partitions that are assigned and not to be read.
    pub fn held(&self) -> usize {
        let held =
            |p: &&Phase| matches!(p, Phase::SittingOut { .. } | Phase::Paused | Phase::Live { waits: Some(_), .. });
        self.phases.values().filter(held).count()
    }

    pub fn stand(&self) -> impl Iterator<Item = (&Part, Stands)> {
        let stands = |phase: &Phase| match phase {
            Phase::Opening(_) | Phase::Replaying { .. } => Stands::Opening,
            Phase::Live { waits: Some(_), .. } => Stands::Waiting,
            Phase::Live { .. } => Stands::Live,
            Phase::Paused => Stands::Paused,
            Phase::SittingOut { .. } => Stands::Failed,
        };
        self.phases.iter().map(move |(part, phase)| (part, stands(phase)))
    }

    /// Those that are neither read nor paused, and what each waits for.
    pub fn waits(&self) -> impl Iterator<Item = (&Part, String)> {
        self.phases.iter().filter_map(|(part, phase)| Some((part, wait(phase)?)))
    }

    /// Opens those again whose time has come, and pauses those that would be opened and must not be; returns the latter.
    pub fn wake(&mut self, now: Ms) -> Vec<Part> {
        let mut paused = Vec::new();
        for (part, phase) in &mut self.phases {
            let hold = self.paused.contains(&part.topic);
            match phase {
                Phase::SittingOut { until, .. } if *until > now => {}
                Phase::Opening(_) | Phase::SittingOut { .. } if hold => {
                    *phase = Phase::Paused;
                    paused.push(part.clone());
                }
                Phase::SittingOut { .. } | Phase::Paused if !hold => *phase = Phase::Opening(Step::Offset),
                _ => {}
            }
        }
        paused
    }

    /// Sends every partition back to the beginning, but those that sit out; returns those that were being read.
    pub fn reopen_all(&mut self) -> Vec<Part> {
        let mut started = Vec::new();
        for (part, phase) in &mut self.phases {
            match phase {
                Phase::SittingOut { .. } | Phase::Paused => {}
                Phase::Opening(_) => *phase = Phase::Opening(Step::Offset),
                Phase::Live { .. } | Phase::Replaying { .. } => {
                    started.push(part.clone());
                    *phase = Phase::Opening(Step::Offset);
                }
            }
        }
        started
    }

    /// The next call on the way to live; partitions at the same step go together.
    pub fn next_call(&self) -> Option<Call> {
        let steps = || {
            self.phases.iter().filter_map(|(part, phase)| match phase {
                Phase::Opening(step) => Some((part, step)),
                _ => None,
            })
        };
        let at = |wanted: fn(&Step) -> bool| -> Vec<Part> {
            steps().filter(|(_, s)| wanted(s)).map(|(p, _)| p.clone()).collect()
        };
        let offset = at(|s| matches!(s, Step::Offset));
        if !offset.is_empty() {
            return Some(Call::Committed(offset));
        }
        let topic = at(|s| matches!(s, Step::Topic { .. }));
        if !topic.is_empty() {
            let names: BTreeSet<_> = topic.into_iter().map(|p| p.topic).collect();
            return Some(Call::Topics(names.into_iter().collect()));
        }
        let ends = at(|s| matches!(s, Step::Ends { .. }));
        if !ends.is_empty() {
            return Some(Call::Ends(ends));
        }
        steps().find_map(|(_, step)| match step {
            Step::LogEnd { log, .. } => Some(Call::Ends(vec![log.clone()])),
            Step::Log { log, from, to, .. } => Some(Call::ReadLog { part: log.clone(), from: *from, to: *to }),
            _ => None,
        })
    }

    /// Takes the answer to `call`; what to do about it goes to `out`. An error is the call's own.
    pub fn answered<S: Stage>(
        &mut self,
        now: Ms,
        stage: &mut S,
        call: &Call,
        answer: Answer,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        match (call, answer) {
            (Call::Committed(asked), Answer::Committed(result)) => {
                let mut found: BTreeMap<_, _> = result?.into_iter().collect();
                for part in asked {
                    if let Some(Phase::Opening(step @ Step::Offset)) = self.phases.get_mut(part) {
                        *step = Step::Topic { committed: found.remove(part).flatten() };
                    }
                }
            }
            (Call::Topics(asked), Answer::Topics(result)) => {
                let found = result?;
                for (part, phase) in &mut self.phases {
                    let Phase::Opening(Step::Topic { committed }) = phase else { continue };
                    if !asked.contains(&part.topic) {
                        continue;
                    }
                    *phase = match found.get(&part.topic).copied().flatten() {
                        Some(topic) => Phase::Opening(Step::Ends { committed: committed.take(), topic }),
                        None => missing(now, Why::NoTopic),
                    };
                }
            }
            (Call::Ends(asked), Answer::Ends(result)) => {
                let found = result?;
                for asked in asked {
                    self.ends_known(now, stage, asked, found.get(asked).copied(), out)?;
                }
            }
            (Call::ReadLog { part: log, from, to }, Answer::ReadLog(result)) => {
                self.log_read(stage, log, (*from, *to), &result?, out)?;
            }
            // The answer to a call that recovery has made pointless.
            _ => {}
        }
        Ok(())
    }

    fn ends_known<S: Stage>(
        &mut self,
        now: Ms,
        stage: &mut S,
        asked: &Part,
        ends: Option<Ends>,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        // Either the partition's own ends, or those of a log that partitions need first.
        if let Some(Phase::Opening(Step::Ends { committed, topic })) = self.phases.get(asked).cloned() {
            let Some(ends) = ends else {
                self.phases.insert(asked.clone(), missing(now, Why::NoEnds(asked.clone())));
                return Ok(());
            };
            let next = stage.open(now, asked, committed.as_ref(), topic, ends);
            return self.step(asked.clone(), topic.id, next, out);
        }
        // One answer for all of them: each asked after its committed offset was known, and only one call is out at a time.
        let waiting = self.phases.iter().filter_map(|(part, phase)| match phase {
            Phase::Opening(Step::LogEnd { log, from, id }) if log == asked => Some((part.clone(), *from, *id)),
            _ => None,
        });
        let waiting: Vec<_> = waiting.collect();
        let Some(ends) = ends else {
            // Deleted, or a leader on the move: looked for again, so that a broker's bad moment ends nothing.
            if let Some((part, ..)) = waiting.first() {
                let text = format!("{part} waits for {asked}, whose ends the broker does not tell");
                out.push(Action::Note(Note { level: Level::Warn, text }));
            }
            for (part, ..) in waiting {
                self.phases.insert(part, missing(now, Why::NoEnds(asked.clone())));
            }
            return Ok(());
        };
        let to = if planted(Mutation::RestoreStopsAtStable) { ends.stable } else { ends.high };
        for (part, from, id) in waiting {
            let from = from.max(ends.start);
            self.phases.insert(part.clone(), Phase::Opening(Step::Log { log: asked.clone(), from, to, id }));
            if from >= to {
                let chunk = Chunk { records: Vec::new(), next: to, done: true };
                self.piece(stage, part, chunk, out)?;
            }
        }
        Ok(())
    }

    /// What was read goes to all partitions that need the same of it: thousands of new ones would read it thousands of times.
    fn log_read<S: Stage>(
        &mut self,
        stage: &mut S,
        read: &Part,
        asked: (Offset, Offset),
        chunk: &Chunk,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        let needs = |(part, phase): (&Part, &Phase)| match phase {
            Phase::Opening(Step::Log { log, from, to, .. }) if log == read && (*from, *to) == asked => {
                Some(part.clone())
            }
            _ => None,
        };
        let parts: Vec<Part> = self.phases.iter().filter_map(needs).collect();
        parts.into_iter().try_for_each(|part| self.piece(stage, part, chunk.clone(), out))
    }

    /// A piece of the log that a partition reads.
    fn piece<S: Stage>(
        &mut self,
        stage: &mut S,
        part: Part,
        chunk: Chunk,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        let Some(Phase::Opening(Step::Log { from, id, .. })) = self.phases.get_mut(&part) else { return Ok(()) };
        let id = *id;
        *from = chunk.next;
        match stage.read(&part, chunk) {
            Some(opened) => self.step(part, id, opened, out),
            None => Ok(()),
        }
    }

    fn step(&mut self, part: Part, id: TopicId, next: Opened, out: &mut Vec<Action>) -> Result<(), Refused> {
        let phase = match next {
            Opened::Refuse(why) => return Err(Refused::Exit(why)),
            Opened::Again => Phase::Opening(Step::Offset),
            Opened::Read { log, from } => Phase::Opening(Step::LogEnd { log, from, id }),
            // It was paused on its last step to live: `wake` sets it down, and the stage forgets it.
            Opened::Start { .. } if self.paused.contains(&part.topic) => Phase::Opening(Step::Offset),
            Opened::Start { offset, replay_until } => {
                out.push(Action::Start { part: part.clone(), offset });
                if offset < replay_until {
                    Phase::Replaying { id, until: replay_until }
                } else {
                    Phase::Live { id, reopen: None, waits: None }
                }
            }
        };
        if matches!(phase, Phase::Replaying { .. }) {
            out.push(Action::Note(Note { level: Level::Info, text: format!("{part} is being restored") }));
        }
        self.phases.insert(part, phase);
        Ok(())
    }
}

/// Looked for again soon.
fn missing(now: Ms, why: Why) -> Phase {
    Phase::SittingOut { until: now + MISSING_RETRY_MS, position: None, why }
}

/// What a partition waits for before it is live; `None` where it is, or is paused.
fn wait(phase: &Phase) -> Option<String> {
    Some(match phase {
        Phase::Live { waits: Some(wait), .. } => match wait.schemas.first() {
            Some(schema) => format!("{schema} of the registry"),
            None => "the flush of the copies that were put aside".into(),
        },
        Phase::Live { .. } | Phase::Paused => return None,
        Phase::Opening(Step::Offset) => "the offset that its group committed".into(),
        Phase::Opening(Step::Topic { .. }) => "its topic's id".into(),
        Phase::Opening(Step::Ends { .. }) => "its ends".into(),
        Phase::Opening(Step::LogEnd { log, .. }) => format!("the ends of {log}"),
        Phase::Opening(Step::Log { log, from, to, .. }) => format!("{log}, read up to {from} of {to}"),
        Phase::Replaying { until, .. } => format!("its records before {until}, which are read once more"),
        Phase::SittingOut { why: Why::NoTopic, .. } => "its topic, which does not exist".into(),
        Phase::SittingOut { why: Why::NoEnds(log), .. } => format!("the ends of {log}, which the broker does not tell"),
        Phase::SittingOut { why: Why::Unreadable(why), .. } => format!("a steward that can read it: {why}"),
        Phase::SittingOut { why: Why::Output(product), .. } => {
            format!("the output of {product}, which cannot be written")
        }
        Phase::SittingOut { why: Why::SetDown, .. } => "its next opening".into(),
    })
}

/// Why opening did not go on.
#[derive(Debug)]
pub enum Refused {
    /// The call failed.
    Call(Fault),
    /// The stage must not go on.
    Exit(String),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        Refused::Call(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paused_on_its_last_step_is_not_read() {
        let (topic, mut out): (Arc<str>, _) = ("orders".into(), Vec::new());
        let part = Part::new(&topic, 0);
        let mut parts = Parts::default();
        parts.open(part.clone());
        parts.paused.insert(topic);
        let start = Opened::Start { offset: 7, replay_until: 7 };
        assert!(parts.step(part.clone(), TopicId(1), start, &mut out).is_ok());
        assert_eq!(out, []);
        assert_eq!(parts.wake(0), std::slice::from_ref(&part));
        assert_eq!(parts.phases.get(&part), Some(&Phase::Paused));
    }
}
