//! What a worker is asked: `GET /products?expand=status` and `GET /workers`. Where it leads to another one (307), that one is asked.

use crate::cli::rest;
use crate::table::Row;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A worker answers from its memory; what takes longer is lost.
pub const LONGEST: Duration = Duration::from_secs(5);
/// A product's status is some 10 kB: 5,000 products.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;

pub struct Asker {
    agent: ureq::Agent,
    url: String,
    /// `Bearer TOKEN`, where the environment has one.
    authorization: Option<String>,
}

/// How the mesh stands, as one worker said it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub rows: Vec<Row>,
    /// Statuses by product.
    pub statuses: BTreeMap<String, Value>,
    pub workers: Vec<Worker>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    pub id: String,
    /// It was heard of late.
    pub alive: bool,
    pub ready: bool,
    /// Why it is not.
    pub reasons: Vec<String>,
    pub tasks: usize,
    /// Of the tasks, those that run.
    pub running: usize,
}

impl Asker {
    pub fn new(url: &str) -> Asker {
        let config = ureq::Agent::config_builder().timeout_global(Some(LONGEST)).http_status_as_error(false);
        let url = url.trim_end_matches('/');
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let agent = config.user_agent(concat!("steward-top/", env!("CARGO_PKG_VERSION"))).build().into();
        let authorization = std::env::var("STEWARD_TOKEN").ok().map(|token| format!("Bearer {}", token.trim()));
        Asker { agent, url, authorization }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The error says what is wrong, and what to do.
    pub fn ask(&self) -> Result<Told, String> {
        let products = self.all("/products?expand=status")?;
        let workers = self.all("/workers")?;
        let (Some(products), Some(workers)) = (products.as_object(), workers.as_array()) else {
            return Err(format!("{} is no worker of a steward; give the address in http.listen of one", self.url));
        };
        let statuses: BTreeMap<String, Value> =
            products.iter().map(|(product, expanded)| (product.clone(), expanded["status"].clone())).collect();
        let rows = statuses.iter().map(|(product, status)| Row::of(product, status)).collect();
        Ok(Told { rows, statuses, workers: workers.iter().map(worker).collect() })
    }

    /// All pages of a list as one.
    fn all(&self, path: &str) -> Result<Value, String> {
        let (mut whole, mut next) = self.get(path)?;
        while let Some(path) = next {
            let (page, behind) = self.get(&path)?;
            rest::joined(&mut whole, page);
            next = behind;
        }
        Ok(whole)
    }

    /// What is there, and where the next page of it is.
    fn get(&self, path: &str) -> Result<(Value, Option<String>), String> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = match request.call() {
            Ok(answer) => answer,
            Err(error) => {
                return Err(format!(
                    "{} does not answer: {error}; start a worker, or give another with --url",
                    self.url
                ));
            }
        };
        let status = answer.status();
        let next = answer.headers().get("link").and_then(|link| rest::next(link.to_str().ok()?));
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_string();
        let body = body.map_err(|error| format!("{}{path} breaks off: {error}", self.url))?;
        let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        match (status.is_success(), value["message"].as_str()) {
            (true, _) => Ok((value, next)),
            (false, Some(_)) if status == 401 => Err(format!(
                "{}{path} asks who you are: set STEWARD_TOKEN to a token of yours (steward token --help)",
                self.url
            )),
            (false, Some(message)) => Err(format!("{}{path} refuses: {message}", self.url)),
            (false, None) => Err(format!(
                "{}{path} answers {status}; is it a worker of a steward? Give the address in http.listen of one",
                self.url
            )),
        }
    }
}

impl Told {
    /// How many there are, and how many do their part.
    pub fn workers_line(&self) -> String {
        let ready = self.workers.iter().filter(|worker| worker.ready).count();
        let (tasks, running) = self.workers.iter().fold((0, 0), |(t, r), w| (t + w.tasks, r + w.running));
        format!("workers: {ready} of {} ready; tasks: {running} of {tasks} running", self.workers.len())
    }

    /// A line for each worker that does not do its part.
    pub fn complaints(&self) -> Vec<String> {
        let not_ready = self.workers.iter().filter(|worker| !worker.ready);
        let complaint = |worker: &Worker| match (worker.alive, worker.reasons.first()) {
            (false, _) => format!("worker {} is not heard any more", worker.id),
            (true, Some(reason)) => format!("worker {} is not ready: {reason}", worker.id),
            (true, None) => format!("worker {} is not ready", worker.id),
        };
        not_ready.map(complaint).collect()
    }
}

fn worker(value: &Value) -> Worker {
    let list = |key: &str| value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let alive = value["state"] == "RUNNING";
    Worker {
        id: value["worker_id"].as_str().unwrap_or_default().to_owned(),
        alive,
        ready: value["ready"] == true,
        reasons: list("reasons").iter().filter_map(|reason| Some(reason.as_str()?.to_owned())).collect(),
        tasks: list("tasks").len(),
        running: if alive { list("tasks").iter().filter(|task| task["state"] == "RUNNING").count() } else { 0 },
    }
}
