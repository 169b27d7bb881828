//! Keeps lineage: collects while this worker leads, writes what changed to `_steward.lineage`, and reads what others wrote.
//!
//! The one worker that holds partition 0 of the deltas topic leads: the ledger group's own assignment decides, and there is
//! no election beside it. For the moment in which two take themselves for the one, they share a transactional id, so that
//! the later fences the earlier; and words under one key merge, so that the log stays right whoever wrote last.

pub mod gather; // collectors, a thread each
pub mod forward; // to catalogs over HTTP, a thread each
pub mod courier; // which event a catalog is sent, which is left out, which waits
pub mod catalog; // one of them, as it is asked
pub mod own; // the steward's own jobs
pub mod incidents; // contradictions, told to owners
pub mod headers; // trails of records, joined
pub mod contents; // sketches of columns, compared
pub mod messages; // what is written, as messages

use crate::catalog::board::Board;
use crate::catalog::lineage::{Lineage as Known, LineageBoard, Post};
use crate::config::usable::Config;
use crate::engine::event::envelope::Source;
use crate::engine::event::lineage::found::{self, Pattern};
use crate::engine::event::lineage::speaker::Speaker;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::graph::{Change, Graph, Limits, TOLD};
use crate::engine::lineage::names::Aliases;
use crate::engine::lineage::record::{Sample, contradictions, differences, is_leaders, sample};
use crate::engine::lineage::sighting::Unresolved;
use crate::engine::lineage::statement::read;
use crate::flow::io::{Fault, Message, Ms, Part};
use crate::flow::opening::Stands;
use crate::kafka::atomic::Atomic;
use crate::kafka::client::Settings;
use crate::kafka::compacted::{Follower, Writer};
use crate::kafka::inbox::{Found, Inbox};
use crate::telemetry;
use crate::telemetry::log::Limiter;
use crate::worker::lineage::contents::Contents;
use crate::worker::lineage::forward::{Forwarded, Forwarding, Route};
use crate::worker::lineage::gather::{Gathered, Gathering};
use crate::worker::lineage::headers::Headers;
use crate::worker::lineage::messages::{message, messages_of};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;

/// The log is looked at so often, so that every worker answers the same within a second or two.
const LOOK_EVERY: Duration = Duration::from_millis(1_000);
/// What waits for the next turn: rounds of collectors, OpenLineage events.
const COMMANDS_MAX: usize = 256;
/// Edges that fade do so within a day, declarations wait an hour: seen to a few seconds is early enough, and a turn in which nothing
/// was said costs nothing, however large the graph is.
const AGED_EVERY_MS: Ms = 10_000;
/// Requests that wait to be handed on; whoever comes next is told to try again.
pub const POSTS_MAX: usize = 64;

/// What the thread is told.
pub enum Command {
    Gathered(Gathered),
    Posted(Post),
    Forwarded(Forwarded),
    /// Its clients are made anew.
    Renew(Settings),
    Stop,
}

/// The thread that keeps lineage, until it is dropped.
pub struct Lineage(SyncSender<Command>);

/// Makes the collectors of a time of leading.
pub type Collectors = Box<dyn Fn() -> Vec<Box<dyn Collector>> + Send>;

/// What it works with.
pub struct Setup {
    pub settings: Settings,
    pub config: Arc<Config>,
    /// `_steward.lineage`.
    pub topic: String,
    pub deltas: Arc<str>,
    pub source: Source,
    pub board: Arc<Board>,
    pub lineage: Arc<LineageBoard>,
    pub collectors: Collectors,
}

