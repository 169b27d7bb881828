//! Asks a registry that speaks Confluent's API for one schema, with everything that it refers to.
//!
//! `GET /schemas/ids/{id}`, `GET /schemas/guids/{guid}`, and for references `GET /subjects/{subject}/versions/{version}`.

use crate::config::peer::Login;
use crate::config::registry::Registry;
use crate::engine::decode::schema::SchemaRef;
use crate::registry::tls;
use base64::Engine;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::time::Duration;
use ureq::Agent;

/// A schema of 5,000 fields with a line of documentation each is half a megabyte.
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;
/// A schema and all it refers to, together: what a parser may be given.
const SCHEMA_BYTES: usize = 8 * 1024 * 1024;
/// References of one schema, those of references among them.
const REFERENCES: usize = 200;

pub struct Client {
    agent: Agent,
    urls: Vec<String>,
    /// The address that answered last; it is asked first.
    first: usize,
    authorization: Option<String>,
}

/// What the registry said.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Found(Found),
    /// It has no such schema.
    Missing,
    /// It said nothing that helps; another time it may.
    Failed(Failure),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// AVRO, JSON, PROTOBUF.
    pub kind: String,
    pub text: String,
    /// By name, what it refers to, those that they refer to among them.
    pub references: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub outcome: Outcome,
    /// What happened, and what to do about it.
    pub reason: String,
}

/// One request, as the metric `steward_registry_requests_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Found,
    Missing,
    /// 401 or 403.
    Refused,
    /// Nothing of Confluent's API.
    Unexpected,
    /// No answer in time, or 5xx.
    Unavailable,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Found => "found",
            Outcome::Missing => "missing",
            Outcome::Refused => "refused",
            Outcome::Unexpected => "unexpected",
            Outcome::Unavailable => "unavailable",
        }
    }
}

/// What a registry tells of a schema, by id or by subject and version.
#[derive(Debug, Deserialize)]
struct Told {
    schema: String,
    /// Absent: Avro.
    #[serde(rename = "schemaType")]
    kind: Option<String>,
    references: Option<Vec<Reference>>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: i64,
}

/// `Ok(None)`: the registry has no such schema.
pub type Asked<T> = Result<Option<T>, Failure>;

