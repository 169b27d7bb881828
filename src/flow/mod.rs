//! What to do next. Pure: a state machine each, `on(now, Input) -> Vec<Action>`. No tokio, no rdkafka, no file,
//! no clock, no randomness: `now` is an argument, and the shell does what the actions say.

pub mod io; // the closed sets between flow and shell
pub mod judge; // what the flow asks of the engine
pub mod delta; // what stage 1 tells stage 2
pub mod state; // what the ledger keeps beyond a window
pub mod history; // what windows leave to later ones
pub mod stage; // what differs between the two stages
pub mod task; // the one loop of both: assign, flush, abort, lose, recover
pub mod opening; // a partition on its way to live
pub mod flush; // one short transaction
pub mod inspecting; // how stage 1 is set
pub mod inspector; // stage 1: records -> deltas
pub mod reading; // one partition that it reads: how far, through which contracts
pub mod learned; // what it learned since the last flush, by product and window
pub mod cadence; // how often it flushes
pub mod aside; // copies of bad records, on their way to quarantine
pub mod resume; // stage 1 without a committed offset: where the ledger's chain ends
pub mod ledger; // stage 2: deltas -> events and state
pub mod restoring; // what is read of the state before a partition starts
pub mod book; // one delta partition in the ledger
pub mod memory; // keys of closed windows
pub mod rebuild; // how it comes to know them again
pub mod product; // one product in the ledger: chains, windows, incidents
pub mod lineage; // what catalogs are told
pub mod tell; // what it says of a product: events, and the numbers that move with them
pub mod window; // one window: what its deltas add up to
pub mod chain; // intervals end to end: next, behind, overlap, gap
pub mod marks; // spans of which not all was read
pub mod referred; // topics that it reads for their keys alone
pub mod watermark; // how far a product's time has come
pub mod incident; // a rule that fails, until it holds again
pub mod mutation; // planted bugs, for the simulator to find
