//! What is known of the registry's schemas, what is wanted, and which one to ask for when. Time is an argument.
//!
//! What was found is kept for ever: an id never means another schema. What is missing or failed is asked for again, the
//! sooner the more waits for it.

use crate::engine::decode::schema::{Registered, SchemaRef, Schemas};
use crate::flow::io::Ms;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Back-off while the registry fails: half a second, doubled, at most 15 s.
const BACKOFF_MS: Ms = 500;
const BACKOFF_MAX_MS: Ms = 15_000;
/// A schema that was never asked for waits no longer than this after the last failure: one id that always fails must not
/// hold back the others.
const FIRST_ASK_MS: Ms = 1_000;
/// An unknown schema is asked for ten times in its grace, within these bounds.
const GRACE_STEP_MS: (Ms, Ms) = (100, 1_000);
/// A flood of bytes that look like frames names thousands of schemas that nobody registers. Beyond this many graces at
/// once, or so many in vain in ten minutes, the next unknown schema has none: a partition is held up for a minute in ten.
const GRACES_AT_ONCE: usize = 20;
const GRACES_IN_VAIN: usize = 5;
const VAIN_MS: Ms = 600_000;
/// What was given up is asked for again after a minute, doubled, at most an hour, and no more than ten a second.
const AGAIN_MS: Ms = 60_000;
const AGAIN_MAX_MS: Ms = 3_600_000;
const AGAIN_STEP_MS: Ms = 100;

pub struct Cache {
    limits: Limits,
    entries: BTreeMap<SchemaRef, Entry>,
    /// Those that partitions wait for, by the time at which they are asked for.
    waiting: BTreeSet<(Ms, SchemaRef)>,
    /// Those that were given up.
    later: BTreeSet<(Ms, SchemaRef)>,
    later_from_ms: Ms,
    down: Option<Down>,
    /// When graces ended without a schema.
    vain: VecDeque<Ms>,
    born: u64,
    changed: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub missing_grace_ms: Ms,
    pub unavailable_max_ms: Ms,
    pub schemas_max: usize,
}

#[derive(Default)]
struct Entry {
    /// What tasks are told; `None`: they wait.
    told: Option<Registered>,
    /// When it is asked for next; `None`: never.
    next_ms: Option<Ms>,
    missing_since_ms: Option<Ms>,
    failing_since_ms: Option<Ms>,
    /// Failures, or answers that it is missing, in a row.
    tries: u32,
    born: u64,
}

/// The registry's last word was a failure.
struct Down {
    since_ms: Ms,
    tries: u32,
    failed_ms: Ms,
    next_ms: Ms,
}

/// What an answer means for the cache.
pub enum Said {
    Known(Registered),
    Missing,
    /// Why; it may succeed another time. `everywhere`: it would fail for any other schema too.
    Failed {
        why: String,
        everywhere: bool,
    },
}

/// What an answer changed, for the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// The registry fails since just now.
    Down,
    /// It answers again.
    Up,
    /// Records that name it are undecodable from now on.
    Absent,
    /// Records that name it are not measured from now on.
    GivenUp,
}

impl Cache {
    pub fn new(limits: Limits) -> Cache {
        Cache {
            limits,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
            later: BTreeSet::new(),
            later_from_ms: 0,
            down: None,
            vain: VecDeque::new(),
            born: 0,
            changed: false,
        }
    }

    /// A task waits for this schema. Saying it again changes nothing.
    pub fn want(&mut self, now: Ms, schema: SchemaRef) {
        // Where all places are taken by what is waited for, the task will say it again.
        if self.entries.contains_key(&schema) || !self.room() {
            return;
        }
        self.born += 1;
        self.entries.insert(schema, Entry { next_ms: Some(now), born: self.born, ..Entry::default() });
        self.waiting.insert((now, schema));
        if let Some(down) = &mut self.down {
            down.next_ms = down.next_ms.min((down.failed_ms + FIRST_ASK_MS).max(now));
        }
    }

