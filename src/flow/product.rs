//! One product in the ledger: deltas merge into open windows, time closes them, and every closing is decided after
//! one delta, so that what is said depends on the log alone.

use crate::engine::contract::horizon::Horizon;
use crate::engine::event::gap::Reason;
use crate::engine::record::{Offset, WindowStart, window_of};
use crate::engine::trend::budget::Budget;
use crate::flow::chain::{Link, extend, link};
use crate::flow::delta::{Report, Reports, WindowKey, encode};
use crate::flow::history::ProductHistory;
use crate::flow::io::Ms;
use crate::flow::judge::{Judge, Merge};
use crate::flow::memory::Memory;
use crate::flow::mutation::{Mutation, planted};
use crate::flow::state::{Odd, ProductState, STATE_BYTES_MAX};
use crate::flow::tell::{Moved, Teller};
use crate::flow::watermark::{update_topics, watermark};
use crate::flow::window::{At, Open, WindowConfig, put};
use std::collections::{BTreeMap, BTreeSet};

/// Late windows and ended incidents of one product that are remembered: at 60 bytes each 120 kB of its state.
const LATE_MEMORY_MAX: usize = 2_000;
/// Windows of one product that may be open at once: more than a day of minutes. Beyond it the oldest closes incomplete.
const OPEN_WINDOWS_MAX: usize = 1_500;

pub struct Product<T> {
    pub state: ProductState,
    pub history: ProductHistory,
    pub open: BTreeMap<WindowKey, Open<T>>,
    /// Late records since the last transaction; they leave in this one.
    fragments: BTreeMap<WindowKey, Open<T>>,
    pub moved: Moved,
    /// Keys of closed windows, for rules with a horizon.
    pub memory: Memory,
}

impl<T: Merge> Product<T> {
    pub fn new(state: ProductState, history: ProductHistory) -> Product<T> {
        let (moved, memory) = (Moved::default(), Memory::default());
        Product { state, history, open: BTreeMap::new(), fragments: BTreeMap::new(), moved, memory }
    }

