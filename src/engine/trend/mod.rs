//! What windows come to, one after the other: pure, in bounded memory, and decided by the windows alone.

pub mod rolling; // counts of a rolling period
pub mod level; // service levels in windows
pub mod budget; // how much of what may be bad is left
pub mod bins; // a distribution as ten bins
pub mod season; // a number of each window, by hour of the week
pub mod drift; // what records look like against what they have looked like
#[cfg(test)]
pub mod dice; // chance that is alike in every run
pub mod history; // what the windows of one contract leave to later ones
