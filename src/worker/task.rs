//! One task: its thread, its settings, and what is shown of it.

use crate::catalog::board::{Board, TaskState};
use crate::catalog::plans::PlansJudge;
use crate::config::usable::{Config, Delivery, Start};
use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::event::envelope::Source;
use crate::flow::delta::partition_of;
use crate::flow::inspecting::{Contents, InspectorConfig};
use crate::flow::inspector::Inspector;
use crate::flow::io::{Action, Answer, Call, Exit, Input, Level, Machine, Ms, Note, Part, Publication};
use crate::flow::ledger::{Ledger, LedgerConfig};
use crate::flow::lineage::LineageConfig;
use crate::flow::opening::Stands;
use crate::flow::stage::Stage;
use crate::flow::task::Task as Flow;
use crate::flow::window::WindowConfig;
use crate::kafka::client::{self, Settings};
use crate::kafka::driver::{self, Command, Sink};
use crate::registry::keeper::{self, Wishes};
use crate::telemetry::task::TaskMetrics;
use crate::worker::keeper::{Keeper, News};
use crate::worker::lineage::contents;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::mpsc::UnboundedSender;

/// Flush early when so much waits: a broker that takes a megabyte a second has it well within the transaction's 10 s,
/// and the ledger makes some 8,000 window events of it at most (512 bytes a window).
const FLUSH_BYTES: usize = 4 * 1024 * 1024;
/// A delta beyond this goes in parts: half of what a message may weigh, for the weight is an estimate.
const MESSAGE_BYTES: usize = 500_000;
/// How long the ledger gathers deltas: four transactions a second cost 3 % of a core of the broker, and an incident is
/// told a quarter of a second after its delta.
const LEDGER_FLUSH_MS: Ms = 250;
/// Of events. At the end of a minute 1,000 products that are idle say 16 MB, of which a transaction would hold three copies.
const LEDGER_FLUSH_BYTES: usize = 1 << 20;

/// A task's name: `inspect-0`, `ledger-0`.
pub type Task = String;

type Inspecting = Sender<Command<Shown<Inspector<PlansJudge>>>>;
type Keeping = Sender<Command<Shown<Ledger<PlansJudge>>>>;

/// The tasks of this worker.
pub struct Tasks {
    inspectors: Vec<Inspecting>,
    ledgers: Vec<Keeping>,
    running: BTreeSet<Task>,
    board: Arc<Board>,
    deltas: Arc<str>,
    delta_partitions: i32,
    /// What the inspectors are subscribed to.
    governed: Vec<String>,
    /// Topics that are held for operators.
    held: BTreeSet<Arc<str>>,
    /// `None`: there is no schema registry.
    registry: Option<Wishes>,
    /// What it has told.
    schemas: Arc<Schemas>,
    exits: UnboundedSender<(Task, Exit)>,
    /// Tasks that are to get new clients, one after the other: the first is ending, or has ended.
    renewing: VecDeque<Task>,
}

/// Which of the two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Inspect,
    Ledger,
}

fn inspector(slot: usize) -> Task {
    format!("inspect-{slot}")
}

fn ledger(slot: usize) -> Task {
    format!("ledger-{slot}")
}

impl Tasks {
    /// One thread for each task; an end is told to `exits`, a panic too.
    pub fn start(
        config: &Config,
        keeper: &Keeper,
        board: &Arc<Board>,
        registry: Option<Wishes>,
        exits: UnboundedSender<(Task, Exit)>,
    ) -> Tasks {
        let mut tasks = Tasks {
            inspectors: Vec::new(),
            ledgers: Vec::new(),
            running: BTreeSet::new(),
            board: board.clone(),
            deltas: keeper.deltas(),
            delta_partitions: keeper.delta_partitions(),
            governed: Vec::new(),
            held: BTreeSet::new(),
            registry,
            schemas: Arc::default(),
            exits,
            renewing: VecDeque::new(),
        };
        for slot in 0..config.worker.tasks {
            let started = tasks.inspect(slot, config, keeper);
            tasks.inspectors.extend(started);
        }
        let started = tasks.keep_ledger(0, config, keeper);
        tasks.ledgers.extend(started);
        tasks
    }

    fn inspect(&mut self, slot: usize, config: &Config, keeper: &Keeper) -> Option<Inspecting> {
        let settings = keeper.settings("inspect", slot);
        let mut judge = keeper.judge();
        if self.registry.is_some() {
            judge.schemas(self.schemas.clone());
        }
        let stage = Inspector::new(judge, inspector_config(config, keeper, &settings));
        self.spawn(inspector(slot), stage, settings, config)
    }