    /// Applies a delta that nobody applied before.
    pub fn apply<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        at: &At,
        windows: Vec<(WindowKey, T)>,
        reports: &Reports,
    ) {
        let links: Vec<Link> = reports.partitions.iter().map(|r| link(&self.state.chains, r)).collect();
        let read = |(r, _): &(&Report, &Link)| !r.interval.is_empty();
        let behind = |(_, l): &(&Report, &Link)| **l == Link::Behind;
        let of_records: Vec<_> = reports.partitions.iter().zip(&links).filter(read).collect();
        let replayed = !of_records.is_empty() && of_records.iter().all(behind);
        if replayed && !planted(Mutation::BehindIsApplied) {
            self.remember(at, &windows, Odd::Dropped);
            return;
        }
        let exact = !of_records.iter().any(|(_, l)| matches!(l, Link::Behind | Link::Overlap));
        if !exact {
            self.moved.overlaps += 1;
            self.state.totals.overlaps += 1;
            self.remember(at, &windows, Odd::Inexact);
        }
        self.count(tell.window, reports);
        self.merge(tell, at, windows, reports, exact);
        for (report, link) in reports.partitions.iter().zip(links) {
            self.gap(tell, at, report, link);
            extend(&mut self.state.chains, report, at.append_ms);
        }
        let counted = reports.partitions.iter().filter(|r| !self.only_refers_to(tell.judge, &r.topic));
        self.state.newest_ms = counted.filter_map(|r| r.watermark_ms).max().max(self.state.newest_ms);
        update_topics(&mut self.state.topics, &reports.topics);
        self.vanished(tell, at);
        if !reports.current.is_empty() && self.state.current != reports.current {
            self.state.current.clone_from(&reports.current);
            tell.contracts_gone(&mut self.state, &mut self.history, &mut self.moved);
        }
        tell.datasets(&mut self.state, &mut self.moved, at.append_ms);
        self.close(tell, at.append_ms);
    }

    /// How the objectives of the contracts in force stand.
    pub fn budgets<J: Judge<Tally = T>>(&self, tell: &Teller<'_, J>) -> Vec<Budget> {
        let Some(closed) = self.state.closed_through else { return Vec::new() };
        self.state.current.iter().flat_map(|hash| tell.budgets(&self.history, *hash, closed)).collect()
    }

    fn remember(&mut self, at: &At, windows: &[(WindowKey, T)], odd: Odd) {
        if !windows.is_empty() && !planted(Mutation::OddIsForgotten) {
            self.state.remember(at.last, odd);
        }
    }

    /// No replay begins before `low`.
    pub fn forget_deltas(&mut self, low: Offset) {
        self.state.odd = self.state.odd.split_off(&low);
    }

    /// Merges a delta again as it was merged before a restart: only into windows that are still open, and nothing else.
    pub fn replay<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        at: &At,
        windows: Vec<(WindowKey, T)>,
        reports: &Reports,
    ) {
        let exact = match self.state.how(at.last) {
            Some(Odd::Dropped) => return,
            Some(Odd::Inexact) => false,
            None => true,
        };
        for (key, tally) in windows {
            if !self.is_closed(key.start) {
                self.put(at, key, tally, reports, exact);
                continue;
            }
            self.memory.learn(tell.judge, key, tell.window.size_ms, &tally);
            if planted(Mutation::ReplayMergesLate) {
                put(&mut self.fragments, at, key, tally, reports, exact);
            }
        }
    }

    /// Deltas of open windows were deleted: whatever is open now cannot be complete.
    pub fn deltas_lost(&mut self, size_ms: Ms) {
        let reached = self.state.chains.iter().filter_map(|c| c.watermark_ms).max();
        let (Some(from_ms), Some(reached)) = (self.state.closed_through, reached) else { return };
        let to_ms = window_of(reached, size_ms) + size_ms;
        self.mark(from_ms, to_ms, "deltas of this window were deleted before it closed");
        self.memory.lose(to_ms, "their deltas were deleted");
    }

    /// Since when windows must be read again for their keys; `None`: no window needs them. `restarted`: nothing is known of any.
    pub fn forgotten_since<J: Judge<Tally = T>>(&mut self, judge: &J, restarted: bool) -> Option<Ms> {
        let horizons = self.horizons(judge);
        self.memory.retain(&horizons);
        let span_ms = horizons.iter().map(|horizon| horizon.span_ms).max()?;
        let closed = self.state.closed_through?;
        (restarted || self.memory.lacks(&horizons)).then(|| {
            self.memory.begin();
            closed - span_ms
        })
    }

    /// Learns from a delta that was applied before a restart. What is open has its keys with it.
    pub fn learn<J: Judge<Tally = T>>(&mut self, judge: &J, size_ms: Ms, windows: &[(WindowKey, T)]) {
        for (key, tally) in windows {
            if self.is_closed(key.start) {
                self.memory.learn(judge, *key, size_ms, tally);
            }
        }
    }

    /// `cut_ms`: deltas that were written before it are deleted. `done`: nothing more can be learnt.
    pub fn learnt<J: Judge<Tally = T>>(&mut self, judge: &J, cut_ms: Option<Ms>, done: bool) {
        if let Some(cut_ms) = cut_ms {
            self.memory.lose(cut_ms, "their deltas were deleted");
        }
        if done {
            let horizons = self.horizons(judge);
            self.memory.end(&horizons);
        }
    }

    /// What keys of closed windows weigh.
    pub fn horizon_bytes(&self) -> usize {
        self.memory.size_bytes()
    }

    /// Those of the contracts in force, and of the windows that are open.
    pub fn horizons<J: Judge<Tally = T>>(&self, judge: &J) -> Vec<Horizon> {
        let hashes: BTreeSet<_> =
            judge.current(&self.state.product).into_iter().chain(self.open.keys().map(|key| key.hash)).collect();
        hashes.into_iter().flat_map(|hash| judge.horizons(hash)).copied().collect()
    }

    /// The deltas topic was created again: its offsets mean other deltas now.
    pub fn begin_anew(&mut self) {
        self.state.applied = 0;
        self.state.odd.clear();
        self.state.odd_before = 0;
    }

    /// Windows in memory: open ones, and those whose late records wait for the next transaction.
    pub fn windows(&self) -> usize {
        self.open.len() + self.fragments.len()
    }

    /// Whether a window is open for longer than any may be.
    pub fn is_overdue(&self, window: &WindowConfig, now: Ms) -> bool {
        let age_ms = window.size_ms + window.grace_ms + window.max_open_ms;
        self.open.values().any(|o| now - o.opened_ms > age_ms)
    }

    /// The lowest delta that an open window still needs.
    pub fn low(&self) -> Option<Offset> {
        self.open.values().map(|o| o.first).min()
    }

    /// Tells the late records, and gives out what happened since the last transaction; `applied` is the next delta.
    pub fn end_transaction<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, applied: Offset) -> Moved {
        self.state.applied = applied;
        let fragments = if planted(Mutation::FragmentSurvives) {
            // Tells only those that an earlier transaction left behind.
            let keep = std::mem::take(&mut self.moved.fragments_told);
            self.moved.fragments_told = !keep && !self.fragments.is_empty();
            if keep { std::mem::take(&mut self.fragments) } else { BTreeMap::new() }
        } else {
            std::mem::take(&mut self.fragments)
        };
        for (key, mut fragment) in fragments {
            fragment.across = self.across(tell, key, &fragment.tally);
            if fragment.tally.records() == 0 {
                continue; // Keys that others refer to: no record of this product is late.
            }
            let revision = self.state.revisions.entry(key).or_insert(0);
            *revision += 1;
            let revision = *revision;
            let coverage = fragment.coverage(&|topic| !self.only_refers_to(tell.judge, topic));
            tell.late(&mut self.state, &mut self.moved, key, revision, &fragment, &coverage);
        }
        // Not before: a fragment of this transaction may belong to a window that has become too old since.
        self.forget_late(tell.window);
        if encode(&self.state).len() > STATE_BYTES_MAX {
            self.state.slim();
        }
        let told = self.moved.fragments_told;
        std::mem::replace(&mut self.moved, Moved { fragments_told: told, ..Moved::default() })
    }

    /// Forgets what only records that are too late by now would need. What is forgotten for want of room is too late
    /// from now on, so that no revision and no incident is told twice.
    fn forget_late(&mut self, window: &WindowConfig) {
        let Some(closed) = self.state.closed_through else { return };
        let revised = crowded(self.state.revisions.keys().map(|k| k.start).collect());
        let ended = crowded(self.state.ended.keys().map(|(_, _, first)| *first).collect());
        self.state.late_floor = self.state.late_floor.max(revised).max(ended);
        let oldest = Some(closed - window.late_accept_ms - window.size_ms).max(self.state.late_floor);
        let oldest = oldest.unwrap_or(WindowStart::MIN);
        self.state.revisions.retain(|k, _| k.start >= oldest);
        self.state.ended.retain(|(_, _, first), _| *first >= oldest);
    }

    fn merge<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        at: &At,
        windows: Vec<(WindowKey, T)>,
        reports: &Reports,
        exact: bool,
    ) {
        let mut touched = Vec::new();
        for (key, tally) in windows {
            let key = self.key(key);
            if !self.is_closed(key.start) {
                self.put(at, key, tally, reports, exact);
                touched.push(key);
                continue;
            }
            tell.late_times(&mut self.history, &mut self.moved, key, &tally);
            if !self.is_too_late(key.start, tell.window) {
                put(&mut self.fragments, at, key, tally, reports, exact);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            if let Some(open) = self.open.get(&key) {
                tell.doomed(&mut self.state, &mut self.moved, key, &open.tally);
            }
        }
    }

    /// Counts each record of a delta once: tallies hold it as often as contracts read it.
    fn count(&mut self, window: &WindowConfig, reports: &Reports) {
        for (start, counts) in &reports.counts {
            self.moved.counts.add(counts);
            self.state.totals.records += counts.records;
            self.state.totals.undecodable += counts.undecodable;
            self.state.totals.unmeasured += counts.unmeasured;
            if self.is_too_late(*start, window) {
                self.state.too_late += counts.records;
                self.state.totals.late += counts.records;
                self.moved.late += counts.records;
            }
        }
    }

    fn key(&self, key: WindowKey) -> WindowKey {
        let shared = self.open.keys().find(|k| k.start == key.start).copied();
        if planted(Mutation::VersionsShareWindow) { shared.unwrap_or(key) } else { key }
    }

    fn put(&mut self, at: &At, key: WindowKey, tally: T, reports: &Reports, exact: bool) {
        put(&mut self.open, at, key, tally, reports, exact);
    }

    fn gap<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, at: &At, report: &Report, link: Link) {
        let known = self.state.chains.iter().find(|c| c.topic == report.topic && c.partition == report.partition);
        let reached =
            [report.watermark_ms, report.caught_up_ms, known.and_then(|c| c.watermark_ms)].into_iter().flatten().max();
        if self.only_refers_to(tell.judge, &report.topic) {
            return self.gap_of_referred(tell, report, link, reached);
        }
        match link {
            Link::Gap(interval) => {
                let reason = if self.moved.deltas_lost { Reason::DeltasLost } else { Reason::Deleted };
                tell.gap(
                    &mut self.state,
                    &mut self.moved,
                    (&report.topic, report.id, report.partition),
                    interval.from,
                    Some(interval.to),
                    reason,
                    at.append_ms,
                );
                self.mark_open(tell, reached, "offsets of this window were deleted before they were read");
            }
            Link::Recreated(old) => {
                tell.gap(
                    &mut self.state,
                    &mut self.moved,
                    (&old.topic, old.id, old.partition),
                    old.to,
                    None,
                    Reason::Recreated,
                    at.append_ms,
                );
                self.mark_open(tell, reached, "the topic was deleted and created again");
            }
            Link::Begins if report.interval.from > 0 => {
                self.mark_open(tell, reached, "reading began inside this window");
            }
            Link::Begins | Link::Next | Link::Behind | Link::Overlap => {}
        }
    }

    /// Chains of a topic that was created again with fewer partitions.
    fn vanished<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, at: &At) {
        let gone = |c: &crate::flow::state::Chain| {
            self.state
                .topics
                .iter()
                .any(|t| t.topic == c.topic && t.id.is_some_and(|id| id != c.id) && c.partition >= t.partitions)
        };
        let old: Vec<_> = self.state.chains.iter().filter(|c| gone(c)).cloned().collect();
        for chain in old {
            self.state.chains.retain(|c| *c != chain);
            if self.only_refers_to(tell.judge, &chain.topic) {
                continue;
            }
            tell.gap(
                &mut self.state,
                &mut self.moved,
                (&chain.topic, chain.id, chain.partition),
                chain.to,
                None,
                Reason::Recreated,
                at.append_ms,
            );
        }
    }

    fn is_closed(&self, start: WindowStart) -> bool {
        self.state.closed_through.is_some_and(|closed| start < closed)
    }

    /// Whether late records of this window are not judged any more.
    fn is_too_late(&self, start: WindowStart, window: &WindowConfig) -> bool {
        let Some(closed) = self.state.closed_through.filter(|closed| start < *closed) else { return false };
        closed - start - window.size_ms > window.late_accept_ms || self.state.late_floor.is_some_and(|f| start < f)
    }

    /// Closes what time, a bound or its age says; closed-through only ever moves forward.
    pub fn close<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, now: Ms) {
        let size_ms = tell.window.size_ms;
        let only_refers = |topic: &str| self.only_refers_to(tell.judge, topic);
        let seen = watermark(&self.state.chains, &self.state.topics, &only_refers);
        self.state.watermark_ms = self.state.watermark_ms.max(seen);
        let target = seen.map(|w| window_of(w - tell.window.grace_ms, size_ms));
        let first = self.open.keys().next().map(|k| k.start);
        if let (None, Some(target)) = (self.state.closed_through, target) {
            // Not before every partition was heard: an older window of a slower one would be late at once.
            self.state.closed_through = Some(first.map_or(target, |f| f.min(target)));
        }
        while let Some(start) = self.open.keys().next().map(|k| k.start) {
            let due = target.is_some_and(|t| start + size_ms <= t);
            let forced = if due {
                ""
            } else if self.open.len() > OPEN_WINDOWS_MAX {
                "too many windows of this product were open"
            } else if self.is_overdue(tell.window, now) {
                "a partition was silent for longer than window.max.open"
            } else {
                ""
            };
            if !due && forced.is_empty() {
                break;
            }
            // Time has passed up to the target; what lies beyond is closed by force, empty windows too.
            if let Some(target) = target {
                self.idle_until(tell, target.min(start), "", now);
            }
            self.idle_until(tell, start, forced, now);
            self.close_window(tell, start, forced, now);
        }
        if let Some(target) = target {
            let first = self.open.keys().next().map_or(target, |k| k.start);
            self.idle_until(tell, target.min(first), "", now);
        }
        self.forget_marks(tell.judge);
    }

    fn close_window<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, start: WindowStart, forced: &str, now: Ms) {
        let end_ms = start + tell.window.size_ms;
        let keys: Vec<_> = self.open.keys().take_while(|k| k.start == start).copied().collect();
        if keys.iter().all(|key| self.open.get(key).is_none_or(|open| open.tally.records() == 0)) {
            self.close_without_records(tell, &keys, end_ms, forced, now);
            return self.closed(end_ms);
        }
        let contracts: Vec<_> = keys.iter().map(|k| tell.judge.contract(k.hash).map(|c| c.id)).collect();
        let marked = self.marked(start, end_ms);
        for (key, contract) in keys.into_iter().zip(&contracts) {
            let Some(mut open) = self.open.remove(&key) else { continue };
            open.across = self.across(tell, key, &open.tally);
            if open.tally.records() == 0 {
                continue;
            }
            let versions = contracts.iter().filter(|c| *c == contract).count();
            let reason = match (&marked, versions > 1) {
                _ if !forced.is_empty() => forced,
                (Some(reason), _) => reason,
                (None, true) => "the contract changed within this window",
                (None, false) => "",
            };
            let coverage = open.coverage(&|topic| !self.only_refers_to(tell.judge, topic));
            tell.window((&mut self.state, &mut self.history), &mut self.moved, key, &open, &coverage, reason, now);
        }
        self.closed(end_ms);
    }

    fn closed(&mut self, end_ms: Ms) {
        // No open window begins before it. That is so by itself, unless the window's size was changed.
        let next = self.open.keys().next().map_or(end_ms, |k| k.start.min(end_ms));
        self.state.closed_through = self.state.closed_through.max(Some(next));
        self.history.through_ms = self.history.through_ms.max(self.state.closed_through);
    }

    /// Closes the windows without records before `until`; `forced` says why before their time, or nothing.
    pub fn idle_until<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, until: Ms, forced: &str, now: Ms) {
        let Some(closed) = self.state.closed_through.filter(|c| *c < until) else { return };
        let marked = self.marked(closed, until).unwrap_or_default();
        let incomplete = if forced.is_empty() { &marked } else { forced };
        tell.idle((&mut self.state, &mut self.history), &mut self.moved, (closed, until), incomplete, now);
        self.state.closed_through = Some(until);
        self.history.through_ms = self.history.through_ms.max(Some(until));
    }
}

/// The first of the last `LATE_MEMORY_MAX` starts, where there are more.
fn crowded(mut starts: Vec<WindowStart>) -> Option<WindowStart> {
    starts.sort_unstable();
    let excess = starts.len().checked_sub(LATE_MEMORY_MAX).filter(|excess| *excess > 0)?;
    starts.get(excess).copied()
}
