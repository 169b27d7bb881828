//! Workers and their tasks: what a process holds, and loses when it crashes.

use crate::sim::bounds::Bounds;
use crate::sim::broker::Reply;
use crate::sim::client::{Client, Identity};
use crate::sim::consumer::Settings;
use crate::sim::engine;
use crate::sim::group::Address;
use crate::sim::judge::{Contracts, Namer};
use crate::sim::schemas::Registry;
use crate::sim::shape::{FLUSH_MS, GRACE_MS, LATE_ACCEPT_MS, MAX_OPEN_MS, Shape, WINDOW_MS};
use crate::sim::world::{DELTAS, EVENTS, INSPECTORS, STATE};
use mesh_steward::engine::event::envelope::Source;
use mesh_steward::flow::inspecting::InspectorConfig;
use mesh_steward::flow::inspector::Inspector;
use mesh_steward::flow::io::{Action, Input, Ms};
use mesh_steward::flow::judge::Judge;
use mesh_steward::flow::ledger::{Ledger, LedgerConfig};
use mesh_steward::flow::lineage::LineageConfig;
use mesh_steward::flow::stage::{self, Held};
use mesh_steward::flow::task::Task;
use mesh_steward::flow::window::WindowConfig;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Inspector(usize),
    Ledger,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stage::Inspector(n) => write!(f, "inspector.{n}"),
            Stage::Ledger => write!(f, "ledger"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    Up,
    Paused,
    Down,
}

/// What does not come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    None,
    Requests,
    Answers,
}

pub struct Process {
    pub power: Power,
    /// How far its clock is off.
    pub skew_ms: Ms,
    pub cut: Cut,
    pub contracts: Rc<RefCell<Contracts>>,
    /// What it knows of the schema registry.
    pub registry: Rc<RefCell<Registry>>,
    pub stopping: bool,
    /// A second one with the ids of another: it is not started again.
    pub twin: bool,
}

/// The flow, whichever stage it is.
pub trait Flow {
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action>;
    /// The contracts that its judge uses from now on.
    fn know(&mut self, contracts: &Contracts);
    fn held(&self) -> Held;
}

impl<S: stage::Stage + Knows> Flow for Task<S> {
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action> {
        Task::on(self, now, input)
    }

    fn know(&mut self, contracts: &Contracts) {
        self.stage_mut().know(contracts);
    }

    fn held(&self) -> Held {
        stage::Stage::held(self.stage())
    }
}

/// Whatever is told of contracts.
pub trait Knows {
    fn know(&mut self, contracts: &Contracts);
}

impl<J: Judge + Knows> Knows for Inspector<J> {
    fn know(&mut self, contracts: &Contracts) {
        self.judge_mut().know(contracts);
    }
}

impl<J: Judge + Knows> Knows for Ledger<J> {
    fn know(&mut self, contracts: &Contracts) {
        self.judge_mut().know(contracts);
    }
}

/// One task of a worker; `flow` is there while it runs.
pub struct Slot {
    pub worker: usize,
    pub stage: Stage,
    pub label: String,
    pub identity: Identity,
    pub flow: Option<Box<dyn Flow>>,
    pub client: Client,
    /// Lives so far: what was sent to an earlier one is not heard.
    pub life: u32,
    /// The newest poll that is due; older ones are void.
    pub serial: u64,
    /// What arrived while the process was paused.
    pub held: Vec<(Address, Option<Reply>)>,
    pub bounds: Bounds,
}

impl Slot {
    pub fn new(worker: usize, stage: Stage, label: String, identity: Identity, settings: Settings) -> Slot {
        let client = Client::new(&identity, settings);
        Slot {
            worker,
            stage,
            label,
            identity,
            flow: None,
            client,
            life: 0,
            serial: 0,
            held: Vec::new(),
            bounds: Bounds::default(),
        }
    }
}

pub fn build(slot: &Slot, shape: &Shape, process: &Process, now: Ms) -> Box<dyn Flow> {
    if shape.real {
        return with(slot, shape, now, engine::judge(&process.contracts.borrow()));
    }
    let judge = Namer { contracts: process.contracts.clone(), registry: process.registry.clone(), broken: false };
    with(slot, shape, now, judge)
}

fn with<J: Judge + Knows + 'static>(slot: &Slot, shape: &Shape, now: Ms, judge: J) -> Box<dyn Flow> {
    match slot.stage {
        Stage::Inspector(_) => {
            let config = InspectorConfig {
                window_size_ms: WINDOW_MS,
                window_grace_ms: GRACE_MS,
                future_tolerance_ms: 60_000,
                flush_interval_ms: FLUSH_MS,
                flush_bytes: shape.flush_bytes(),
                message_bytes: if shape.small_messages { 48 } else { 1 << 20 },
                copy_bytes_max: 1 << 20,
                start_earliest: true,
                deltas: DELTAS.into(),
                state: STATE.into(),
                delta_partitions: shape.delta_partitions,
                task: slot.identity.transactional.clone(),
                trails: None,
                contents: None,
            };
            Box::new(Task::new(now, Inspector::new(judge, config)))
        }
        Stage::Ledger => {
            let window = WindowConfig {
                size_ms: WINDOW_MS,
                grace_ms: GRACE_MS,
                late_accept_ms: LATE_ACCEPT_MS,
                max_open_ms: MAX_OPEN_MS,
            };
            let config = LedgerConfig {
                window,
                flush_interval_ms: FLUSH_MS / 2,
                flush_bytes: shape.flush_bytes(),
                source: Source { cluster: "sim".into(), group: INSPECTORS.into() },
                transactions: true,
                deltas: DELTAS.into(),
                state: STATE.into(),
                events: EVENTS.into(),
                lineage: Some(LineageConfig { namespace: "kafka://sim:9092".into(), topic: EVENTS.into() }),
            };
            Box::new(Task::new(now, Ledger::new(judge, config)))
        }
    }
}
