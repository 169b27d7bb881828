//! Asks the REST API of a service beside Kafka, with the login and the certificates of its section.

use crate::config::peer::Peer;
use crate::registry::client::authorization;
use crate::registry::tls;
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Request, Response};

/// A connector with its configuration and states takes some 4 kB: 4,000 of them.
const ANSWER_BYTES: u64 = 16 * 1024 * 1024;

pub struct Rest {
    agent: Agent,
    section: &'static str,
    authorization: Option<String>,
}

/// What the service said.
#[derive(Debug)]
pub enum Told {
    Json(Value),
    /// 404: it has no such thing, or no such page.
    Missing,
    /// Another 4xx, with what it says; 401 and 403 among them.
    Refused(u16, String),
    /// No answer, or none that can be read.
    Failed(String),
}

impl Rest {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(peer: &Peer) -> Result<Rest, String> {
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(peer.request_timeout_ms.max(1) as u64)))
            .http_status_as_error(false)
            .max_redirects(0) // our login goes where it was configured to go, and nowhere else
            .tls_config(tls::config(peer.section, peer.ca.as_deref(), peer.certificate.as_ref())?)
            .user_agent(concat!("mesh-steward/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Rest { agent: config.into(), section: peer.section, authorization: authorization(&peer.login) })
    }

    pub fn get(&self, url: &str) -> Told {
        let mut request = self.agent.get(url).header("Accept", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.told(url, request.call())
    }

    pub fn post(&self, url: &str, kind: &str, body: &Value) -> Told {
        let mut request = self.agent.post(url).header("Accept", kind).header("Content-Type", kind);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.told(url, request.send(body.to_string()))
    }

    /// Status and body, whatever they are; the error is that there is no answer.
    pub fn ask(&self, method: &str, url: &str, body: Option<&Value>) -> Result<(u16, String), String> {
        let mut request = Request::builder().method(method).uri(url).header("Accept", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let request = request.header("Content-Type", "application/json");
        let request = request.body(body.map(Value::to_string).unwrap_or_default());
        let request = request.map_err(|e| format!("{url}: {e}"))?;
        let section = self.section;
        let mut answer =
            self.agent.run(request).map_err(|e| format!("{url}: {e}; see {section}.url and {section}.ssl"))?;
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        let body = body.map_err(|e| format!("{url}: the answer cannot be read: {e}"))?;
        Ok((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }

    fn told(&self, url: &str, answer: Result<Response<ureq::Body>, ureq::Error>) -> Told {
        let section = self.section;
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(e) => return Told::Failed(format!("{url}: {e}; see {section}.url and {section}.ssl")),
        };
        let status = answer.status().as_u16();
        let body = match answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec() {
            Ok(body) => body,
            Err(e) => return Told::Failed(format!("{url}: the answer cannot be read: {e}")),
        };
        match status {
            200..=299 => match serde_json::from_slice(&body) {
                Ok(json) => Told::Json(json),
                Err(e) => Told::Failed(format!("{url}: the answer is no JSON: {e}; see {section}.url")),
            },
            404 => Told::Missing,
            401 | 403 => {
                let remedy = format!("see {section}.basic.auth.user.info and {section}.bearer.auth.token");
                Told::Refused(status, format!("{url}: refused with status {status}: {}; {remedy}", said(&body)))
            }
            // 409: Connect says so while its workers rebalance. 429: another time.
            400..=499 if status != 409 && status != 429 => {
                Told::Refused(status, format!("{url}: answered with status {status}: {}", said(&body)))
            }
            _ => Told::Failed(format!("{url}: answered with status {status}: {}", said(&body))),
        }
    }
}

/// What an error's body says, in one short line.
fn said(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = json["message"].as_str().map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
