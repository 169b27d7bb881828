//! How this worker stands, as its service manager is told it: ready, alive, reloading, stopping, and a line of status.
//!
//! The supervision's loop takes a turn here each second. The watchdog is fed while that loop and those of all tasks
//! turn, whether or not there are records or brokers: what a restart does not heal causes none.

use crate::catalog::board::Board;
use crate::engine::check::verdict::Status;
use crate::engine::event::result::word;
use crate::flow::io::Ms;
use crate::http::summary::latest;
use crate::systemd::{self, Word};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the supervision takes a turn here.
pub const EVERY: Duration = Duration::from_secs(1);
/// What a start may take from each turn on: a loop that hangs then is found within it, and a broker that is away
/// fails no start.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// Products are counted so often; a thousand of them take some milliseconds.
const STATUS_EVERY_MS: Ms = 5_000;
/// A unit's status is shown in one line; the log has the rest.
const STATUS_CHARS_MAX: usize = 400;

pub struct Service {
    board: Arc<Board>,
    listens: bool,
    watchdog_ms: Option<Ms>,
    ready: bool,
    fed_ms: Ms,
    /// A loop that stands still, as it was last logged.
    still: Option<String>,
    status: String,
    status_ms: Ms,
}

impl Service {
    pub fn new(board: Arc<Board>) -> Service {
        let watchdog_ms = systemd::watchdog().map(|within| within.as_millis() as Ms);
        let (listens, status) = (systemd::listens(), String::new());
        Service { board, listens, watchdog_ms, ready: false, fed_ms: 0, still: None, status, status_ms: 0 }
    }

    /// Says what there is to say.
    pub fn turn(&mut self, now: Ms) {
        if !self.listens {
            return;
        }
        let mut words = Vec::new();
        let still = self.stands_still(now);
        let reasons = self.board.ready(now).err();
        if !self.ready && still.is_none() {
            words.push(if reasons.is_none() { Word::Ready } else { Word::Starting(STARTS_WITHIN) });
        }
        // A quarter: a turn that comes late, and one that is lost, leave time enough.
        let feeds = self.watchdog_ms.is_some_and(|within| now - self.fed_ms >= within / 4 || now < self.fed_ms);
        if feeds && still.is_none() {
            words.push(Word::Alive);
        }
        let status = self.status(reasons.as_deref(), now);
        words.extend(status.clone().map(Word::Status));
        if self.tell(&words) {
            self.ready |= words.contains(&Word::Ready);
            self.fed_ms = if words.contains(&Word::Alive) { now } else { self.fed_ms };
            self.status = status.unwrap_or(std::mem::take(&mut self.status));
        }
    }

    /// From here on until `reloaded`.
    pub fn reloading(&mut self) {
        self.tell(&[Word::Reloading]);
    }

    pub fn reloaded(&mut self) {
        // Before the start is done, it alone says so.
        if self.ready {
            self.tell(&[Word::Ready]);
        }
    }

    pub fn stopping(&mut self) {
        self.tell(&[Word::Stopping, Word::Status("flushing and stopping".into())]);
    }

    /// A task whose loop has not turned for half the watchdog's time: one that only waits turns ten times a second, and a
    /// question to a broker that is away takes it 20 s at most.
    fn stands_still(&mut self, now: Ms) -> Option<String> {
        let within_ms = self.watchdog_ms? / 2;
        let still = self.board.standing_still(now, within_ms);
        if still != self.still
            && let Some(task) = &still
        {
            let for_s = within_ms / 1000;
            tracing::error!(task, for_s, "its loop stands still; the watchdog is not fed until it turns again");
        }
        self.still.clone_from(&still);
        still
    }

    /// The line of status, where it is another than the one that was told.
    fn status(&mut self, reasons: Option<&[String]>, now: Ms) -> Option<String> {
        if (0..STATUS_EVERY_MS).contains(&(now - self.status_ms)) && !self.status.is_empty() {
            return None;
        }
        self.status_ms = now;
        let text = match reasons {
            None => standing(&self.board),
            Some(reasons) => format!("not ready: {}", reasons.join("; ")),
        };
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_CHARS_MAX).collect();
        (text != self.status).then_some(text)
    }

    /// Whether it was said; what was not is said again in a later turn.
    fn tell(&self, words: &[Word]) -> bool {
        if !self.listens || words.is_empty() {
            return true;
        }
        systemd::tell(words).inspect_err(|error| tracing::debug!(%error, "the service manager was not told")).is_ok()
    }
}

/// `3 products: 2 pass, 1 fail; 1 incident; lag 120 records`, of the whole mesh as this worker has heard of it.
fn standing(board: &Board) -> String {
    let directory = board.directory();
    let (mut verdicts, mut incidents) = (BTreeMap::new(), 0);
    for product in directory.products.keys() {
        let judged = board.judged(product).map(|judged| judged.state);
        let state = judged.or_else(|| board.owned(product).map(|owned| owned.state));
        incidents += state.as_ref().map_or(0, |state| state.incidents.len());
        let verdict = state.as_deref().and_then(latest).map_or(Status::Unknown, |latest| latest.status);
        *verdicts.entry(word(verdict)).or_insert(0_usize) += 1;
    }
    let lag: i64 = board.offsets().parts.values().map(|reach| reach.lag()).sum();
    let mut text = counted(directory.products.len(), "product");
    let verdicts: Vec<String> = verdicts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    if !verdicts.is_empty() {
        text += &format!(": {}", verdicts.join(", "));
    }
    text += &format!("; {}; lag {}", counted(incidents, "incident"), counted(lag as usize, "record"));
    match directory.findings.iter().filter(|finding| finding.error).count() {
        0 => text,
        faults => format!("{text}; {} of contract files, see /ready", counted(faults, "fault")),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