    fn keep_ledger(&mut self, slot: usize, config: &Config, keeper: &Keeper) -> Option<Keeping> {
        let settings = keeper.settings("ledger", slot);
        let stage = Ledger::new(keeper.judge(), ledger_config(config, keeper));
        let commands = self.spawn(ledger(slot), stage, settings, config)?;
        // Nobody is there to miss it where the thread has already ended; its exit says why.
        let _ = commands.send(Command::Subscribe(vec![self.deltas.to_string()]));
        Some(commands)
    }

    /// Has every task get new clients: one after the other is flushed, ends, and begins again with the keeper's settings.
    pub fn renew(&mut self) {
        self.renewing = (0..self.inspectors.len()).map(inspector).chain((0..self.ledgers.len()).map(ledger)).collect();
        self.stop_next();
    }

    fn stop_next(&self) {
        let Some(next) = self.renewing.front() else { return };
        let inspector = self.inspectors.iter().enumerate().find(|(slot, _)| inspector(*slot) == *next);
        let _ = inspector.map(|(_, task)| task.send(Command::Stop));
        let ledger = self.ledgers.iter().enumerate().find(|(slot, _)| ledger(*slot) == *next);
        let _ = ledger.map(|(_, task)| task.send(Command::Stop));
    }

    /// Begins the task again that has ended for new clients, and has the next one end.
    pub fn go_on(&mut self, config: &Config, keeper: &Keeper) {
        let Some(ended) = self.renewing.pop_front_if(|task| !self.running.contains(task)) else { return };
        for slot in (0..self.inspectors.len()).filter(|slot| inspector(*slot) == ended) {
            if let Some(task) = self.inspect(slot, config, keeper) {
                let _ = task.send(Command::Pause(self.held.clone()));
                let _ = task.send(Command::Subscribe(self.governed.clone()));
                self.inspectors[slot] = task;
            }
        }
        for slot in (0..self.ledgers.len()).filter(|slot| ledger(*slot) == ended) {
            if let Some(task) = self.keep_ledger(slot, config, keeper) {
                self.ledgers[slot] = task;
            }
        }
        if self.renewing.is_empty() {
            tracing::info!("every task has new clients");
        }
        self.stop_next();
    }

    /// Hands on what changed.
    pub fn tell(&mut self, news: News) {
        if let Some(held) = news.held {
            self.held.clone_from(&held);
            for task in &self.inspectors {
                let _ = task.send(Command::Pause(held.clone()));
            }
        }
        self.restart(&news.restarts);
        if let (Some(client), Some(registry)) = (news.registry, &self.registry) {
            registry.renew(client);
        }
        if let Some(topics) = news.topics {
            for (slot, task) in self.inspectors.iter().enumerate() {
                if topics.is_empty() {
                    self.board.task_state(&inspector(slot), TaskState::Running, crate::clock::now_ms());
                }
                let _ = task.send(Command::Subscribe(topics.clone()));
            }
            self.governed = topics;
        }
        if let Some(plans) = news.plans {
            for task in &self.inspectors {
                let plans = plans.clone();
                let _ = task.send(Command::Contracts(Box::new(move |m| m.flow.stage_mut().judge_mut().replace(plans))));
            }
            for task in &self.ledgers {
                let plans = plans.clone();
                let _ = task.send(Command::Contracts(Box::new(move |m| m.flow.stage_mut().judge_mut().replace(plans))));
            }
        }
    }

    /// Has one task of the group join it again, which balances the group anew: `absent` is a topic that does not exist.
    pub fn rejoin(&self, group: Group, absent: String) {
        match group {
            Group::Inspect => {
                let topics = self.governed.iter().cloned().chain([absent]).collect();
                self.inspectors.first().map(|task| task.send(Command::Subscribe(topics)));
            }
            Group::Ledger => {
                let topics = vec![self.deltas.to_string(), absent];
                self.ledgers.first().map(|task| task.send(Command::Subscribe(topics)));
            }
        }
    }

