//! Samples of topics and trials of contracts that requests ask for, one after the other on a thread of their own: each reads for some
//! seconds, member of no group.

use crate::catalog::experiment::Experiment;
use crate::config::usable::Config;
use crate::kafka::client::Settings;
use crate::worker::current::Current;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// Beside the one under way; whoever comes next is told to ask again.
pub const WAITING_MAX: usize = 1;

/// Runs until nobody can ask any more; each experiment with what is in force when it begins.
pub fn start(of: Current<(Settings, Arc<Config>)>, mut experiments: Receiver<Experiment>) {
    let spawned = std::thread::Builder::new().name("laboratory".into()).spawn(move || {
        while let Some(experiment) = experiments.blocking_recv() {
            let (settings, config) = &*of.get();
            experiment.carry_out(settings, config);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for samples and trials: requests for them are refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::experiment::Extent;
    use crate::config::usable::Config;
    use crate::worker::clients;
    use std::collections::BTreeMap;
    use std::net::TcpListener;
    use std::sync::mpsc::channel;
    use std::time::Duration;
    use tokio::sync::{mpsc, oneshot};

    /// A broker's port that says whether somebody came, and never answers.
    fn port() -> (String, std::sync::mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (came, told) = channel();
        std::thread::spawn(move || listener.incoming().all(|_| came.send(()).is_ok()));
        (address, told)
    }

    #[test]
    fn an_experiment_after_a_reload_goes_where_the_reload_says() {
        let folder = tempfile::tempdir().unwrap();
        let of = |address: &str| {
            let file = folder.path().join("steward.yaml");
            std::fs::write(&file, format!("worker.id: w\nkafka.bootstrap.servers: {address}\n")).unwrap();
            let config = Arc::new(Config::load_with(&file, &BTreeMap::new()).unwrap());
            (clients::settings(&config), config)
        };
        let ((before, first), (after, second)) = (port(), port());
        let current = Current::new(of(&before));
        let (experiments, waiting) = mpsc::channel(WAITING_MAX);
        start(current.clone(), waiting);
        let (topic, records, time) = ("t".to_owned(), 1, Duration::from_secs(1));
        let ask = || {
            let extent = Extent { topic: topic.clone(), from: None, records, time };
            let (done, answer) = oneshot::channel();
            experiments.blocking_send(Experiment::Infer { extent, domain: None, name: None, done }).unwrap();
            answer
        };
        let one = ask();
        first.recv_timeout(Duration::from_secs(20)).expect("the first experiment asks the first broker");
        current.set(of(&after));
        let other = ask();
        second.recv_timeout(Duration::from_secs(60)).expect("the next one asks the broker of after the reload");
        drop((one, other));
    }
}