impl Client {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(registry: &Registry) -> Result<Client, String> {
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(registry.request_timeout_ms.max(1) as u64)))
            .http_status_as_error(false)
            .max_redirects(0) // our login goes where it was configured to go, and nowhere else
            .tls_config(tls::config("registry", registry.ca.as_deref(), registry.certificate.as_ref())?)
            .user_agent(concat!("mesh-steward/", env!("CARGO_PKG_VERSION")))
            .build();
        let authorization = authorization(&registry.login);
        Ok(Client { agent: config.into(), urls: registry.urls.clone(), first: 0, authorization })
    }

    /// Asks for one schema; `count` hears how each request ended.
    pub fn ask(&mut self, schema: SchemaRef, mut count: impl FnMut(Outcome)) -> Answer {
        let path = match schema {
            // Ids are Java's positive `int`; a registry would answer a larger one as a path that it does not know.
            SchemaRef::Id(id) if i32::try_from(id).is_err() => return Answer::Missing,
            SchemaRef::Id(id) => format!("/schemas/ids/{id}"),
            SchemaRef::Guid(guid) => format!("/schemas/guids/{}", uuid::Uuid::from_u128(guid)),
        };
        let told: Told = match self.get(&path, &mut count) {
            Ok(Some(told)) => told,
            Ok(None) => return Answer::Missing,
            Err(failure) => return Answer::Failed(failure),
        };
        match self.references(&schema.to_string(), &told, &mut count) {
            Ok(references) => {
                let kind = told.kind.unwrap_or_else(|| "AVRO".into());
                Answer::Found(Found { kind, text: told.schema, references })
            }
            Err(failure) => Answer::Failed(failure),
        }
    }

    /// The latest version of a subject, as the registry returns it; `None`: there is no such subject.
    pub fn latest(&mut self, subject: &str, mut count: impl FnMut(Outcome)) -> Asked<serde_json::Value> {
        self.get(&format!("/subjects/{}/versions/latest", escaped(subject)), &mut count)
    }

    /// One version of a subject, the latest where none is named, as the registry returns it, with what it refers to. `None`: there
    /// is no such version.
    pub fn subject(
        &mut self,
        subject: &str,
        version: Option<u32>,
        mut count: impl FnMut(Outcome),
    ) -> Asked<serde_json::Value> {
        let version = version.map_or("latest".to_owned(), |version| version.to_string());
        let path = format!("/subjects/{}/versions/{version}", escaped(subject));
        match self.get::<serde_json::Value>(&path, &mut count)? {
            Some(answer) => self.with_references(subject, answer, count).map(Some),
            None => Ok(None),
        }
    }

    /// A version of a subject, as the registry returned it: beside each of its `references` stands the `schema` that it names, and
    /// those that they refer to follow.
    pub fn with_references(
        &mut self,
        subject: &str,
        version: serde_json::Value,
        mut count: impl FnMut(Outcome),
    ) -> Result<serde_json::Value, Failure> {
        let unexpected = |why: &dyn std::fmt::Display| Failure {
            outcome: Outcome::Unexpected,
            reason: format!("subject {subject}: the answer is none of a schema registry: {why}; {HINT}"),
        };
        // A list would be read, too, as members without their names.
        let serde_json::Value::Object(mut version) = version else { return Err(unexpected(&"it is no object")) };
        let told: Told = serde_json::from_value(version.clone().into()).map_err(|e| unexpected(&e))?;
        let references = self.references(&format!("subject {subject}"), &told, &mut count)?;
        if !references.is_empty() {
            let beside = |(name, schema): (String, String)| serde_json::json!({"name": name, "schema": schema});
            version.insert("references".to_owned(), references.into_iter().map(beside).collect());
        }
        Ok(version.into())
    }

    /// `of`: what refers to them, for people.
    fn references(
        &mut self,
        of: &str,
        told: &Told,
        count: &mut impl FnMut(Outcome),
    ) -> Result<Vec<(String, String)>, Failure> {
        let unexpected = |reason: String| Failure { outcome: Outcome::Unexpected, reason };
        let wanted = |told: &Told| -> Vec<(String, String, i64)> {
            let references = told.references.iter().flatten();
            references.map(|r| (r.name.clone(), r.subject.clone(), r.version)).collect()
        };
        let (mut found, mut bytes) = (Vec::new(), told.schema.len());
        let mut seen = BTreeSet::new();
        let mut open = wanted(told);
        while let Some((name, subject, version)) = open.pop() {
            if !seen.insert((subject.clone(), version)) {
                continue;
            }
            if seen.len() > REFERENCES || bytes > SCHEMA_BYTES {
                let most = format!("{REFERENCES} references and {} MiB", SCHEMA_BYTES / 1024 / 1024);
                return Err(unexpected(format!("{of} is too large with all it refers to: {most} are the most")));
            }
            let path = format!("/subjects/{}/versions/{version}", escaped(&subject));
            let told: Told = self.get(&path, count)?.ok_or_else(|| {
                unexpected(format!(
                    "{of} refers to version {version} of subject {subject}, which the registry does not have; \
                     register it there again"
                ))
            })?;
            open.extend(wanted(&told));
            bytes += told.schema.len();
            found.push((name, told.schema));
        }
        Ok(found)
    }

    /// Asks one address after the other, until one answers.
    fn get<T: DeserializeOwned>(&mut self, path: &str, count: &mut impl FnMut(Outcome)) -> Asked<T> {
        let none = Failure { outcome: Outcome::Unavailable, reason: "registry.url names no address".into() };
        let mut asked = Err(none);
        for turn in 0..self.urls.len() {
            let at = (self.first + turn) % self.urls.len();
            asked = self.get_from(&self.urls[at], path);
            count(match &asked {
                Ok(Some(_)) => Outcome::Found,
                Ok(None) => Outcome::Missing,
                Err(failure) => failure.outcome,
            });
            if asked.is_ok() {
                self.first = at;
                break;
            }
        }
        asked
    }

    fn get_from<T: DeserializeOwned>(&self, url: &str, path: &str) -> Asked<T> {
        let failed = |outcome, what: String| Err(Failure { outcome, reason: format!("{url}{path}: {what}") });
        let mut request = self.agent.get(format!("{url}{path}"));
        request = request.header("Accept", "application/vnd.schemaregistry.v1+json, application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = match request.call() {
            Ok(answer) => answer,
            Err(e) => return failed(Outcome::Unavailable, format!("{e}; see registry.url and registry.ssl")),
        };
        let status = answer.status().as_u16();
        let body = match answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec() {
            Ok(body) => body,
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                let what = format!("the answer is larger than {} MiB", ANSWER_BYTES / 1024 / 1024);
                return failed(Outcome::Unexpected, what);
            }
            Err(e) => return failed(Outcome::Unavailable, format!("the answer broke off: {e}")),
        };
        match status {
            200 => match serde_json::from_slice(&body) {
                Ok(told) => Ok(Some(told)),
                Err(e) => failed(Outcome::Unexpected, format!("the answer is none of a schema registry: {e}; {HINT}")),
            },
            404 if serde_json::from_slice::<Refusal>(&body).is_ok_and(|r| NOT_FOUND.contains(&r.error_code)) => {
                Ok(None)
            }
            401 | 403 => {
                let remedy = "see registry.basic.auth.user.info and registry.bearer.auth.token";
                failed(Outcome::Refused, format!("refused with status {status}; {remedy}"))
            }
            404 => failed(Outcome::Unexpected, format!("there is no such page (404, without the API's code); {HINT}")),
            429 | 500.. => failed(Outcome::Unavailable, format!("answered with status {status}")),
            _ => failed(Outcome::Unexpected, format!("answered with status {status}; {HINT}")),
        }
    }
}

/// The header that carries a login.
pub fn authorization(login: &Login) -> Option<String> {
    match login {
        Login::Anonymous => None,
        Login::Basic(user) => {
            Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user.expose())))
        }
        Login::Bearer(token) => Some(format!("Bearer {}", token.expose())),
    }
}

/// Confluent's codes of a subject, a version, a schema that is not there. A 404 without one is a path that nobody serves,
/// and says nothing of the schema.
const NOT_FOUND: [i64; 3] = [40401, 40402, 40403];

const HINT: &str = "registry.url must be where Confluent's API begins (at Apicurio: …/apis/ccompat/v7)";

/// A segment of a path: subjects and connectors may hold slashes and blanks.
pub fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