    /// Opens the partitions of these products again, and the ledger partitions that own them.
    fn restart(&self, products: &[ProductName]) {
        let directory = self.board.directory();
        let tasks = self.board.tasks();
        for product in products {
            let topics = directory.products.get(product).map(|info| &info.topics);
            let reads = |part: &&Part| topics.is_some_and(|topics| topics.contains(&*part.topic));
            let owner = partition_of(product, self.delta_partitions);
            let owns = |part: &&Part| part.topic == self.deltas && part.partition == owner;
            let of = |task: String| tasks.get(&task).into_iter().flat_map(|task| task.parts.keys());
            for (slot, task) in self.inspectors.iter().enumerate() {
                let parts = of(inspector(slot)).filter(reads).cloned().collect();
                let _ = task.send(Command::Restart(parts));
            }
            for (slot, task) in self.ledgers.iter().enumerate() {
                let _ = task.send(Command::Restart(of(ledger(slot)).filter(owns).cloned().collect()));
            }
        }
    }

    /// Hands on what the registry said.
    pub fn hear(&mut self, news: keeper::News) {
        match news {
            keeper::News::Trouble(trouble) => self.board.registry_trouble(trouble),
            keeper::News::Schemas(schemas) => {
                self.schemas.clone_from(&schemas);
                for task in &self.inspectors {
                    let schemas = schemas.clone();
                    let _ =
                        task.send(Command::Schemas(Box::new(move |m| m.flow.stage_mut().judge_mut().schemas(schemas))));
                }
            }
        }
    }

    pub fn stop(&self) {
        for task in &self.inspectors {
            let _ = task.send(Command::Stop);
        }
        for task in &self.ledgers {
            let _ = task.send(Command::Stop);
        }
    }

    pub fn ended(&mut self, task: &Task) {
        self.running.remove(task);
    }

    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn spawn<S: Stage<Cut: Send> + Send + 'static>(
        &mut self,
        task: Task,
        stage: S,
        settings: Settings,
        config: &Config,
    ) -> Option<Sender<Command<Shown<S>>>> {
        let (commands, inbox) = channel();
        let metrics = Arc::new(TaskMetrics::new(&config.worker.id, &task));
        let now = crate::clock::now_ms();
        self.board.task_state(&task, TaskState::Starting, now);
        let shown = Shown {
            flow: Flow::new(now, stage),
            task: task.clone(),
            board: self.board.clone(),
            metrics: metrics.clone(),
            stand: BTreeMap::new(),
            commit_ms: None,
            recoveries: 0,
        };
        let registry = self.registry.clone();
        let mouth = Mouth {
            task: task.clone(),
            board: self.board.clone(),
            metrics,
            registry,
            exits: self.exits.clone(),
            exited: false,
        };
        let thread = std::thread::Builder::new().name(task.clone());
        match thread.spawn(move || driver::run(shown, settings, inbox, mouth)) {
            Ok(_) => {
                self.running.insert(task);
                Some(commands)
            }
            Err(error) => {
                let _ = self.exits.send((task, Exit::Fatal(format!("no thread could be started: {error}"))));
                None
            }
        }
    }
}

fn inspector_config(config: &Config, keeper: &Keeper, settings: &Settings) -> InspectorConfig {
    InspectorConfig {
        window_size_ms: config.window.size_ms,
        window_grace_ms: config.window.grace_ms,
        future_tolerance_ms: config.window.future_tolerance_ms,
        flush_interval_ms: config.flush_interval_ms,
        flush_bytes: FLUSH_BYTES,
        message_bytes: MESSAGE_BYTES,
        copy_bytes_max: client::message_bytes_max(settings),
        start_earliest: config.start == Start::Earliest,
        deltas: keeper.deltas(),
        state: keeper.state(),
        delta_partitions: keeper.delta_partitions(),
        // Flushes are numbered from 1 at each start. Without transactions a killed process may leave half of one behind.
        task: format!("{}@{}", settings.identity(), crate::clock::now_ms()),
        trails: config.lineage.as_ref().filter(|lineage| lineage.headers).map(|_| keeper.lineage().into()),
        contents: config.lineage.as_ref().filter(|lineage| lineage.content).map(|lineage| Contents {
            topic: keeper.lineage().into(),
            every_ms: contents::every_ms(lineage.interval_ms),
        }),
    }
}

