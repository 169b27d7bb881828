//! One run from its tape to its verdict: data and faults, then calm, then everything accounted for.

use crate::sim::choice::Tape;
use crate::sim::consumer::Settings;
use crate::sim::invariants::{Failure, Watch, broken};
use crate::sim::oracle::unaccounted;
use crate::sim::shape::{MAX_OPEN_MS, Op, Shape, WINDOW_MS};
use crate::sim::txn::State;
use crate::sim::world::World;
use mesh_steward::flow::io::Ms;
use mesh_steward::flow::mutation::{Mutation, plant};

/// What a scenario expects at its end.
pub type Asks = fn(&Watch) -> Result<(), String>;

/// What a run is made of, beside its tape.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub mutations: Vec<Mutation>,
    pub settings: Settings,
    /// A scenario; `None`: the tape draws one.
    pub shape: Option<Shape>,
    /// What must hold at the end, beyond the invariants.
    pub asks: Option<Asks>,
    pub traced: bool,
}

pub struct Ran {
    pub result: Result<(), Failure>,
    pub tape: Vec<u32>,
    pub hash: u64,
    pub steps: u64,
    pub lines: Vec<String>,
}

/// After the last fault everything must be told within this.
const LIVENESS_MS: Ms = WINDOW_MS + MAX_OPEN_MS + 120_000;
/// What is told twice is told again within this: a flush, a session and a transaction's time-out.
const AFTERWARDS_MS: Ms = 8_000;

pub fn run(mut tape: Tape, setup: &Setup) -> Ran {
    plant(&setup.mutations);
    let shape = setup.shape.clone().unwrap_or_else(|| Shape::draw(&mut tape));
    let mut world = World::new(&mut tape, shape, setup.settings, setup.traced);
    let mut watch = Watch::of(&world);
    let asked = setup.asks.unwrap_or(|_| Ok(()));
    let result = to_rest(&mut world, &mut watch)
        .and_then(|()| asked(&watch).or_else(|text| broken("what the scenario is about", text)));
    let (hash, steps, lines) = (world.trace.hash, world.steps, std::mem::take(&mut world.trace.lines));
    plant(&[]);
    Ran { result, tape: tape.made().to_vec(), hash, steps, lines }
}

fn to_rest(world: &mut World<'_>, watch: &mut Watch) -> Result<(), Failure> {
    let last_fault = world.shape.plan.iter().filter(|(_, op)| !matches!(op, Op::Data { .. })).map(|(at, _)| *at).max();
    let calm_at = world.shape.data_ms.max(last_fault.unwrap_or(0)) + 1_000;
    world.run(calm_at, watch)?;
    world.tape.calm();
    world.triggers.clear();
    world.heal();
    let deadline = calm_at + LIVENESS_MS;
    let mut until = calm_at;
    loop {
        until += 1_000;
        world.run(until, watch)?;
        // Where deltas were deleted nobody can say when all is told: every window has closed by then.
        if watch.holes && until < calm_at + 3 * WINDOW_MS {
            continue;
        }
        let Some(why) = unaccounted(world, watch, false) else { break };
        if why.contains("times") || until >= deadline {
            let invariant = if why.contains("times") { "each record once" } else { "liveness: everything is told" };
            return broken(invariant, format!("{why}\n{}", world.waits().join("\n")));
        }
    }
    world.run(until + AFTERWARDS_MS, watch)?;
    if let Some(why) = unaccounted(world, watch, true) {
        return broken("each record once", why);
    }
    let stuck = |s| matches!(s, State::PrepareCommit | State::PrepareAbort);
    if world.broker.coordinator.busy(stuck) && !world.broker.coordinator.unwritten.is_empty() {
        return broken("no open transaction", String::new());
    }
    Ok(())
}