impl Lineage {
    /// `None`: `lineage.enabled` is false. `posted`: OpenLineage events that requests bring.
    pub fn start(setup: Setup, mut posted: mpsc::Receiver<Post>) -> Option<Lineage> {
        let configured = setup.config.lineage.clone()?;
        let (tell, told) = sync_channel(COMMANDS_MAX);
        let limits = Limits { edges_max: configured.edges_max, ttl_ms: configured.edge_ttl_ms, ..Limits::default() };
        let mut scribe = Scribe {
            every: Duration::from_millis(configured.interval_ms.max(0) as u64),
            namespace: configured.namespace,
            aliases: Aliases(configured.aliases),
            leading: Part::new(&setup.deltas, 0),
            setup,
            tell: tell.clone(),
            follower: None,
            writer: None,
            inbox: None,
            stored: Graph::new(limits),
            live: Graph::new(limits),
            gathering: None,
            headers: None,
            contents: None,
            forwarding: None,
            term: 0,
            changed: BTreeSet::new(),
            aged_ms: 0,
            unwritten: false,
        };
        let thread = std::thread::Builder::new().name("lineage".into());
        if let Err(error) = thread.spawn(move || scribe.run(&told)) {
            tracing::error!(%error, "no thread for lineage: nothing is collected, and requests find none");
        }
        let hand_on = tell.clone();
        tokio::spawn(async move {
            while let Some(post) = posted.recv().await {
                // A post that is dropped is answered so.
                let _ = hand_on.try_send(Command::Posted(post));
            }
        });
        Some(Lineage(tell))
    }

    pub fn renew(&self, settings: Settings) {
        // A full queue is that of a thread that waits for a broker: it hears of it next time.
        let _ = self.0.try_send(Command::Renew(settings));
    }
}

impl Drop for Lineage {
    fn drop(&mut self) {
        let _ = self.0.try_send(Command::Stop);
    }
}

struct Scribe {
    setup: Setup,
    namespace: String,
    aliases: Aliases,
    every: Duration,
    /// Who holds this partition in the ledger group leads.
    leading: Part,
    tell: SyncSender<Command>,
    follower: Option<Follower>,
    writer: Option<Atomic>,
    /// Topics that others write events to.
    inbox: Option<Inbox>,
    /// What the log holds.
    stored: Graph,
    /// What is known: by who leads, before it is written.
    live: Graph,
    gathering: Option<Gathering>,
    /// Of records, while this worker leads and where they are looked at.
    headers: Option<Headers>,
    contents: Option<Contents>,
    /// To each catalog; `None`: not begun.
    forwarding: Option<Vec<Forwarding>>,
    term: u64,
    /// What changed and is not told yet.
    changed: BTreeSet<Change>,
    /// When the graph was last told that time has passed.
    aged_ms: Ms,
    /// The log may lack some of what is known.
    unwritten: bool,
}

impl Scribe {
    fn run(&mut self, told: &Receiver<Command>) {
        let mut limiter = Limiter::default();
        loop {
            let mut commands = match told.recv_timeout(LOOK_EVERY) {
                Ok(command) => vec![command],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            };
            commands.extend(told.try_iter().take(COMMANDS_MAX));
            let (mut rounds, mut posts) = (Vec::new(), Vec::new());
            for command in commands {
                match command {
                    Command::Stop => return self.end(),
                    Command::Renew(settings) => self.renew(settings),
                    Command::Gathered(gathered) => rounds.push(gathered),
                    Command::Posted(post) => posts.push(post),
                    Command::Forwarded(forwarded) => self.forwarded(forwarded),
                }
            }
            let now = crate::clock::now_ms();
            let turned = self.turn(rounds, &posts, now);
            for post in posts {
                // Whoever asked may have gone.
                let _ = post.done.send(turned.clone().map_err(|fault| fault.message));
            }
            if let Err(fault) = turned
                && limiter.pass(now, "lineage", "waits")
            {
                tracing::warn!(reason = fault.message, "lineage is not kept in this turn; tried again in a second");
            }
            for again in limiter.due(now) {
                tracing::warn!(times = again.count, "lineage is still not kept");
            }
        }
    }

