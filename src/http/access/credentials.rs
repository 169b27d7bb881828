//! What a request says of who asks: `Authorization` (Bearer, RFC 6750; Basic, RFC 7617), else its connection's certificate.

use crate::engine::access::jwt::{self, Refused as Token};
use crate::engine::access::standing::{Actor, Way};
use crate::http::access::{Client, FAILURES_AT_ONCE, FAILURES_PER_SECOND, Gate, Rules};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why nobody is known to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing was said.
    Unsaid,
    /// It is no `Authorization` that is taken here.
    Unread,
    /// A token or password that nobody has, or has no more.
    Wrong,
    /// A provider's token that is none.
    Token(Token),
    /// Too many from this client were wrong.
    Often,
}

impl Refused {
    /// As `steward_http_refused_total` counts it.
    pub fn word(&self) -> &'static str {
        match self {
            Refused::Unsaid => "no_login",
            Refused::Often => "often",
            _ => "wrong_login",
        }
    }

    pub fn detail(&self) -> String {
        let remedy = "send Authorization: Bearer TOKEN, or user and password; an admin of the mesh gives them out";
        match self {
            Refused::Unsaid | Refused::Often => format!("nobody is known to ask: {remedy}"),
            Refused::Unread => format!("the header Authorization is neither Bearer nor Basic as it stands: {remedy}"),
            Refused::Wrong => format!("nobody has this token or password, or has it any more: {remedy}"),
            Refused::Token(why) => format!("the token is not taken: {why}; get another one of the provider"),
        }
    }
}

/// Who asks. A client with too many failures is told so instead of a further one, and its passwords are not looked at; tokens are, for
/// nobody guesses 256 bits, and a right one is heard whoever else sits behind the same address.
pub async fn actor(
    gate: &Gate,
    rules: &Rules,
    client: &Client,
    headers: &HeaderMap,
    now: i64,
) -> Result<Actor, Refused> {
    let found = match headers.get(AUTHORIZATION) {
        None => {
            let certificate = client.certificate.as_deref();
            let known = certificate.and_then(|certificate| rules.access.logins.of_certificate(certificate, now));
            return known.ok_or(Refused::Unsaid);
        }
        Some(said) => {
            let said = said.to_str().unwrap_or_default();
            match said.split_once(' ').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest.trim())) {
                Some((scheme, token)) if scheme == "bearer" => bearer(rules, token, now).await,
                Some((scheme, pair)) if scheme == "basic" => basic(gate, rules, client, pair, now).await,
                _ => Err(Refused::Unread),
            }
        }
    };
    found.map_err(|refused| {
        let heard = gate.failures.take(client.ip, FAILURES_PER_SECOND, FAILURES_AT_ONCE, now);
        if heard && !gate.failures.has(client.ip, FAILURES_PER_SECOND, FAILURES_AT_ONCE, now) {
            tracing::warn!(client = %client.ip, "logins of this client keep failing; further ones are answered 429");
        }
        if heard { refused } else { Refused::Often }
    })
}

async fn bearer(rules: &Rules, token: &str, now: i64) -> Result<Actor, Refused> {
    if let Some(actor) = rules.access.logins.of_token(None, token, now) {
        return Ok(actor);
    }
    let (Some(oidc), Some(provider)) = (&rules.access.oidc, &rules.provider) else { return Err(Refused::Wrong) };
    let claims = provider.verified(token, &oidc.expected, now).await.map_err(Refused::Token)?;
    let subject = jwt::text(&claims, &oidc.subject_claim).unwrap_or("nameless");
    // It stands in logs and in the audit.
    let subject: String = subject.chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let roles = rules.access.logins.of_groups(jwt::words(&claims, &oidc.groups_claim));
    Ok(Actor { subject: subject.into(), roles, way: Way::Oidc })
}

const SUBJECT_CHARS_MAX: usize = 200;

async fn basic(gate: &Gate, rules: &Rules, client: &Client, pair: &str, now: i64) -> Result<Actor, Refused> {
    let pair = STANDARD.decode(pair).ok().and_then(|pair| String::from_utf8(pair).ok()).ok_or(Refused::Unread)?;
    let (name, secret) = pair.split_once(':').ok_or(Refused::Unread)?;
    if let Some(actor) = rules.access.logins.of_token(Some(name), secret, now) {
        return Ok(actor);
    }
    if let Some(actor) = gate.passwords.known(name, secret, now) {
        return Ok(actor);
    }
    if !gate.failures.has(client.ip, FAILURES_PER_SECOND, FAILURES_AT_ONCE, now) {
        return Err(Refused::Often);
    }
    gate.passwords.checked(&rules.access.logins, name, secret, now).await.ok_or(Refused::Wrong)
}
