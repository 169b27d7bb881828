//! The REST of a running worker, as commands ask it.

use crate::printable::printable;
use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use std::time::Duration;
use ureq::http::{Request, Uri};

/// A change waits for a transaction, 30 s at most; questions are answered from memory.
const LONGEST: Duration = Duration::from_secs(40);
/// A product's status is some 10 kB: 5,000 products.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Which worker, and who asks.
#[derive(Debug, clap::Args)]
pub struct Worker {
    /// A worker's REST (`http.listen`); any one answers for all
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8083")]
    pub url: String,
    /// A bearer token, where the worker asks for a login; by default what STEWARD_TOKEN holds
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
}

/// What was answered; `value` is the text where it is no JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    /// Where the next page of a list is.
    pub next: Option<String>,
    pub text: String,
    pub value: Value,
}

/// Beside method and path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'s> {
    pub body: &'s str,
    pub headers: &'s [(&'static str, &'s str)],
}

impl Worker {
    /// What there is at a path; an error says why not.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let answer = self.call("GET", path, Sent::default())?;
        match answer.status {
            ..400 => Ok(answer),
            _ => bail!("{}", answer.refusal()),
        }
    }

    /// All pages of a list as one: an array, or an object whose members the pages share out.
    pub fn all(&self, path: &str) -> anyhow::Result<Value> {
        let mut answer = self.get(path)?;
        let mut whole = std::mem::take(&mut answer.value);
        while let Some(next) = answer.next.take() {
            answer = self.get(&next)?;
            joined(&mut whole, std::mem::take(&mut answer.value));
        }
        Ok(whole)
    }

    /// Whatever it answers; an error is that it does not.
    pub fn call(&self, method: &str, path: &str, sent: Sent<'_>) -> anyhow::Result<Answer> {
        let config = ureq::Agent::config_builder().timeout_global(Some(LONGEST)).http_status_as_error(false);
        let config = config.user_agent(concat!("steward/", env!("CARGO_PKG_VERSION"))).allow_non_standard_methods(true);
        let agent: ureq::Agent = config.build().into();
        let url = self.url.trim_end_matches('/');
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: Uri = format!("{url}{path}").parse().with_context(|| format!("--url {} is no address", self.url))?;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in sent.headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = self.token.clone().or_else(|| std::env::var("STEWARD_TOKEN").ok()) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(sent.body.to_owned())?;
        let mut answer = agent
            .run(request)
            .map_err(|error| anyhow!("{url} does not answer: {error}; start a worker, or give another with --url"))?;
        let status = answer.status().as_u16();
        let etag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let next = answer.headers().get("link").and_then(|link| next(link.to_str().ok()?));
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_string();
        let text = text.with_context(|| format!("{url}{path} breaks off"))?;
        let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
        Ok(Answer { status, etag, next, text, value })
    }
}

/// The path of the next page in a header `Link` (RFC 8288), as workers write it.
pub fn next(link: &str) -> Option<String> {
    let (place, relation) = link.strip_prefix('<')?.split_once('>')?;
    (relation.contains("rel=\"next\"") && place.starts_with('/')).then(|| place.to_owned())
}

/// The next page behind those before.
pub fn joined(whole: &mut Value, page: Value) {
    match (whole, page) {
        (Value::Array(whole), Value::Array(page)) => whole.extend(page),
        (Value::Object(whole), Value::Object(page)) => whole.extend(page),
        _ => {}
    }
}

impl Answer {
    /// What a refusal says, with all that is wrong.
    pub fn refusal(&self) -> String {
        let message = self.value["message"].as_str();
        let message = message.map_or_else(
            || format!("it answers {}; is it a worker of a steward?", self.status),
            |message| printable(message).into_owned(),
        );
        let problem = |problem: &Value| {
            let text = |key: &str| printable(problem[key].as_str().unwrap_or_default());
            let line = problem["line"].as_u64().map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("\n  {line}{}: {} ({}); {}", text("severity"), text("message"), text("path"), text("remedy"))
        };
        let problems = self.value["problems"].as_array().into_iter().flatten().map(problem).collect::<String>();
        format!("{message}{problems}")
    }
}

/// As a part of a URL takes it (RFC 3986).
pub fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_says_all_that_is_wrong() {
        let answer = |status, value: Value| Answer { status, etag: None, next: None, text: String::new(), value };
        let problems = json!([{"severity": "error", "line": 14, "path": "/schema/0", "message": "no such key", "remedy": "remove it"}]);
        assert_eq!(
            answer(422, json!({"message": "nothing was published", "problems": problems})).refusal(),
            "nothing was published\n  line 14: error: no such key (/schema/0); remove it"
        );
        assert_eq!(answer(502, Value::Null).refusal(), "it answers 502; is it a worker of a steward?");
        assert_eq!(escaped("a b/ü"), "a%20b%2F%C3%BC");
        assert_eq!(next("</products?after=a/b>; rel=\"next\"").as_deref(), Some("/products?after=a/b"));
        assert_eq!(next("<https://elsewhere/>; rel=\"next\""), None, "a token goes to no other host");
        assert_eq!(next("</products>; rel=\"prev\""), None);
    }
}
