//! ksqlDB's REST API: `POST /ksql` for what is to be made, described and ended, `GET /status/{id}` for a command that takes its time.

use crate::config::peer::Peer;
use crate::discovery::rest::Rest;
use crate::engine::derived::answer::Standing;
use crate::engine::derived::ksqldb::{self, Job};
use crate::engine::derived::usecase::State;
use crate::worker::derived::Sql;
use serde_json::{Value, json};

pub struct Ksqldb {
    rest: Rest,
    url: String,
}

/// What it did not do: said by the server, or why there is no answer.
enum Trouble {
    Said(String),
    Silent(String),
}

impl Trouble {
    fn words(self) -> String {
        match self {
            Trouble::Said(why) | Trouble::Silent(why) => why,
        }
    }
}

impl Ksqldb {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(peer: &Peer) -> Result<Ksqldb, String> {
        Ok(Ksqldb { rest: Rest::new(peer)?, url: peer.urls.first().cloned().unwrap_or_default() })
    }

    fn ksql(&self, statements: &str) -> Result<Value, Trouble> {
        self.call("POST", "/ksql", Some(&json!({"ksql": statements, "streamsProperties": {}})))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let url = format!("{}{path}", self.url);
        let (status, text) = self.rest.ask(method, &url, body).map_err(Trouble::Silent)?;
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let said = json["message"].as_str().map_or_else(|| text.trim().to_owned(), str::to_owned);
        match status {
            200..=299 if !json.is_null() => Ok(json),
            200..=299 => Err(Trouble::Silent(format!("{url}: the answer is no JSON; see ksqldb.url"))),
            401 | 403 => {
                Err(Trouble::Silent(format!("{url}: refused with status {status}; see ksqldb.basic.auth.user.info")))
            }
            400..=499 => Err(Trouble::Said(said)),
            _ => Err(Trouble::Silent(format!("{url}: answered with status {status}: {said}"))),
        }
    }
}

impl Sql for Ksqldb {
    fn start(&self, _name: &str, statement: &str) -> Result<Vec<String>, String> {
        let whole = format!("{};", statement.trim().trim_end_matches(';'));
        ksqldb::started(&self.ksql(&whole).map_err(Trouble::words)?)
    }

    fn look(&self, job: &str) -> Result<Standing, String> {
        match ksqldb::job(job) {
            Job::Command(id) => match self.call("GET", &ksqldb::place(id), None) {
                Ok(status) => Ok(ksqldb::of_command(&status)),
                Err(why) => Err(why.words()),
            },
            Job::Query(id) => match self.ksql(&format!("EXPLAIN {id};")) {
                Ok(answer) => Ok(ksqldb::of_query(&answer)),
                // Somebody has terminated it.
                Err(Trouble::Said(why)) if why.contains("does not exist") => {
                    Ok(Standing::because(State::Cancelled, why))
                }
                Err(why) => Err(why.words()),
            },
        }
    }

    fn stop(&self, job: &str) -> Result<(), String> {
        match ksqldb::job(job) {
            Job::Query(id) => self.ksql(&format!("TERMINATE {id};")).map(drop).map_err(Trouble::words),
            Job::Command(_) => Err("ksqlDB has not carried it out yet".to_owned()),
        }
    }

    fn found(&self, _name: &str, _since_ms: i64) -> Result<Option<String>, String> {
        Ok(None)
    }
}
