//! An OpenID provider's keys: read from a file or fetched, kept for an hour, and asked for again when a token names one that is not
//! among them. A provider that does not answer leaves those that are known in force.

use crate::config::access::{Jwks, Oidc};
use crate::engine::access::jwt::{self, Expected, Refused};
use crate::engine::access::keys::{self, Key};
use crate::registry::tls;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const KEPT_MS: i64 = 3_600_000;
/// A token that names an unknown key has the provider asked at most so often.
const ASKED_EVERY_MS: i64 = 60_000;
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// A set of 64 keys of RSA with their certificates.
const SET_BYTES_MAX: u64 = 1 << 20;

pub struct Provider {
    source: Source,
    known: Mutex<Known>,
}

enum Source {
    /// What was read of it at the configuration's load.
    File(Oidc, Arc<[Key]>),
    Url(Oidc, String, ureq::Agent),
}

#[derive(Default)]
struct Known {
    keys: Arc<[Key]>,
    fetched_ms: Option<i64>,
    asked_ms: Option<i64>,
}

impl Provider {
    /// A file is read at once; an address when the first token comes.
    pub fn of(oidc: &Oidc) -> Result<Provider, String> {
        let source = match &oidc.jwks {
            Jwks::File(path) => {
                let wrong =
                    |why: String| format!("access.oidc.jwks: {} {why}; give the provider's JWK Set", path.display());
                let text = std::fs::read(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
                Source::File(oidc.clone(), keys::read(&text).map_err(wrong)?.into())
            }
            Jwks::Url(url, ca) => {
                let config = ureq::Agent::config_builder()
                    .timeout_global(Some(ANSWERS_WITHIN))
                    .max_redirects(0) // keys come from where they were configured to come from
                    .tls_config(tls::config("access.oidc", ca.as_deref(), None)?)
                    .user_agent(concat!("mesh-steward/", env!("CARGO_PKG_VERSION")))
                    .build();
                Source::Url(oidc.clone(), url.clone(), config.into())
            }
        };
        Ok(Provider { source, known: Mutex::default() })
    }

    /// Whether what it has fetched is what the other would fetch.
    pub fn is_same(&self, other: &Provider) -> bool {
        match (&self.source, &other.source) {
            (Source::File(own, known), Source::File(oidc, keys)) => own == oidc && known == keys,
            (Source::Url(own, ..), Source::Url(oidc, ..)) => own == oidc,
            _ => false,
        }
    }

    /// The claims of a token that the provider signed for us.
    pub async fn verified(&self, token: &str, expected: &Expected, now: i64) -> Result<Map<String, Value>, Refused> {
        let keys = self.keys(false, now).await;
        match jwt::verified(token, &keys, expected, now) {
            Err(Refused::Key) => jwt::verified(token, &self.keys(true, now).await, expected, now),
            outcome => outcome,
        }
    }

    /// Those that are known; fetched where they are old, or do not `suffice` any more. Whoever comes meanwhile waits for them.
    async fn keys(&self, lacking: bool, now: i64) -> Arc<[Key]> {
        let (url, agent) = match &self.source {
            Source::File(_, keys) => return keys.clone(),
            Source::Url(_, url, agent) => (url, agent),
        };
        let mut known = self.known.lock().await;
        let old = known.fetched_ms.is_none_or(|fetched| now - fetched > KEPT_MS);
        let may_ask = known.asked_ms.is_none_or(|asked| now - asked > ASKED_EVERY_MS);
        if (old || lacking) && may_ask {
            known.asked_ms = Some(now);
            let (agent, from) = (agent.clone(), url.clone());
            match tokio::task::spawn_blocking(move || fetched(&agent, &from)).await {
                Ok(Ok(keys)) => {
                    tracing::info!(url, keys = keys.len(), "the OpenID provider's keys were fetched");
                    (known.keys, known.fetched_ms) = (keys.into(), Some(now));
                }
                Ok(Err(why)) => {
                    tracing::warn!(url, "the OpenID provider's keys: {why}; tokens of unknown keys are refused")
                }
                Err(error) => tracing::error!(%error, "the OpenID provider's keys could not be asked for"),
            }
        }
        known.keys.clone()
    }
}

fn fetched(agent: &ureq::Agent, url: &str) -> Result<Vec<Key>, String> {
    let mut answer = agent.get(url).call().map_err(|e| format!("no answer: {e}"))?;
    if answer.status() != 200 {
        return Err(format!("answered with status {}", answer.status()));
    }
    let text = answer.body_mut().with_config().limit(SET_BYTES_MAX).read_to_vec();
    keys::read(&text.map_err(|e| format!("the answer broke off: {e}"))?)
}
