//! What is read again while the worker runs: the configuration's file and the certificates that it names, when they change
//! and when an operator asks.
//!
//! They are looked at every round, as contracts are: a watch of the kernel's would not hear what a network or an overlay
//! file system changes, and would need looks beside it. A change counts when two looks with half a second between them saw the same.

use crate::catalog::folder::{self, Listing};
use crate::config::change::{self, Change};
use crate::config::error::{ConfigError, ConfigErrors};
use crate::config::usable::Config;
use crate::flow::io::Ms;
use crate::http::access::Rules;
use crate::registry::client::Client;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A certificate or key of more than this is none.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A file that has been the same for so long is written.
const SETTLES_MS: Ms = 500;

pub struct Reload {
    /// What is in force.
    running: Arc<Config>,
    /// What the last look saw, and since when; it is taken when a later one sees the same.
    seen: (Listing, Ms),
    /// What was read last, whether or not it was good.
    taken: Listing,
    /// What the certificates in force say.
    prints: BTreeMap<PathBuf, Print>,
}

/// Tells one content of a file from another; `None`: it could not be read.
type Print = Option<[u8; 32]>;

/// What a good reload changes, made ready: nothing of it can fail any more.
pub struct Ready {
    pub change: Change,
    /// Kafka's clients are to be made anew.
    pub clients: bool,
    /// For the registry's two threads, where theirs are to be made anew.
    pub registry: Option<(Client, Client)>,
    /// For HTTP, where who is let in, or by which certificate, changes.
    pub rules: Option<Rules>,
    prints: BTreeMap<PathBuf, Print>,
}

impl Reload {
    pub fn of(running: Arc<Config>) -> Reload {
        let (seen, prints) = (listing(&running), prints(&running));
        Reload { running, taken: seen.clone(), seen: (seen, 0), prints }
    }

    /// What a file that changed asks for; `None`: none has.
    pub fn look(&mut self, now: Ms) -> Option<Result<Ready, Vec<String>>> {
        let found = listing(&self.running);
        if found != self.seen.0 {
            self.seen = (found, now);
            return None;
        }
        let changed = now - self.seen.1 >= SETTLES_MS && found != self.taken;
        changed.then(|| self.read())
    }

    /// What the files ask for at this moment; else all that is wrong with them, each with its place and remedy.
    pub fn read(&mut self) -> Result<Ready, Vec<String>> {
        // A file that is refused is not read again until it changes.
        self.taken = listing(&self.running);
        let fresh = Config::load(&self.running.file).map_err(|errors| lines(&errors))?;
        let mut change = change::between(&self.running, fresh);
        let prints = prints(&change.config);
        for (path, key) in change::files(&change.config) {
            if self.prints.contains_key(&path) && self.prints.get(&path) != prints.get(&path) {
                change.live.insert(key);
            }
        }
        let registry = match &change.config.registry {
            registry if !registry.urls.is_empty() && change.live.iter().any(|key| change::is_of_registry(key)) => {
                let client = || Client::new(registry).map_err(|why| vec![why]);
                Some((client()?, client()?))
            }
            _ => None,
        };
        let clients = change.live.iter().any(|key| change::is_of_clients(key));
        let door = change.live.iter().any(|key| change::is_of_door(key));
        let rules = if door { Some(Rules::of(&change.config.http).map_err(|why| vec![why])?) } else { None };
        Ok(Ready { change, clients, registry, rules, prints })
    }

    /// It is in force.
    pub fn took(&mut self, ready: &Ready) {
        self.running = Arc::new(ready.change.config.clone());
        self.prints.clone_from(&ready.prints);
        self.taken = listing(&self.running);
        self.seen = (self.taken.clone(), 0);
    }

    pub fn running(&self) -> &Arc<Config> {
        &self.running
    }
}

fn listing(config: &Config) -> Listing {
    let mut paths = vec![config.file.clone()];
    paths.extend(change::files(config).into_keys());
    folder::list(&paths)
}

fn prints(config: &Config) -> BTreeMap<PathBuf, Print> {
    let print = |path: &PathBuf| -> Print {
        let found = std::fs::metadata(path).ok()?;
        let text = (found.is_file() && found.len() <= FILE_BYTES_MAX).then(|| std::fs::read(path).ok())??;
        Some(Sha256::digest(&text).into())
    };
    change::files(config).into_keys().map(|path| (path.clone(), print(&path))).collect()
}

/// Each fault in a line: `steward.yaml:3: log.level: loud is none of …; write one of …`.
fn lines(errors: &ConfigErrors) -> Vec<String> {
    let line = |ConfigError { key, place, value, problem, remedy, .. }: &ConfigError| {
        let value = value.as_ref().map_or(String::new(), |value| format!("{value} "));
        let key = if key.is_empty() { "the file" } else { key };
        format!("{place}: {key}: {value}{problem}; {remedy}")
    };
    errors.errors.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_file_is_taken_when_it_was_seen_twice_and_a_bad_one_is_refused_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("steward.yaml");
        let write = |yaml: &str| std::fs::write(&file, format!("worker.id: w1\n{yaml}")).unwrap();
        write("log.level: info");
        let mut reload = Reload::of(Arc::new(Config::load(&file).unwrap()));
        assert!(reload.look(1_000).is_none());
        write("log.level: debug\nwindow.size: 2m");
        assert!(reload.look(3_000).is_none(), "it may still be being written");
        assert!(reload.look(3_400).is_none(), "it still may");
        let ready = reload.look(3_500).unwrap().ok().unwrap();
        assert_eq!((ready.change.live.len(), ready.change.waiting.len(), ready.clients), (1, 1, false));
        reload.took(&ready);
        assert_eq!(reload.running().log.level, "debug");
        assert!(reload.look(5_000).is_none());

        write("log.level: loud");
        assert!(reload.look(7_000).is_none());
        let refused = reload.look(9_000).unwrap().err().unwrap();
        assert!(refused.len() == 1 && refused[0].contains("steward.yaml:2: log.level"), "{refused:?}");
        assert!(reload.look(11_000).is_none() && reload.look(13_000).is_none(), "told once");
        assert!(reload.read().is_err(), "and again where it is asked for");
        assert_eq!(reload.running().log.level, "debug");
    }

    #[test]
    fn certificates_are_renewed_when_their_content_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ca) = (folder.path().join("steward.yaml"), folder.path().join("ca.pem"));
        std::fs::write(&file, format!("worker.id: w1\nkafka.ssl.ca.location: {}", ca.display())).unwrap();
        std::fs::write(&ca, "one").unwrap();
        let mut reload = Reload::of(Arc::new(Config::load(&file).unwrap()));
        assert!(!reload.read().ok().unwrap().clients);
        std::fs::write(&ca, "two").unwrap();
        assert!(reload.look(1_000).is_none());
        let ready = reload.look(3_000).unwrap().ok().unwrap();
        assert!(ready.clients && ready.change.live.contains("kafka.ssl.ca.location"), "{:?}", ready.change.live);
        reload.took(&ready);
        assert!(!reload.read().ok().unwrap().clients);
    }
}
