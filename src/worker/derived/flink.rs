//! Flink's SQL gateway (`/v1`, which every version since Flink 1.16 has): a session of its own for each wish, an operation for each part.
//!
//! Why a job failed that ran is known to the JobManager alone, which is asked where `flink.jobmanager.url` names it.

use crate::config::peer::Peer;
use crate::discovery::rest::Rest;
use crate::engine::derived::answer::Standing;
use crate::engine::derived::flink;
use crate::engine::derived::statement;
use crate::engine::derived::usecase::State;
use crate::worker::derived::Sql;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A job's graph is compiled and its cluster asked within it.
const OPERATION_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);

pub struct Flink {
    rest: Rest,
    url: String,
    jobmanager: Option<String>,
}

struct Session<'f> {
    flink: &'f Flink,
    url: String,
}

impl Flink {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(peer: &Peer, jobmanager: Option<String>) -> Result<Flink, String> {
        Ok(Flink { rest: Rest::new(peer)?, url: peer.urls.first().cloned().unwrap_or_default(), jobmanager })
    }

    fn session(&self) -> Result<Session<'_>, String> {
        let url = format!("{}/v1/sessions", self.url);
        let opened = self.call("POST", &url, Some(&json!({"sessionName": "mesh-steward"})))?;
        let handle = opened["sessionHandle"].as_str().ok_or(format!("{url}: no session is given; see flink.url"))?;
        Ok(Session { flink: self, url: format!("{url}/{handle}") })
    }

    fn call(&self, method: &str, url: &str, body: Option<&Value>) -> Result<Value, String> {
        let (status, text) = self.rest.ask(method, url, body)?;
        match status {
            200..=299 => {
                serde_json::from_str(&text).map_err(|e| format!("{url}: the answer is no JSON: {e}; see flink.url"))
            }
            401 | 403 => Err(format!("{url}: refused with status {status}; see flink.basic.auth.user.info")),
            _ => Err(flink::why(&text)),
        }
    }

    fn jobs(&self) -> Result<Value, String> {
        self.session()?.run("SHOW JOBS")
    }
}

impl Session<'_> {
    /// The first page of what a statement comes to.
    fn run(&self, statement: &str) -> Result<Value, String> {
        let (flink, began) = (self.flink, Instant::now());
        let asked = flink.call("POST", &format!("{}/statements", self.url), Some(&json!({"statement": statement})))?;
        let handle = asked["operationHandle"].as_str().ok_or("the gateway gives no operation")?;
        let operation = format!("{}/operations/{handle}", self.url);
        let result = format!("{operation}/result/0?rowFormat=JSON");
        loop {
            let status = flink.call("GET", &format!("{operation}/status"), None)?;
            match flink::ended(&status) {
                Some(true) => return flink.call("GET", &result, None),
                // The result's error says why.
                Some(false) => {
                    return match flink.call("GET", &result, None) {
                        Ok(_) => Err(format!("the gateway says {}", status["status"].as_str().unwrap_or_default())),
                        Err(why) => Err(why),
                    };
                }
                None if began.elapsed() > OPERATION_WITHIN => {
                    return Err(format!("the gateway was not done within {} s", OPERATION_WITHIN.as_secs()));
                }
                None => std::thread::park_timeout(ASK_EVERY),
            }
        }
    }
}

impl Drop for Session<'_> {
    /// Its jobs go on without it. One that is not closed ends by itself, when nobody has used it for 10 minutes.
    fn drop(&mut self) {
        let _ = self.flink.rest.ask("DELETE", &self.url, None);
    }
}

impl Sql for Flink {
    fn start(&self, name: &str, text: &str) -> Result<Vec<String>, String> {
        let session = self.session()?;
        session.run(&format!("SET 'pipeline.name' = '{}'", name.replace('\'', "''")))?;
        let parts = statement::parts(text)?;
        let mut jobs = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let of = |why: String| format!("part {} of {}: {why}", number + 1, parts.len());
            jobs.extend(flink::job(&session.run(part).map_err(of)?));
        }
        Ok(jobs)
    }

    fn look(&self, job: &str) -> Result<Standing, String> {
        let mut standing = flink::standing(&self.jobs()?, job);
        if standing.state == State::Failed && standing.message.is_none() {
            let told =
                self.jobmanager.as_ref().map(|url| self.call("GET", &format!("{url}/jobs/{job}/exceptions"), None));
            standing.message = Some(match told {
                None => "the gateway does not say why; set flink.jobmanager.url".to_owned(),
                Some(Ok(told)) => flink::why_failed(&told).unwrap_or("the JobManager does not say why".to_owned()),
                Some(Err(why)) => format!("the JobManager does not say why: {why}"),
            });
        }
        Ok(standing)
    }

    fn stop(&self, job: &str) -> Result<(), String> {
        self.session()?.run(&format!("STOP JOB '{job}'")).map(drop)
    }

    fn found(&self, name: &str, since_ms: i64) -> Result<Option<String>, String> {
        Ok(flink::named(&self.jobs()?, name, since_ms))
    }
}