    /// The schema to ask for now, if any.
    pub fn next(&mut self, now: Ms) -> Option<SchemaRef> {
        if self.down.as_ref().is_some_and(|down| now < down.next_ms) {
            return None;
        }
        let due = |queue: &BTreeSet<(Ms, SchemaRef)>| queue.first().filter(|(at, _)| *at <= now).map(|(_, s)| *s);
        if let Some(schema) = due(&self.waiting) {
            return Some(schema);
        }
        if now < self.later_from_ms {
            return None;
        }
        let schema = due(&self.later)?;
        self.later_from_ms = now + AGAIN_STEP_MS;
        Some(schema)
    }

    /// When `next` or `expire` has something to do; `None`: never, unless more is wanted.
    pub fn next_ms(&self) -> Option<Ms> {
        let first = |queue: &BTreeSet<(Ms, SchemaRef)>| queue.first().map(|(at, _)| *at);
        let later = first(&self.later).map(|at| at.max(self.later_from_ms));
        let asks = first(&self.waiting).into_iter().chain(later).min()?;
        match &self.down {
            None => Some(asks),
            Some(down) if self.waiting.is_empty() => Some(asks.max(down.next_ms)),
            Some(down) => {
                let gives_up = down.since_ms + self.limits.unavailable_max_ms;
                let asks = asks.max(down.next_ms);
                let any = self.waiting.iter().any(|(_, schema)| self.was_tried(schema));
                Some(if any && gives_up > down.failed_ms { asks.min(gives_up) } else { asks })
            }
        }
    }

    /// Takes what the registry said of the schema.
    pub fn answered(&mut self, now: Ms, schema: SchemaRef, said: Said) -> Vec<Turn> {
        let mut turns = Vec::new();
        match &said {
            Said::Failed { everywhere: true, .. } => turns.extend(self.failed(now, schema)),
            // It answers, only not for this one.
            Said::Failed { .. } => {}
            Said::Known(_) | Said::Missing => turns.extend(self.recovered(now)),
        }
        let grace = self.grace(now);
        let down_since = self.down.as_ref().map(|down| down.since_ms);
        let Some(entry) = self.entries.get_mut(&schema) else { return turns };
        entry.tries += 1;
        let next = match said {
            Said::Known(registered) => {
                let Entry { next_ms, born, .. } = *entry;
                *entry = Entry { told: Some(registered), next_ms, born, ..Entry::default() };
                self.changed = true;
                None
            }
            Said::Missing => {
                if entry.failing_since_ms.take().is_some() {
                    entry.tries = 1;
                }
                let granted = entry.missing_since_ms.is_some();
                let since = *entry.missing_since_ms.get_or_insert(now);
                let absent = matches!(entry.told, Some(Registered::Absent));
                if !absent && (granted || grace) && now - since < self.limits.missing_grace_ms {
                    let step = (self.limits.missing_grace_ms / 10).clamp(GRACE_STEP_MS.0, GRACE_STEP_MS.1);
                    Some((now + step).min(since + self.limits.missing_grace_ms))
                } else {
                    if !absent {
                        self.vain.extend(granted.then_some(now));
                        entry.told = Some(Registered::Absent);
                        entry.tries = 1;
                        self.changed = true;
                        turns.push(Turn::Absent);
                    }
                    Some(now + doubled(AGAIN_MS, entry.tries, AGAIN_MAX_MS))
                }
            }
            Said::Failed { why, everywhere } => {
                if entry.missing_since_ms.take().is_some() {
                    entry.tries = 1;
                }
                let since = *entry.failing_since_ms.get_or_insert(now);
                let since = since.min(down_since.filter(|_| everywhere).unwrap_or(now));
                if entry.told.is_none() && now - since >= self.limits.unavailable_max_ms {
                    entry.told = Some(Registered::Unavailable(why));
                    self.changed = true;
                    turns.push(Turn::GivenUp);
                }
                Some(now + doubled(BACKOFF_MS, entry.tries, BACKOFF_MAX_MS))
            }
        };
        self.schedule(schema, next);
        turns
    }

