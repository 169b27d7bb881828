//! Answers of ksqlDB's `/ksql` and `/status`, read leniently (the statements and shapes of its REST reference).
//!
//! A statement that makes something answers `currentStatus` with a command's id and status; one that makes a persistent query names the
//! query there, or in the message (`Created query with ID CSAS_BIG_0`). What is not known yet is a command, `command:stream/BIG/create`.

use crate::engine::derived::answer::Standing;
use crate::engine::derived::usecase::State;
use serde_json::Value;

const COMMAND: &str = "command:";

/// What a job is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job<'j> {
    /// `GET /status/{id}`.
    Command(&'j str),
    /// `EXPLAIN {id};`.
    Query(&'j str),
}

pub fn job(id: &str) -> Job<'_> {
    id.strip_prefix(COMMAND).map_or(Job::Query(id), Job::Command)
}

/// Where a command is asked about; its id has quotes of names in it.
pub fn place(command: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let part = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    command.bytes().fold("/status/".to_owned(), |place, b| place + &part(b))
}

/// The jobs of an answer to a use case's statements; the error is what the server said of one that it could not carry out.
pub fn started(answer: &Value) -> Result<Vec<String>, String> {
    let mut jobs = Vec::new();
    for result in answer.as_array().into_iter().flatten() {
        let status = &result["commandStatus"];
        match status["status"].as_str() {
            Some("ERROR") => return Err(message(status).unwrap_or_else(|| "ksqlDB says ERROR".to_owned())),
            Some("SUCCESS") => jobs.extend(query(status)),
            // It was not done in time, and is: its command says what becomes of it.
            Some(_) => jobs.extend(result["commandId"].as_str().map(|id| format!("{COMMAND}{id}"))),
            None => {}
        }
    }
    Ok(jobs)
}

/// How a command stands by `GET /status/{id}`.
pub fn of_command(status: &Value) -> Standing {
    match status["status"].as_str() {
        Some("SUCCESS") => Standing { jobs: query(status).into_iter().collect(), ..Standing::of(State::Running) },
        Some("ERROR") => Standing { message: message(status), ..Standing::of(State::Failed) },
        Some("TERMINATED") => Standing::of(State::Cancelled),
        other => Standing::because(State::Running, format!("ksqlDB says {}", other.unwrap_or("nothing"))),
    }
}

/// How a persistent query stands by `EXPLAIN`.
pub fn of_query(answer: &Value) -> Standing {
    let described = answer.as_array().into_iter().flatten().map(|result| &result["queryDescription"]);
    let Some(query) = described.into_iter().find(|query| query.is_object()) else {
        return Standing::because(State::Running, "ksqlDB does not describe the query");
    };
    let errors = query["queryErrors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let newest = errors.last().and_then(|error| error["errorMessage"].as_str()).map(str::to_owned);
    match query["state"].as_str() {
        Some("ERROR") => {
            Standing { message: newest.or(Some("ksqlDB says ERROR".into())), ..Standing::of(State::Failed) }
        }
        Some("RUNNING") => Standing::of(State::Running),
        other => Standing::because(State::Running, format!("ksqlDB says {}", other.unwrap_or("nothing"))),
    }
}

fn query(status: &Value) -> Option<String> {
    let told = status["queryId"].as_str().map(str::to_owned);
    told.or_else(|| Some(message(status)?.split_once("query with ID ")?.1.trim().trim_end_matches('.').to_owned()))
}

fn message(status: &Value) -> Option<String> {
    status["message"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn created(status: Value) -> Value {
        json!([{"@type": "currentStatus", "statementText": "CREATE STREAM BIG AS …", "commandId": "stream/`BIG`/create",
            "commandStatus": status, "commandSequenceNumber": 2, "warnings": []}])
    }

    #[test]
    fn a_query_is_named_where_the_server_names_it() {
        let check = |status: Value, expected: Result<&[&str], &str>| {
            let expected =
                expected.map(|jobs| jobs.iter().map(|job| (*job).to_owned()).collect()).map_err(str::to_owned);
            assert_eq!(started(&created(status.clone())), expected, "{status}");
        };
        check(json!({"status": "SUCCESS", "message": "x", "queryId": "CSAS_BIG_0"}), Ok(&["CSAS_BIG_0"]));
        check(json!({"status": "SUCCESS", "message": "Created query with ID CSAS_BIG_0"}), Ok(&["CSAS_BIG_0"]));
        check(json!({"status": "SUCCESS", "message": "Stream created"}), Ok(&[]));
        check(json!({"status": "EXECUTING", "message": "…"}), Ok(&["command:stream/`BIG`/create"]));
        check(json!({"status": "ERROR", "message": "no topic"}), Err("no topic"));
        assert_eq!(job("command:stream/`BIG`/create"), Job::Command("stream/`BIG`/create"));
        assert_eq!(job("CSAS_BIG_0"), Job::Query("CSAS_BIG_0"));
        assert_eq!(place("stream/`BIG é`/create"), "/status/stream/%60BIG%20%C3%A9%60/create");
    }

    #[test]
    fn commands_and_queries_stand_as_the_server_says() {
        let told = |standing: Standing| (standing.state, standing.message.unwrap_or_default(), standing.jobs.join(" "));
        let command = |status: &str, message: &str| told(of_command(&json!({"status": status, "message": message})));
        let texts = |state, message: &str, jobs: &str| (state, message.to_owned(), jobs.to_owned());
        assert_eq!(command("SUCCESS", "Created query with ID CTAS_T_1"), texts(State::Running, "", "CTAS_T_1"));
        assert_eq!(command("ERROR", "bad"), texts(State::Failed, "bad", ""));
        assert_eq!(command("QUEUED", ""), texts(State::Running, "ksqlDB says QUEUED", ""));
        assert_eq!(command("TERMINATED", ""), texts(State::Cancelled, "", ""));
        let query = |more: Value| told(of_query(&json!([{"@type": "queryDescription", "queryDescription": more}])));
        assert_eq!(query(json!({"id": "Q", "state": "RUNNING"})), texts(State::Running, "", ""));
        assert_eq!(query(json!({"state": "PAUSED"})), texts(State::Running, "ksqlDB says PAUSED", ""));
        let error =
            json!({"state": "ERROR", "queryErrors": [{"errorMessage": "old"}, {"errorMessage": "no such field"}]});
        assert_eq!(query(error), texts(State::Failed, "no such field", ""));
        assert_eq!(told(of_query(&json!([]))).0, State::Running);
    }
}