    fn turn(&mut self, rounds: Vec<Gathered>, posts: &[Post], now: Ms) -> Result<(), Fault> {
        let heard = self.listen(now)? > 0;
        self.follow_the_group(now);
        let leads = self.gathering.is_some();
        if !leads && heard {
            self.live = self.stored.clone();
        }
        let first = self.setup.lineage.read().at_ms == 0;
        let mut moved = first || heard || !rounds.is_empty() || !posts.is_empty();
        for statement in posts.iter().flat_map(|post| &post.statements) {
            self.changed.extend(self.live.hear(statement, now));
        }
        if leads {
            self.forward();
            let term = self.term;
            for gathered in rounds.into_iter().filter(|gathered| gathered.term == term) {
                self.take(gathered);
            }
            // Its topics are not ours, and may not be there: all else goes on.
            match self.read_inbox(now) {
                Ok(read) => moved |= read,
                Err(fault) => self.failed(TOLD, &fault.message),
            }
            moved |= self.join(now);
            if moved || now - self.aged_ms >= AGED_EVERY_MS {
                self.changed.extend(self.live.age(now));
                (self.aged_ms, self.unwritten) = (now, true);
            }
        }
        let written = match (leads, posts) {
            (true, _) if self.unwritten => self.write(now),
            (true, _) | (false, []) => Ok(()),
            (false, _) => self.write_beside(),
        };
        self.unwritten &= written.is_err();
        if moved || !self.changed.is_empty() {
            self.setup.lineage.set(self.known(leads, now));
        }
        // What could not be written is told in the next turn.
        if written.is_ok() {
            for change in std::mem::take(&mut self.changed) {
                match change {
                    Change::Found(found) if leads => tracing::warn!(kind = found.word(), "lineage: {found}"),
                    Change::Settled(found) if leads => tracing::info!(kind = found.word(), "lineage settled: {found}"),
                    _ => {}
                }
            }
        }
        written
    }

    /// Takes up what was written since the last turn; how many records that were.
    fn listen(&mut self, now: Ms) -> Result<usize, Fault> {
        let follower = match &mut self.follower {
            Some(follower) => follower,
            None => self.follower.insert(Follower::new(&self.setup.settings, &self.setup.topic)?),
        };
        let records = follower.look()?;
        let mut heard = 0;
        for record in &records {
            let key = record.key.as_deref().unwrap_or_default();
            if let Some(sample) = sample(key) {
                self.sampled(&sample, key, record.value.as_deref(), now);
                continue;
            }
            heard += 1;
            self.stored.restore(key, record.value.as_deref());
            // Words of others; its own are there already, and merge with themselves.
            if record.value.is_some() && !(self.gathering.is_some() && is_leaders(key)) {
                self.live.restore(key, record.value.as_deref());
            }
        }
        Ok(heard)
    }

    /// Takes up what a task sampled of records; only who leads does.
    fn sampled(&mut self, sample: &Sample, key: &[u8], value: Option<&[u8]>, now: Ms) {
        match sample {
            Sample::Trail => self.headers.iter_mut().for_each(|headers| headers.take(key, value, now)),
            Sample::Sketch { topic, column } => {
                self.contents.iter_mut().for_each(|contents| contents.take(key, (topic, column), value, now));
            }
        }
    }

    /// Begins to collect, or ends it.
    fn follow_the_group(&mut self, now: Ms) {
        let leads = self.setup.board.tasks().values().any(|task| task.parts.get(&self.leading) == Some(&Stands::Live));
        match (leads, self.gathering.is_some()) {
            (true, false) => {
                self.term += 1;
                self.live = self.stored.clone();
                self.changed.clear();
                let (looks, compares) =
                    self.setup.config.lineage.as_ref().map_or((false, false), |l| (l.headers, l.content));
                self.headers = looks.then(|| Headers::new(self.setup.config.flush_interval_ms));
                self.contents = compares.then(|| Contents::new(self.every.as_millis() as Ms));
                let mut collectors = (self.setup.collectors)();
                collectors.extend(self.contents.iter().map(|contents| contents.collector(&self.namespace)));
                self.gathering = Some(gather::start(collectors, self.term, self.every, &self.tell));
                tracing::info!(edges = self.live.edges().len(), "this worker collects lineage");
            }
            (false, true) => {
                // What was not written is the next one's to find.
                (self.gathering, self.forwarding, self.writer, self.inbox) = (None, None, None, None);
                (self.headers, self.contents) = (None, None);
                self.live = self.stored.clone();
                self.changed.clear();
                self.setup.lineage.set(self.known(false, now));
                tracing::info!("another worker collects lineage");
            }
            _ => {}
        }
    }

