//! A form that changes something carries a token that only a page of ours could give it, beside `http::origin`'s guard: a cookie of
//! the browser's, and in the form a hash of it (a double submit), so that any worker checks what another one gave. It works without
//! script.
//!
//! The hash is salted anew for each page: the cookie's own text in a page that is packed together with what an address says could be
//! guessed from the lengths of answers (Gluck, Harris, Prado 2013, *BREACH*).

use crate::http::origin;
use crate::http::problem::problem;
use crate::http::server::Site;
use crate::page::frame;
use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use maud::{Markup, html};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// What the form calls it.
pub const FIELD: &str = "token";
/// Under HTTPS a browser takes the longer name from this host alone, by HTTPS alone (RFC 6265bis, 4.1.3.2).
const NAMES: [&str; 2] = ["steward-form", "__Host-steward-form"];
/// Of the secret, and of a salt: 128 bits, as hex.
const HEX: usize = 32;

/// What each form that changes something begins with.
pub fn field(asked: &HeaderMap) -> Markup {
    let value = NAMES.iter().rev().find_map(|name| cookie(asked, name)).and_then(made);
    html! { input type="hidden" name=(FIELD) value=(value.unwrap_or_default()); }
}

/// Gives a browser its cookie with the first page, and lets no form through that does not know it. Who asks is known before.
pub async fn guard(State((site, limit)): State<(Site, usize)>, mut request: Request, next: Next) -> Response {
    let secure = site.gate.rules().tls.is_some();
    let name = NAMES[usize::from(secure)];
    let known = cookie(request.headers(), name).map(str::to_owned);
    if request.method() == Method::POST {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, limit).await else {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "the form is larger than anything that is asked for here");
        };
        let again = |body: axum::body::Bytes| Request::from_parts(parts.clone(), Body::from(body));
        let sent = Form::<Vec<(String, String)>>::from_request(again(bytes.clone()), &()).await;
        let sent = sent.map(|Form(fields)| fields).unwrap_or_default();
        let token = sent.iter().find(|(name, _)| name == FIELD).map(|(_, value)| value.as_str());
        if !known.as_deref().zip(token).is_some_and(|(known, token)| fits(known, token)) {
            origin::no_token();
            return frame::unsigned(&site, &parts.headers);
        }
        request = again(bytes);
    }
    let fresh = if known.is_none() { random() } else { None };
    if let Some(fresh) = &fresh
        && let Ok(pair) = HeaderValue::from_str(&format!("{name}={fresh}"))
    {
        request.headers_mut().append(COOKIE, pair);
    }
    let mut answer = next.run(request).await;
    // `Lax`: a link from elsewhere brings the same cookie, so that forms in other tabs stay good; a form from elsewhere brings none.
    let attributes = if secure { "Path=/; HttpOnly; SameSite=Lax; Secure" } else { "Path=/; HttpOnly; SameSite=Lax" };
    if let Some(fresh) = fresh
        && let Ok(set) = HeaderValue::from_str(&format!("{name}={fresh}; {attributes}"))
    {
        answer.headers_mut().append(SET_COOKIE, set);
    }
    answer
}

/// A value of a cookie that is one of ours.
fn cookie<'h>(asked: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = asked.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let values = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.into_iter().find(|value| value.len() == HEX && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `SALT.HASH`
fn made(secret: &str) -> Option<String> {
    let salt = random()?;
    Some(format!("{salt}.{}", hash(&salt, secret)))
}

fn fits(secret: &str, token: &str) -> bool {
    token.split_once('.').is_some_and(|(salt, said)| salt.len() == HEX && hash(salt, secret) == said)
}

fn hash(salt: &str, secret: &str) -> String {
    hex(&Sha256::new().chain_update(b"steward form").chain_update(salt).chain_update(secret).finalize())
}

/// `None`: the system has no randomness, and no form is taken.
fn random() -> Option<String> {
    let mut bytes = [0; HEX / 2];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_the_cookie_that_it_was_made_of_and_no_two_are_alike() {
        let (one, other) = ("a".repeat(HEX), "b".repeat(HEX));
        let (first, second) = (made(&one).unwrap(), made(&one).unwrap());
        assert_ne!(first, second, "the same again would tell its length");
        assert!(fits(&one, &first) && fits(&one, &second) && !fits(&other, &first));
        assert!(!first.contains(&one));
        for wrong in ["", ".", &one, &first[1..], &format!("{first}0"), &format!(".{}", hash("", &one))] {
            assert!(!fits(&one, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_as_we_write_it() {
        let check = |sent: &'static str, expected: Option<&str>| {
            let asked = [(COOKIE, HeaderValue::from_static(sent))].into_iter().collect();
            assert_eq!(cookie(&asked, "steward-form"), expected, "{sent}");
        };
        let good = "0123456789abcdef0123456789abcdef";
        check("theme=dark; steward-form=0123456789abcdef0123456789abcdef", Some(good));
        check("steward-form=; steward-form=0123456789abcdef0123456789abcdef", Some(good));
        check("x-steward-form=0123456789abcdef0123456789abcdef", None);
        check("steward-form=short", None);
        check("steward-form=0123456789abcdef0123456789abcdeg", None);
    }
}
