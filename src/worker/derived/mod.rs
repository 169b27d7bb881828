//! Runs use cases: hands what was asked for to its engine, follows the jobs and ends them. One worker does it, the one that holds the
//! first partition of the deltas; what it learns goes the way of every change, so that any other can go on with it.

pub mod flink; // Flink's SQL gateway
pub mod ksqldb; // ksqlDB's REST API

use crate::catalog::board::Board;
use crate::catalog::published::{NotDone, Petition};
use crate::config::usable::Config;
use crate::engine::contract::name::ProductName;
use crate::engine::derived::answer::{Standing, together};
use crate::engine::derived::usecase::{Edit, Engine, Run, State, UseCase, Wanted};
use crate::engine::published::change::{By, Expected};
use crate::flow::io::Part;
use crate::flow::opening::Stands;
use crate::worker::derived::flink::Flink;
use crate::worker::derived::ksqldb::Ksqldb;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// What was asked for is taken up so soon.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An engine is asked about its jobs so often.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// A worker that has not said by then what the engine made of it has ended.
const STARTED_WITHIN_MS: i64 = 90_000;

/// One engine, as much as is needed of it. Errors are what it says, or why it does not answer.
pub trait Sql: Send {
    /// Hands over the parts of a statement; the jobs that came of it.
    fn start(&self, name: &str, statement: &str) -> Result<Vec<String>, String>;
    fn look(&self, job: &str) -> Result<Standing, String>;
    fn stop(&self, job: &str) -> Result<(), String>;
    /// The newest job of this name since a time, where the engine keeps names.
    fn found(&self, name: &str, since_ms: i64) -> Result<Option<String>, String>;
}

pub struct Setup {
    pub config: Arc<Config>,
    pub board: Arc<Board>,
    pub changes: mpsc::Sender<Petition>,
    /// Whoever has it live does the work.
    pub first: Part,
}

/// Ends with what it returns. `None`: no engine is configured.
pub fn start(setup: Setup) -> Option<Sender<()>> {
    let engines = engines(&setup.config);
    let known = engines.keys().copied().collect();
    setup.board.edit(|directory| directory.engines = known);
    if engines.is_empty() {
        return None;
    }
    let (stop, stopped) = channel();
    let follower = Follower { setup, engines, asked: BTreeMap::new() };
    match std::thread::Builder::new().name("derived".into()).spawn(move || follower.run(&stopped)) {
        Ok(_) => Some(stop),
        Err(error) => {
            tracing::error!(%error, "no thread for use cases: none is run");
            None
        }
    }
}

fn engines(config: &Config) -> BTreeMap<Engine, Box<dyn Sql>> {
    let mut engines: BTreeMap<Engine, Box<dyn Sql>> = BTreeMap::new();
    let (flink, ksqldb) = (&config.discovery.flink, &config.discovery.ksqldb);
    let mut add = |engine: Engine, made: Result<Box<dyn Sql>, String>| match made {
        Ok(sql) => drop(engines.insert(engine, sql)),
        Err(why) => tracing::error!(why, engine = engine.word(), "no use case is run by it"),
    };
    if !flink.urls.is_empty() {
        let jobs = config.discovery.flink_jobmanager.clone();
        add(Engine::Flink, Flink::new(flink, jobs).map(|flink| -> Box<dyn Sql> { Box::new(flink) }));
    }
    if !ksqldb.urls.is_empty() {
        add(Engine::Ksqldb, Ksqldb::new(ksqldb).map(|ksqldb| -> Box<dyn Sql> { Box::new(ksqldb) }));
    }
    engines
}

struct Follower {
    setup: Setup,
    engines: BTreeMap<Engine, Box<dyn Sql>>,
    /// When the engine was asked about a run last.
    asked: BTreeMap<(ProductName, i64), Instant>,
}

/// What was learned of a run.
struct Learned {
    state: State,
    jobs: Vec<String>,
    message: Option<String>,
    worker: Option<String>,
}

impl Learned {
    fn of(state: State, message: Option<String>) -> Learned {
        Learned { state, jobs: Vec::new(), message, worker: None }
    }
}

