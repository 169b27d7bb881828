//! Passwords: checked a few at a time, for each check takes 20 ms of a core and 19 MiB; and those that were good, for a while, so that a
//! scrape each 15 s does not pay for it.

use crate::engine::access::logins::Logins;
use crate::engine::access::standing::Actor;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// At once: 2 × 64 MiB at most.
const CHECKS_AT_ONCE: usize = 2;
/// How long one that was good is known.
const KNOWN_MS: i64 = 300_000;
/// Two hundred bytes each.
const KNOWN_MAX: usize = 256;

pub struct Passwords {
    checks: Semaphore,
    /// Of this process alone: what is known is of no use to whoever reads its memory later.
    key: [u8; 32],
    /// By the keyed hash of name and password: who it is, until when.
    known: Mutex<BTreeMap<[u8; 32], (Actor, i64)>>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        let mut key = [0; 32];
        // Without randomness nothing is known, and each password is checked.
        let _ = SystemRandom::new().fill(&mut key);
        Passwords { checks: Semaphore::new(CHECKS_AT_ONCE), key, known: Mutex::default() }
    }
}

impl Passwords {
    /// Whose they are, if they were good a little while ago.
    pub fn known(&self, name: &str, password: &str, now: i64) -> Option<Actor> {
        let known = self.lock();
        known.get(&self.hash(name, password)).filter(|(_, until)| now < *until).map(|(actor, _)| actor.clone())
    }

    /// Whose they are; waits for those that are checked before.
    pub async fn checked(&self, logins: &Logins, name: &str, password: &str, now: i64) -> Option<Actor> {
        // The semaphore is never closed.
        let _turn = self.checks.acquire().await.ok()?;
        let asked = (logins.clone(), name.to_owned(), password.to_owned());
        let check = move || asked.0.of_password(&asked.1, &asked.2, now);
        let actor = tokio::task::spawn_blocking(check).await.ok()??;
        if self.key != [0; 32] {
            let mut known = self.lock();
            known.retain(|_, (_, until)| now < *until);
            while known.len() >= KNOWN_MAX {
                known.pop_first();
            }
            known.insert(self.hash(name, password), (actor.clone(), now + KNOWN_MS));
        }
        Some(actor)
    }

    /// Logins may have changed.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn hash(&self, name: &str, password: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(name.as_bytes());
        // No name holds it.
        hash.update(b":");
        hash.update(password.as_bytes());
        hash.finalize().into()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], (Actor, i64)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