    /// Begins to send events on to catalogs, each from where it was left.
    fn forward(&mut self) {
        let Some(lineage) = self.setup.config.lineage.as_ref().filter(|_| self.forwarding.is_none()) else { return };
        let configured = &self.setup.config.openlineage;
        let mut forwarding = Vec::new();
        for url in &configured.peer.urls {
            let route = Route {
                settings: self.setup.settings.clone(),
                topic: lineage.topic.clone(),
                url: url.clone(),
                sent_to: self
                    .live
                    .sent_to(url, &lineage.topic)
                    .map(|(partition, next)| (Part::new(&lineage.topic.as_str().into(), partition), next))
                    .collect(),
            };
            match forward::start(route, configured, self.term, &self.tell) {
                Ok(started) => forwarding.push(started),
                Err(why) => tracing::error!(url, why, "no lineage events are sent to this catalog"),
            }
        }
        self.forwarding = Some(forwarding);
    }

    /// How far events were sent; durable with the next write.
    fn forwarded(&mut self, Forwarded { term, url, part, next }: Forwarded) {
        if self.gathering.is_some() && term == self.term {
            self.live.sent(&url, &part.topic, part.partition, Some(next));
            self.unwritten = true;
        }
    }

    /// Takes up what others wrote to topics of theirs; whether there was anything. It is durable with how far they are read.
    fn read_inbox(&mut self, now: Ms) -> Result<bool, Fault> {
        let Some(lineage) = self.setup.config.lineage.as_ref().filter(|lineage| !lineage.inbox.is_empty()) else {
            return Ok(false);
        };
        let inbox = match &mut self.inbox {
            Some(inbox) => inbox,
            None => self.inbox.insert(Inbox::new(&self.setup.settings, &lineage.inbox)?),
        };
        let read_to = self.live.read_to().iter().map(|((topic, partition), next)| {
            let topic: Arc<str> = topic.as_str().into();
            (Part::new(&topic, *partition), *next)
        });
        let found = inbox.look(&read_to.collect())?;
        let (moved, mut unresolved) = (!found.is_empty(), Vec::new());
        for Found { part, records, next } in found {
            for record in records {
                let event = serde_json::from_slice(record.value.as_deref().unwrap_or_default());
                match event.map_err(|error| format!("no JSON: {error}")).and_then(|event| read(event, &self.aliases)) {
                    Ok(statement) => self.changed.extend(self.live.hear(&statement, now)),
                    Err(why) => {
                        let what = format!("{}-{} offset {}", part.topic, part.partition, record.offset);
                        unresolved.push(Unresolved { what, why });
                    }
                }
            }
            self.live.read(&part.topic, part.partition, Some(next));
        }
        if moved {
            telemetry::lineage_unresolved(TOLD, unresolved.len() as u64);
            self.live.read_round(unresolved, now);
        }
        Ok(moved)
    }

    /// Takes up hops that headers of records tell; whether there was a word of them.
    fn join(&mut self, now: Ms) -> bool {
        let Some(headers) = &mut self.headers else { return false };
        let round = headers.round(&self.namespace, &self.live, now);
        let is_some = round.is_some();
        self.changed.extend(round.into_iter().flat_map(|round| self.live.apply(round)));
        is_some
    }