impl Follower {
    fn run(mut self, stopped: &Receiver<()>) {
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if self.leads() {
                self.turn();
            }
        }
    }

    fn leads(&self) -> bool {
        let tasks = self.setup.board.tasks();
        tasks.values().any(|task| task.parts.get(&self.setup.first) == Some(&Stands::Live))
    }

    fn turn(&mut self) {
        let directory = self.setup.board.directory();
        let active = |(name, case): (&ProductName, &UseCase)| {
            let run = case.run.clone().filter(|run| run.state.is_active())?;
            Some((name.clone(), case.clone(), run))
        };
        let active: Vec<_> = directory.use_cases.iter().filter_map(active).collect();
        self.asked.retain(|key, _| active.iter().any(|(name, _, run)| (name, run.asked_ms) == (&key.0, key.1)));
        for (name, case, run) in active {
            let key = (name.clone(), run.asked_ms);
            let due = self.asked.get(&key).is_none_or(|asked| asked.elapsed() >= ASK_EVERY);
            if run.state != State::Asked && !due {
                continue;
            }
            self.asked.insert(key, Instant::now());
            let Some(engine) = self.engines.get(&case.definition.engine) else {
                let url = format!("{}.url is not set on worker {}", case.definition.engine.word(), self.worker());
                self.note(&name, &run, Learned::of(State::Failed, Some(url)));
                continue;
            };
            match run.state {
                State::Asked => self.begin(&name, &case, &run, &**engine),
                State::Stopping if !run.jobs.is_empty() => {
                    let learned = end(&run, &**engine);
                    self.note(&name, &run, learned);
                }
                _ if run.jobs.is_empty() => {
                    if let Some(learned) = adopt(&name, &run, &**engine) {
                        self.note(&name, &run, learned);
                    }
                }
                _ => {
                    let learned = follow(&run, &**engine);
                    self.note(&name, &run, learned);
                }
            }
        }
    }

    /// It is said first that this worker has it: whoever goes on from here looks for the job, and starts none.
    fn begin(&self, name: &ProductName, case: &UseCase, run: &Run, engine: &dyn Sql) {
        let mine = Learned { worker: Some(self.worker()), ..Learned::of(State::Starting, None) };
        if self.note(name, run, mine) != Some(State::Starting) {
            return; // nothing durable, or called off
        }
        let learned = match engine.start(&name.to_string(), &case.definition.statement) {
            Ok(jobs) if jobs.is_empty() => Learned::of(State::Finished, Some("the engine names no job".to_owned())),
            Ok(jobs) => Learned { jobs, ..Learned::of(State::Running, None) },
            Err(why) => Learned::of(State::Failed, Some(why)),
        };
        self.note(name, run, learned);
    }

    /// Makes it durable, with its line of the audit; how the run stands then.
    fn note(&self, name: &ProductName, run: &Run, learned: Learned) -> Option<State> {
        let Learned { state, jobs, message, worker } = learned;
        let by = By {
            actor: run.asked_by.clone(),
            reason: None,
            method: "POST".into(),
            path: format!("/use-cases/{name}/execute"),
            correlation: format!("{name}-{}", run.asked_ms),
        };
        let edit = Edit::Note { asked_ms: run.asked_ms, state, jobs, message, worker };
        let (done, answer) = oneshot::channel();
        let wanted = Wanted { name: name.clone(), edit, expected: Expected::Present, by };
        self.setup.changes.blocking_send(Petition::UseCase { wanted, done }).ok()?;
        match answer.blocking_recv().ok()? {
            Ok(defined) => defined.case.and_then(|case| case.state()),
            Err(NotDone::Refused(why)) => {
                tracing::info!(use_case = %name, why = why.detail(), "what a use case came to is not noted");
                None
            }
            Err(NotDone::Failed(why)) => {
                tracing::warn!(use_case = %name, why, "what a use case came to is not noted yet; it is looked for again");
                None
            }
        }
    }

    fn worker(&self) -> String {
        self.setup.config.worker.id.clone()
    }
}

/// Of a run whose worker did not say what came of it.
fn adopt(name: &ProductName, run: &Run, engine: &dyn Sql) -> Option<Learned> {
    let late = crate::clock::now_ms() - run.changed_ms > STARTED_WITHIN_MS;
    match engine.found(&name.to_string(), run.asked_ms) {
        Ok(Some(job)) => Some(Learned { jobs: vec![job], ..Learned::of(State::Running, None) }),
        _ if !late => None,
        Ok(None) => {
            let of = run.worker.as_deref().unwrap_or("no worker");
            let why = format!(
                "the worker that started it ({of}) ended before the engine had answered; look there for what it may have \
                 begun, then execute it again"
            );
            Some(Learned::of(State::Failed, Some(why)))
        }
        Err(why) => Some(Learned::of(State::Failed, Some(why))),
    }
}

fn follow(run: &Run, engine: &dyn Sql) -> Learned {
    let looked: Result<Vec<Standing>, String> = run.jobs.iter().map(|job| engine.look(job)).collect();
    match looked.map(together) {
        Ok(Some(Standing { state, message, jobs })) => Learned { jobs, ..Learned::of(state, message) },
        Ok(None) => Learned::of(run.state, None),
        // It may go on all the same: how it stands is not known, and that is said.
        Err(why) => Learned::of(run.state, Some(format!("not known now: {why}"))),
    }
}

fn end(run: &Run, engine: &dyn Sql) -> Learned {
    let told = run.jobs.iter().map(|job| engine.stop(job)).collect::<Result<Vec<()>, String>>();
    let learned = follow(run, engine);
    match told {
        Err(why) if learned.state.is_active() => {
            Learned { message: Some(format!("it is not stopped: {why}")), ..learned }
        }
        _ => learned,
    }
}