    /// Gives up what has waited long enough for a registry that still fails.
    pub fn expire(&mut self, now: Ms, why: &str) -> Vec<SchemaRef> {
        let over = |down: &Down| now - down.since_ms >= self.limits.unavailable_max_ms;
        if !self.down.as_ref().is_some_and(over) {
            return Vec::new();
        }
        let given_up: Vec<SchemaRef> = self.waiting.iter().map(|(_, s)| *s).filter(|s| self.was_tried(s)).collect();
        for schema in &given_up {
            if let Some(entry) = self.entries.get_mut(schema) {
                entry.told = Some(Registered::Unavailable(why.to_owned()));
                let next = entry.next_ms;
                self.changed = true;
                self.schedule(*schema, next);
            }
        }
        given_up
    }

    /// What tasks are to be told, where it changed since the last call.
    pub fn news(&mut self) -> Option<Schemas> {
        std::mem::take(&mut self.changed)
            .then(|| self.entries.iter().filter_map(|(schema, entry)| Some((*schema, entry.told.clone()?))).collect())
    }

    /// Schemas that were found.
    pub fn found(&self) -> usize {
        self.entries.values().filter(|e| e.next_ms.is_none()).count()
    }

    fn was_tried(&self, schema: &SchemaRef) -> bool {
        self.entries.get(schema).is_some_and(|entry| entry.failing_since_ms.is_some())
    }

    fn failed(&mut self, now: Ms, schema: SchemaRef) -> Option<Turn> {
        let fresh = self.down.is_none();
        let untried = self.waiting.iter().any(|(_, other)| *other != schema && !self.was_tried(other));
        let down = self.down.get_or_insert(Down { since_ms: now, tries: 0, failed_ms: now, next_ms: now });
        down.tries += 1;
        down.failed_ms = now;
        down.next_ms = now + doubled(BACKOFF_MS, down.tries, BACKOFF_MAX_MS);
        if untried {
            down.next_ms = down.next_ms.min(now + FIRST_ASK_MS);
        }
        fresh.then_some(Turn::Down)
    }

    /// Whatever failed meanwhile is asked for at once.
    fn recovered(&mut self, now: Ms) -> Option<Turn> {
        self.down.take()?;
        let failing = self.entries.iter().filter(|(_, e)| e.failing_since_ms.is_some());
        let failing: Vec<SchemaRef> = failing.map(|(schema, _)| *schema).collect();
        failing.into_iter().for_each(|schema| self.schedule(schema, Some(now)));
        Some(Turn::Up)
    }

    /// Whether one more unknown schema may be waited for.
    fn grace(&mut self, now: Ms) -> bool {
        while self.vain.front().is_some_and(|at| now - at >= VAIN_MS) {
            self.vain.pop_front();
        }
        let waits = |(_, schema): &&(Ms, SchemaRef)| {
            self.entries.get(schema).is_some_and(|e: &Entry| e.missing_since_ms.is_some())
        };
        self.vain.len() < GRACES_IN_VAIN && self.waiting.iter().filter(waits).count() < GRACES_AT_ONCE
    }

    fn schedule(&mut self, schema: SchemaRef, next: Option<Ms>) {
        let Some(entry) = self.entries.get_mut(&schema) else { return };
        if let Some(at) = entry.next_ms {
            self.waiting.remove(&(at, schema));
            self.later.remove(&(at, schema));
        }
        entry.next_ms = next;
        if let Some(at) = next {
            let queue = if entry.told.is_none() { &mut self.waiting } else { &mut self.later };
            queue.insert((at, schema));
        }
    }

    /// Makes room for one more: what was not found goes first, the oldest of it.
    fn room(&mut self) -> bool {
        if self.entries.len() < self.limits.schemas_max {
            return true;
        }
        let told = self.entries.iter().filter(|(_, e)| e.told.is_some());
        let Some(oldest) = told.min_by_key(|(_, e)| (e.next_ms.is_none(), e.born)).map(|(s, _)| *s) else {
            return false;
        };
        self.schedule(oldest, None);
        self.entries.remove(&oldest);
        self.changed = true;
        true
    }
}

/// `first`, doubled with each further try, at most `most`.
fn doubled(first: Ms, tries: u32, most: Ms) -> Ms {
    (first << tries.saturating_sub(1).min(20)).min(most)
}

#[cfg(test)]
mod tests;
