//! Subject versions for the topics that contracts govern: their rule sets are asked of the registry, again and again, on a thread
//! that nobody waits for.
//!
//! `GET /subjects/{topic}-value/versions/latest`, and once of each version what it refers to.

use crate::clock::now_ms;
use crate::config::registry::Registry;
use crate::flow::io::Ms;
use crate::registry::client::{Asked, Client, Outcome};
use crate::telemetry;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// So often every subject is asked for: with the keeper's own round, a change is in force within a minute.
pub const EVERY_MS: Ms = 30_000;
/// The thread looks whether anything is wanted so often.
const LOOK: Duration = Duration::from_millis(200);
/// Subjects that are asked for; a round of so many takes a minute at 5 ms each.
pub const SUBJECTS_MAX: usize = 10_000;

/// What the registry has said so far; shared with the thread.
#[derive(Clone)]
pub struct Subjects(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    wanted: BTreeSet<String>,
    said: Said,
    /// To ask with from the next round on.
    renewed: Option<Client>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// By topic, the latest version as JSON in a line. What could not be asked again stays as it was.
    pub versions: BTreeMap<String, String>,
    /// The registry is one that takes rule sets and drops them in silence.
    pub keeps_none: bool,
}

/// What of a subject version is told: what it is, and what it asks.
const KEYS: [&str; 7] = ["subject", "version", "schemaType", "schema", "references", "metadata", "ruleSet"];

/// Asks for `first` before it returns, `patience` at most, and starts the thread, which asks `every_ms`. The error names the
/// key of the configuration.
pub fn start(
    registry: &Registry,
    first: BTreeSet<String>,
    patience: Duration,
    every_ms: Ms,
) -> Result<Subjects, String> {
    let client = Client::new(registry)?;
    // Apicurio's own path: behind it neither metadata nor rule sets are kept (seen on 2.6, 3.0 and 3.3).
    let keeps_none = registry.urls.iter().any(|url| url.contains("/apis/ccompat/"));
    let said = Said { versions: BTreeMap::new(), keeps_none };
    let shared = Arc::new(Mutex::new(State { wanted: first, said, renewed: None }));
    let asked_ms = now_ms();
    let mut asker = Asker { client, known: BTreeMap::new() };
    let held = Arc::downgrade(&shared);
    asker.round(&held, asked_ms + patience.as_millis() as Ms);
    let thread =
        std::thread::Builder::new().name("subjects".into()).spawn(move || asker.run(&held, asked_ms, every_ms));
    thread.map(|_| Subjects(shared)).map_err(|e| format!("no thread could be started for the schema registry: {e}"))
}

impl Subjects {
    /// The topics whose subjects are asked for from now on.
    pub fn want(&self, topics: BTreeSet<String>) {
        let mut state = lock(&self.0);
        state.said.versions.retain(|topic, _| topics.contains(topic));
        state.wanted = topics.into_iter().take(SUBJECTS_MAX).collect();
    }

    /// With new certificates or another login from the next round on.
    pub fn renew(&self, client: Client) {
        lock(&self.0).renewed = Some(client);
    }

    pub fn said(&self) -> Said {
        lock(&self.0).said.clone()
    }
}

struct Asker {
    client: Client,
    /// By topic, of a version that refers to others: the registry's answer, and what is told of it with all that it refers to. A
    /// version never changes, and a registry deletes none that another refers to: while the answer is the same, so is the rest.
    known: BTreeMap<String, (String, String)>,
}

impl Asker {
    /// Ends when nobody can ask any more.
    fn run(mut self, shared: &Weak<Mutex<State>>, mut asked_ms: Ms, every_ms: Ms) {
        let mut asked_for = shared.upgrade().map(|state| lock(&state).wanted.clone()).unwrap_or_default();
        loop {
            std::thread::park_timeout(LOOK);
            let Some(state) = shared.upgrade() else { return };
            let wanted = lock(&state).wanted.clone();
            drop(state);
            let now = now_ms();
            if wanted != asked_for || now - asked_ms >= every_ms {
                (asked_for, asked_ms) = (wanted, now);
                self.round(shared, Ms::MAX);
            }
        }
    }

    /// Asks for each subject once; the first that the registry does not answer for ends the round.
    fn round(&mut self, shared: &Weak<Mutex<State>>, until_ms: Ms) {
        let Some(state) = shared.upgrade() else { return };
        let wanted = lock(&state).wanted.clone();
        if let Some(renewed) = lock(&state).renewed.take() {
            self.client = renewed;
        }
        self.known.retain(|topic, _| wanted.contains(topic));
        for topic in wanted {
            if now_ms() >= until_ms {
                return;
            }
            let answer = self.ask(&topic);
            let mut state = lock(&state);
            match answer {
                Ok(Some(version)) if state.wanted.contains(&topic) => {
                    state.said.versions.insert(topic, version);
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    state.said.versions.remove(&topic);
                }
                Err(failure) => {
                    tracing::debug!(
                        topic,
                        reason = failure.reason,
                        "its rule set could not be asked for; what was known stays"
                    );
                    if failure.outcome == Outcome::Unavailable {
                        return;
                    }
                }
            }
        }
    }

    /// What is told of the latest version.
    fn ask(&mut self, topic: &str) -> Asked<String> {
        let subject = format!("{topic}-value");
        let count = |outcome: Outcome| telemetry::registry_request(outcome.word());
        let Some(latest) = self.client.latest(&subject, count)? else { return Ok(None) };
        let (answer, alone) = (latest.to_string(), told(latest.clone()));
        if let Some((_, whole)) = self.known.get(topic).filter(|(known, _)| *known == answer) {
            return Ok(Some(whole.clone()));
        }
        match self.client.with_references(&subject, latest, count).map(told) {
            Ok(whole) if whole == alone => Ok(Some(alone)),
            Ok(whole) => {
                self.known.insert(topic.to_owned(), (answer, whole.clone()));
                Ok(Some(whole))
            }
            // What it refers to cannot be had, or is too large: the rest of it can still be read.
            Err(failure) if failure.outcome == Outcome::Unexpected => Ok(Some(alone)),
            Err(failure) => Err(failure),
        }
    }
}

fn told(version: Value) -> String {
    let Value::Object(mut entries) = version else { return version.to_string() };
    entries.retain(|key, _| KEYS.contains(&key.as_str()));
    Value::Object(entries).to_string()
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