fn ledger_config(config: &Config, keeper: &Keeper) -> LedgerConfig {
    LedgerConfig {
        window: WindowConfig {
            size_ms: config.window.size_ms,
            grace_ms: config.window.grace_ms,
            late_accept_ms: config.window.late_accept_ms,
            max_open_ms: config.window.max_open_ms,
        },
        flush_interval_ms: LEDGER_FLUSH_MS,
        flush_bytes: LEDGER_FLUSH_BYTES,
        transactions: config.delivery == Delivery::ExactlyOnce,
        source: Source { cluster: keeper.cluster().to_string(), group: config.worker.group_id.clone() },
        deltas: keeper.deltas(),
        state: keeper.state(),
        events: config.governance.topic.as_str().into(),
        lineage: config.lineage.as_ref().map(|lineage| LineageConfig {
            namespace: lineage.namespace.clone(),
            topic: lineage.topic.as_str().into(),
        }),
    }
}

/// A flow whose inputs and actions are shown on the board and counted.
pub struct Shown<S: Stage> {
    pub flow: Flow<S>,
    task: Task,
    board: Arc<Board>,
    metrics: Arc<TaskMetrics>,
    /// The partitions as they were last shown.
    stand: BTreeMap<Part, Stands>,
    /// When the outstanding commit was asked for.
    commit_ms: Option<Ms>,
    recoveries: u64,
}

impl<S: Stage> Machine for Shown<S> {
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action> {
        match &input {
            Input::Assigned(_) | Input::Revoking(_) | Input::Lost(_) => self.metrics.rebalanced(),
            Input::Answer(Answer::Commit(_)) => {
                if let Some(since) = self.commit_ms.take() {
                    self.metrics.committed(now - since);
                }
            }
            Input::Tick => {
                self.board.progress(&self.task, now);
                self.board.waiting(&self.task, self.flow.waits(), now);
            }
            _ => {}
        }
        let show = matches!(input, Input::Tick);
        let actions = self.flow.on(now, input);
        if show && !self.flow.parts().stand().eq(self.stand.iter().map(|(part, stands)| (part, *stands))) {
            self.stand = self.flow.parts().stand().map(|(part, stands)| (part.clone(), stands)).collect();
            self.board.assigned(&self.task, self.stand.clone());
        }
        for action in &actions {
            match action {
                Action::Assign(_) => self.board.task_state(&self.task, TaskState::Running, now),
                Action::Call(Call::Commit) => self.commit_ms = self.commit_ms.or(Some(now)),
                _ => {}
            }
        }
        if self.flow.recoveries() > self.recoveries {
            self.recoveries = self.flow.recoveries();
            self.metrics.recovered();
            self.board.task_state(&self.task, TaskState::Recovering, now);
        }
        actions
    }
}

/// Where a task's words go.
struct Mouth {
    task: Task,
    board: Arc<Board>,
    metrics: Arc<TaskMetrics>,
    /// `None`: there is no registry, and nothing is ever wanted of it.
    registry: Option<Wishes>,
    exits: UnboundedSender<(Task, Exit)>,
    exited: bool,
}

impl Sink for Mouth {
    fn publish(&mut self, publication: Publication) {
        let now = crate::clock::now_ms();
        if publication.flush_ms > 0 || publication.partitions > 0 {
            self.metrics.published(&publication);
            self.board.task_state(&self.task, TaskState::Running, now);
        }
        self.board.apply(&publication, &self.task, now);
    }

    fn note(&mut self, note: Note) {
        let task = self.task.as_str();
        match note.level {
            Level::Info => tracing::info!(task, "{}", note.text),
            Level::Warn => tracing::warn!(task, "{}", note.text),
            Level::Error => tracing::error!(task, "{}", note.text),
        }
    }

    fn waiting(&mut self, fill: f64) {
        self.board.queue_fill(&self.task, fill);
    }

    fn want(&mut self, schema: SchemaRef) {
        if let Some(registry) = &self.registry {
            registry.want(schema);
        }
    }

    fn exit(&mut self, exit: Exit) {
        self.exited = true;
        let now = crate::clock::now_ms();
        match &exit {
            Exit::Stopped => self.board.task_state(&self.task, TaskState::Stopped, now),
            Exit::Fatal(why) | Exit::Configuration(why) => {
                self.board.task_state(&self.task, TaskState::Failed(why.clone()), now);
            }
        }
        let _ = self.exits.send((self.task.clone(), exit));
    }
}

impl Drop for Mouth {
    /// A task that ends without a last word has panicked; its worker must not look alive.
    fn drop(&mut self) {
        if !self.exited {
            self.exit(Exit::Fatal(format!("task {} panicked", self.task)));
        }
    }
}
