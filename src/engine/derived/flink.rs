//! Answers of Flink's SQL gateway (REST v1 to v4) and of the JobManager's REST, read leniently.
//!
//! An operation's status is a word; its result holds rows as `{"kind": "INSERT", "fields": […]}`, and of a job its `jobID`. An error
//! is a Java stack in `errors`.

use crate::engine::derived::answer::Standing;
use crate::engine::derived::usecase::State;
use serde_json::Value;

/// Of an error, the innermost causes.
const CAUSES: usize = 2;

/// What became of an operation: `None`: it goes on; else whether it is well.
pub fn ended(status: &Value) -> Option<bool> {
    match status["status"].as_str() {
        Some("INITIALIZED" | "PENDING" | "RUNNING") => None,
        Some("FINISHED") => Some(true),
        _ => Some(false),
    }
}

/// The job that a result names.
pub fn job(result: &Value) -> Option<String> {
    let row = || result.pointer("/results/data/0/fields/0");
    let id = result["jobID"].as_str().or_else(|| row().and_then(Value::as_str))?;
    let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

/// How a job stands by `SHOW JOBS`; the words of the state, where they say more.
pub fn standing(jobs: &Value, id: &str) -> Standing {
    let rows = jobs.pointer("/results/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().map(|row| &row["fields"]).find(|fields| fields[0] == id);
    let Some(word) = row.and_then(|row| row[2].as_str()) else {
        return Standing::because(
            State::Failed,
            format!("Flink knows no job {id} any more: its cluster has started anew"),
        );
    };
    match word {
        "FINISHED" => Standing::of(State::Finished),
        "FAILED" => Standing::of(State::Failed),
        "CANCELED" => Standing::of(State::Cancelled),
        "RUNNING" => Standing::of(State::Running),
        other => Standing::because(State::Running, format!("Flink says {other}")),
    }
}

/// The id of the newest job of this name that began at or after a time (RFC 3339, as `SHOW JOBS` gives it).
pub fn named(jobs: &Value, name: &str, since_ms: i64) -> Option<String> {
    let rows = jobs.pointer("/results/data").and_then(Value::as_array)?;
    let of = |row: &Value| {
        let fields = &row["fields"];
        let began = fields[3].as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        (fields[1] == name && began >= since_ms).then(|| Some((began, fields[0].as_str()?.to_owned())))?
    };
    rows.iter().filter_map(of).max().map(|(_, id)| id)
}

/// Why a job failed, by `/jobs/{id}/exceptions` of the JobManager.
pub fn why_failed(exceptions: &Value) -> Option<String> {
    let newest = exceptions.pointer("/exceptionHistory/entries/0/stacktrace").and_then(Value::as_str);
    newest.or(exceptions["root-exception"].as_str()).map(causes).filter(|text| !text.is_empty())
}

/// What an error's body says: the innermost causes of the stack that it holds.
pub fn why(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
    let stack = texts.iter().find(|text| text.contains("Caused by: ")).or(texts.last()).copied().unwrap_or(body);
    causes(stack)
}

fn causes(stack: &str) -> String {
    let plain = |line: &str| {
        let line = line.trim().trim_start_matches('<').trim_start_matches("Caused by: ");
        // `org.apache.flink.table.api.ValidationException: text`.
        match line.split_once(": ") {
            Some((class, text)) if !class.contains(' ') && class.contains('.') => text.to_owned(),
            _ => line.to_owned(),
        }
    };
    let mut causes: Vec<String> = stack.lines().filter(|line| line.starts_with("Caused by: ")).map(plain).collect();
    if causes.is_empty() {
        causes = stack.lines().find(|line| !line.trim().is_empty()).map(plain).into_iter().collect();
    }
    causes.dedup();
    let begin = causes.len().saturating_sub(CAUSES);
    causes[begin..].join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn jobs() -> Value {
        let row =
            |id: &str, name: &str, state: &str, at: &str| json!({"kind": "INSERT", "fields": [id, name, state, at]});
        json!({"resultType": "PAYLOAD", "results": {"data": [
            row("4d5a", "shop/big", "FAILED", "2026-11-29T12:15:03.919Z"),
            row("f059", "shop/big", "RUNNING", "2026-11-29T12:15:01.164Z"),
            row("77aa", "other", "RESTARTING", "2026-11-29T12:15:04Z"),
        ]}})
    }

    #[test]
    fn a_job_stands_as_flink_lists_it() {
        let check = |id: &str, state: State, message: Option<&str>| {
            let found = standing(&jobs(), id);
            assert_eq!(found.state, state, "{id}");
            assert_eq!(found.message.is_some(), message.is_some(), "{found:?}");
            assert!(message.is_none_or(|words| found.message.unwrap().contains(words)), "{id}");
        };
        check("f059", State::Running, None);
        check("4d5a", State::Failed, None);
        check("77aa", State::Running, Some("RESTARTING"));
        check("none", State::Failed, Some("knows no job none"));
        let since = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let found = |name: &str, at: &str| named(&jobs(), name, since(at));
        assert_eq!(found("shop/big", "2026-11-29T12:15:00Z").as_deref(), Some("4d5a"), "the newest");
        assert_eq!(found("shop/big", "2026-11-29T12:16:00Z"), None);
        assert_eq!(found("none", "2026-11-29T12:15:00Z"), None);
    }

    #[test]
    fn a_job_and_the_end_of_an_operation_are_read() {
        let id = "f059a0cfdec2b3542f7234193b10886c";
        assert_eq!(job(&json!({"jobID": id})).as_deref(), Some(id));
        assert_eq!(job(&json!({"results": {"data": [{"kind": "INSERT", "fields": [id]}]}})).as_deref(), Some(id));
        assert_eq!(job(&json!({"results": {"data": [{"kind": "INSERT", "fields": ["OK"]}]}})), None);
        for (word, expected) in
            [("RUNNING", None), ("PENDING", None), ("FINISHED", Some(true)), ("ERROR", Some(false)), ("?", Some(false))]
        {
            assert_eq!(ended(&json!({"status": word})), expected, "{word}");
        }
    }

    #[test]
    fn of_a_stack_the_innermost_causes_are_told() {
        let stack = "<Exception on server side:\norg.a.SqlGatewayException: Failed\n\tat org.x(Y.java:1)\n\
                     Caused by: org.apache.flink.table.api.ValidationException: SQL validation failed. Object 'a' not found\n\t... 18 more\n\
                     Caused by: org.apache.calcite.SqlValidatorException: Object 'a' not found\n\t... 37 more\n";
        let body = json!({"errors": ["Internal server error.", stack]}).to_string();
        assert_eq!(why(&body), "SQL validation failed. Object 'a' not found: Object 'a' not found");
        assert_eq!(why("{\"errors\": [\"Session '1' does not exist.\"]}"), "Session '1' does not exist.");
        assert_eq!(why("no JSON"), "no JSON");
        let history = json!({"exceptionHistory": {"entries": [{"stacktrace": "java.lang.ArithmeticException: / by zero\n\tat x"}]}});
        assert_eq!(why_failed(&history).as_deref(), Some("/ by zero"));
        assert_eq!(why_failed(&json!({"exceptionHistory": {"entries": []}})), None);
    }
}
