//! One catalog that takes OpenLineage events over HTTP: Marquez, DataHub, OpenMetadata.
//!
//! As OpenLineage's own clients send: one event a `POST`, JSON, `Authorization: Bearer` for an API key. Bodies are packed
//! with gzip; a server that refuses the first one so and takes it plain is sent plain ones from then on.

use crate::config::lineage::OpenLineage;
use crate::registry::client::authorization;
use crate::registry::tls;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// What a server may ask us to wait for by `Retry-After`; a longer wish is heard again after it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// What is read of an answer: enough to say why.
const ANSWER_BYTES: u64 = 4_096;

pub struct Catalog {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    packing: Packing,
}

/// Whether the server takes gzip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Unknown,
    Taken,
    Refused,
}

/// What became of one event.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Taken,
    /// It says that this event is wrong, and would say so again.
    Refused(String),
    /// It failed over this event, or over all of them.
    Broke(String),
    /// It is away, busy, or does not let us in. `after`: when it wants to be asked again.
    Away {
        why: String,
        after: Option<Duration>,
    },
}

impl Catalog {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(url: &str, configured: &OpenLineage) -> Result<Catalog, String> {
        let peer = &configured.peer;
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(peer.request_timeout_ms.max(1) as u64)))
            .http_status_as_error(false)
            .max_redirects(0) // our key goes where it was configured to go, and nowhere else
            .tls_config(tls::config(peer.section, peer.ca.as_deref(), peer.certificate.as_ref())?)
            .user_agent(concat!("mesh-steward/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Catalog {
            agent: config.into(),
            url: format!("{url}/{}", configured.endpoint),
            authorization: authorization(&peer.login),
            packing: Packing::Unknown,
        })
    }

    /// `event`: one OpenLineage event, JSON.
    pub fn send(&mut self, event: &[u8]) -> Answer {
        if self.packing == Packing::Refused {
            return self.post(event, false);
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = match packed.write_all(event).and_then(|()| packed.finish()) {
            Ok(packed) => packed,
            Err(error) => return Answer::Refused(format!("gzip: {error}")),
        };
        match self.post(&packed, true) {
            Answer::Taken => {
                self.packing = Packing::Taken;
                Answer::Taken
            }
            refused @ (Answer::Refused(_) | Answer::Broke(_)) if self.packing == Packing::Unknown => {
                match self.post(event, false) {
                    Answer::Taken => {
                        tracing::info!(url = self.url, "this catalog takes no gzip: events are sent plain");
                        self.packing = Packing::Refused;
                        Answer::Taken
                    }
                    _ => refused,
                }
            }
            answer => answer,
        }
    }

    fn post(&self, body: &[u8], is_packed: bool) -> Answer {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if is_packed {
            request = request.header("Content-Encoding", "gzip");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        match request.send(body) {
            Ok(answer) => self.told(answer),
            Err(error) => {
                let why = format!("{}: {error}; see openlineage.url and openlineage.ssl", self.url);
                Answer::Away { why, after: None }
            }
        }
    }

    fn told(&self, mut answer: Response<ureq::Body>) -> Answer {
        let status = answer.status().as_u16();
        if (200..=299).contains(&status) {
            return Answer::Taken;
        }
        let after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok()).and_then(seconds);
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().unwrap_or_default();
        let said: String =
            String::from_utf8_lossy(&body).lines().next().unwrap_or_default().chars().take(200).collect();
        let why = format!("{}: status {status}: {said}", self.url);
        match status {
            400 | 413 | 415 | 422 => Answer::Refused(why),
            500 => Answer::Broke(why),
            401 | 403 => Answer::Away { why: format!("{why}; see openlineage.bearer.auth.token"), after },
            300..=399 | 404 | 405 => Answer::Away { why: format!("{why}; see openlineage.url and .endpoint"), after },
            _ => Answer::Away { why, after },
        }
    }
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3). A date says nothing here: clocks differ.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