    fn take(&mut self, gathered: Gathered) {
        let name = gathered.collector;
        match gathered.round {
            Ok(round) => {
                let known = self.live.looks().get(name).map(|look| look.unresolved.clone()).unwrap_or_default();
                let fresh = round.unresolved.iter().filter(|unresolved| !known.contains(unresolved)).count();
                telemetry::lineage_unresolved(name, fresh as u64);
                self.changed.extend(self.live.apply(round));
            }
            Err(why) => self.failed(name, &why),
        }
    }

    fn failed(&mut self, collector: &str, why: &str) {
        telemetry::lineage_error(collector);
        let before = self.live.looks().get(collector).and_then(|look| look.error.as_deref());
        if before != Some(why) {
            tracing::warn!(collector, why, "nothing was collected; what is known stays");
        }
        self.live.failed(collector, why);
    }

    /// Makes durable what changed, and tells catalogs of it, in one transaction: events first, where there are none.
    fn write(&mut self, now: Ms) -> Result<(), Fault> {
        let mut messages = self.events(now);
        messages.extend(self.incidents(now));
        let mut records = differences(&self.stored, &self.live);
        records.extend(contradictions(&self.stored, &self.live));
        records.extend(self.headers.iter().flat_map(Headers::deletions));
        records.extend(self.contents.iter().flat_map(Contents::deletions));
        let topic: Arc<str> = self.setup.topic.as_str().into();
        messages.extend(records.iter().map(|record| message(&topic, record)));
        let writer = match &mut self.writer {
            Some(writer) => writer,
            // One id for whoever leads.
            None => {
                self.writer.insert(Atomic::new(Settings { worker_id: "leader".into(), ..self.setup.settings.clone() }))
            }
        };
        writer.write(&messages)?;
        self.headers.iter_mut().for_each(Headers::written);
        self.contents.iter_mut().for_each(Contents::written);
        for (key, value) in &records {
            self.stored.restore(key.as_bytes(), value.as_deref());
        }
        Ok(())
    }

    fn events(&self, now: Ms) -> Vec<Message> {
        let Some(lineage) = &self.setup.config.lineage else { return Vec::new() };
        let (source, governance) = (&self.setup.source, self.setup.config.governance.topic.as_str());
        let speaker = Speaker { source, namespace: &lineage.namespace, governance };
        let pattern = Pattern { every_ms: lineage.interval_ms };
        let found = found::events(&speaker, &self.live, &self.changed, pattern, now);
        messages_of(&lineage.topic, found)
    }

    /// What opens and is resolved of contradictions: where the log holds them, it was told.
    fn incidents(&mut self, now: Ms) -> Vec<Message> {
        let (directory, source) = (self.setup.board.directory(), &self.setup.source);
        let told = incidents::events(source, &self.namespace, &directory, &self.stored, &mut self.live, now);
        messages_of(&self.setup.config.governance.topic, told)
    }

    /// What requests brought to a worker that does not lead: the one that leads hears it from the log, as all do.
    fn write_beside(&mut self) -> Result<(), Fault> {
        let records = differences(&self.stored, &self.live);
        Writer::open(&self.setup.settings, &self.setup.topic)?.write(records.clone())?;
        for (key, value) in &records {
            self.stored.restore(key.as_bytes(), value.as_deref());
        }
        Ok(())
    }

    fn known(&self, leads: bool, now: Ms) -> Known {
        Known { namespace: self.namespace.clone(), graph: self.live.clone(), leads, at_ms: now }
    }

    fn renew(&mut self, settings: Settings) {
        self.setup.settings = settings;
        (self.writer, self.inbox, self.forwarding) = (None, None, None);
        if let Some(mut follower) = self.follower.take() {
            follower.close();
        }
    }

    fn end(&mut self) {
        (self.gathering, self.forwarding) = (None, None);
        if let Some(follower) = &mut self.follower {
            follower.close();
        }
    }
}
