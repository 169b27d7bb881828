//! Samples of topics and trials of contracts that requests ask for, one after the other on a thread of their own: each reads for some
//! seconds, member of no group.

use crate::catalog::experiment::Experiment;
use crate::config::usable::Config;
use crate::kafka::client::Settings;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// Beside the one under way; whoever comes next is told to ask again.
pub const WAITING_MAX: usize = 1;

/// Runs until nobody can ask any more.
pub fn start(settings: Settings, config: Arc<Config>, mut experiments: Receiver<Experiment>) {
    let spawned = std::thread::Builder::new().name("laboratory".into()).spawn(move || {
        while let Some(experiment) = experiments.blocking_recv() {
            experiment.carry_out(&settings, &config);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for samples and trials: requests for them are refused");
    }
}
