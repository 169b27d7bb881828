//! Tokens to log in with (SASL OAUTHBEARER, RFC 7628): asked of an OpenID provider by client credentials (RFC 6749, 4.4) on a thread of its
//! own, anew when four fifths of a token's life are over, and given to each client at once: a broker that wants to see the login again
//! (KIP-368) does not wait until somebody uses the client.

use crate::clock::now_ms;
use crate::config::oauth::Oauth;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// A client that is made waits so long for the first token: its first question need not fail then.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// A provider that gave no token is asked again after a second, then after twice as long each time, up to this.
const ASKED_AGAIN_MS: (u64, u64) = (1_000, 30_000);
/// Of a token's life, in hundredths: as Kafka's own client (`sasl.login.refresh.window.factor`).
const RENEWED_AFTER_PERCENT: i64 = 80;
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// One token; its text is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// Since the epoch.
    pub ends_ms: i64,
    /// Whom the provider says it is; brokers decide themselves.
    pub principal: String,
    pub extensions: Vec<(String, String)>,
}

/// What is known now: the newest token, and why there is none newer.
#[derive(Clone, Default)]
pub struct Known {
    pub token: Option<Token>,
    pub refused: Option<String>,
}

/// The tokens of all clients of one configuration. Dropped, its thread ends.
pub struct Tokens(Arc<Shared>);

/// As long as it lives, its client is told; it must be dropped before that.
pub struct Told(Arc<Shared>, u64);

type Take = Box<dyn Fn(&Known) + Send>;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    known: Known,
    /// Who is told, by number.
    clients: BTreeMap<u64, Take>,
    numbered: u64,
    ended: bool,
}

impl Tokens {
    /// Begins to ask.
    pub fn start(oauth: &Oauth) -> Tokens {
        let shared = Arc::new(Shared::default());
        let (own, oauth) = (shared.clone(), oauth.clone());
        let started = thread::Builder::new().name("tokens".into()).spawn(move || own.renew(|| token(&oauth)));
        if let Err(e) = started {
            shared.state().known.refused = Some(format!("no thread to ask for tokens: {e}"));
        }
        Tokens(shared)
    }

    /// Tells a client what is known, now and whenever it changes: on the thread that calls, then on that of the tokens.
    pub fn tell(&self, take: impl Fn(&Known) + Send + 'static) -> Told {
        self.first(FIRST_WITHIN);
        let mut state = self.0.state();
        take(&state.known);
        state.numbered += 1;
        let number = state.numbered;
        state.clients.insert(number, Box::new(take));
        Told(self.0.clone(), number)
    }

    /// The newest there is.
    pub fn token(&self) -> Option<Token> {
        self.first(FIRST_WITHIN);
        self.0.state().known.token.clone()
    }

    /// Waits for the first answer, whatever it says.
    fn first(&self, within: Duration) {
        let unanswered = |state: &mut State| state.known.token.is_none() && state.known.refused.is_none();
        drop(self.0.changed.wait_timeout_while(self.0.state(), within, unanswered));
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Told {
    /// Waits for who is being told.
    fn drop(&mut self) {
        self.0.state().clients.remove(&self.1);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks again and again, until nobody wants to know.
    fn renew(&self, ask: impl Fn() -> Result<Token, String>) {
        let mut pause_ms = ASKED_AGAIN_MS.0;
        loop {
            let answer = ask();
            let mut state = self.state();
            let wait_ms = match answer {
                Ok(token) => {
                    pause_ms = ASKED_AGAIN_MS.0;
                    let left_ms = (token.ends_ms - now_ms()).max(0) * RENEWED_AFTER_PERCENT / 100;
                    state.known = Known { token: Some(token), refused: None };
                    (left_ms as u64).max(ASKED_AGAIN_MS.0)
                }
                // The one that is there serves until it ends.
                Err(why) => {
                    state.known.refused = Some(why);
                    let wait_ms = pause_ms;
                    pause_ms = (2 * pause_ms).min(ASKED_AGAIN_MS.1);
                    wait_ms
                }
            };
            // Under the lock, so that none is told after it was dropped.
            state.clients.values().for_each(|take| take(&state.known));
            self.changed.notify_all();
            let wanted = |state: &mut State| !state.ended;
            let waited = self.changed.wait_timeout_while(state, Duration::from_millis(wait_ms), wanted);
            if waited.unwrap_or_else(PoisonError::into_inner).0.ended {
                return;
            }
        }
    }
}

/// Asks the provider. Its CA's file is read each time, so that a mended one needs no restart.
fn token(oauth: &Oauth) -> Result<Token, String> {
    let Oauth { endpoint, client_id, client_secret, scope, extensions, ca } = oauth;
    let trusted = match ca {
        Some(ca) => TlsConfig::builder().root_certs(roots(ca)?).build(),
        None => TlsConfig::default(),
    };
    let config = Agent::config_builder()
        .timeout_global(Some(ANSWERS_WITHIN))
        .max_redirects(0) // the secret goes where it was configured to go
        .http_status_as_error(false)
        .tls_config(trusted)
        .user_agent(concat!("mesh-steward/", env!("CARGO_PKG_VERSION")));
    let agent: Agent = config.build().into();
    let login = STANDARD.encode(format!("{client_id}:{}", client_secret.expose()));
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(scope.as_deref().map(|scope| ("scope", scope)));
    let request = agent.post(endpoint).header("Authorization", format!("Basic {login}"));
    let answer = request.header("Accept", "application/json").send_form(form);
    let mut answer = answer.map_err(|e| format!("{endpoint} does not answer: {e}"))?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let body = body.map_err(|e| format!("the answer of {endpoint} broke off: {e}"))?;
    let (text, ends_ms, subject) = read(status, &body, now_ms()).map_err(|why| format!("{endpoint} {why}"))?;
    let principal = subject.unwrap_or_else(|| client_id.clone());
    Ok(Token { text, ends_ms, principal, extensions: extensions.clone() })
}

/// The certificates of a PEM file, and no others.
fn roots(file: &Path) -> Result<RootCerts, String> {
    let wrong = |why: &str| format!("kafka.https.ca.location: {} {why}; give a PEM file", file.display());
    let pem = std::fs::read(file).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        Err(wrong("holds no certificate"))
    } else {
        Ok(RootCerts::Specific(Arc::new(certificates)))
    }
}

/// An endpoint's answer (RFC 6749, 5.1 and 5.2): the token, when it ends (`exp` of a JWT, else `expires_in`), and its `sub`.
/// The error holds nothing of a token.
fn read(status: u16, body: &str, now_ms: i64) -> Result<(String, i64, Option<String>), String> {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let word = |name: &str| answer.get(name).and_then(Value::as_str);
    if status != 200 {
        let error = word("error").unwrap_or("no error of RFC 6749");
        let described = word("error_description").map_or(String::new(), |text| format!(" ({text})"));
        return Err(format!("answered {status}: {error}{described}"));
    }
    let text = word("access_token").filter(|text| !text.is_empty()).ok_or("answered without an access_token")?;
    let claims = claims(text).unwrap_or_default();
    let stated = claims.get("exp").and_then(Value::as_f64).map(|seconds| (seconds * 1e3) as i64);
    let counted = || answer.get("expires_in").and_then(Value::as_f64).map(|seconds| now_ms + (seconds * 1e3) as i64);
    let ends_ms = stated.or_else(counted).ok_or("gave a token that says nowhere when it ends (exp, expires_in)")?;
    if ends_ms <= now_ms {
        return Err("gave a token that has ended already: compare the clocks".into());
    }
    let subject = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
    Ok((text.to_owned(), ends_ms, subject))
}

/// What a JWT says, unverified: it is the brokers that verify. `None`: it is none.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::Cell;
    use std::sync::mpsc;

    fn jwt(claims: Value) -> String {
        format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn an_answer_gives_a_token_with_its_end_or_says_why_there_is_none() {
        let check = |status: u16, body: Value, expected: Result<(i64, Option<&str>), &str>| match (
            read(status, &body.to_string(), 1_000_000),
            expected,
        ) {
            (Ok((_, ends_ms, subject)), Ok(told)) => assert_eq!((ends_ms, subject.as_deref()), told, "{body}"),
            (Err(why), Err(words)) => assert!(why.contains(words), "{body}: {why}"),
            (read, expected) => panic!("{body}: {read:?}, expected {expected:?}"),
        };
        let signed = jwt(json!({"exp": 2_000, "sub": "svc"}));
        check(200, json!({"access_token": signed, "expires_in": 5}), Ok((2_000_000, Some("svc"))));
        check(200, json!({"access_token": "opaque", "expires_in": 60}), Ok((1_060_000, None)));
        check(200, json!({"access_token": "opaque"}), Err("when it ends"));
        check(200, json!({"access_token": jwt(json!({"exp": 999}))}), Err("compare the clocks"));
        check(200, json!({"token": "x"}), Err("without an access_token"));
        check(200, json!("<html>"), Err("without an access_token"));
        let refused = json!({"error": "invalid_client", "error_description": "no such client"});
        check(401, refused, Err("answered 401: invalid_client (no such client)"));
        check(502, json!(null), Err("answered 502"));
    }

    #[test]
    fn a_provider_that_fails_is_asked_again_and_what_it_gave_before_stays() {
        let tokens = Tokens(Arc::default());
        let (shared, asked) = (tokens.0.clone(), Cell::new(0));
        let renewing = thread::spawn(move || {
            shared.renew(|| {
                asked.set(asked.get() + 1);
                // Of a token that ends at once the next is asked for after a second.
                let token =
                    Token { text: "t".into(), ends_ms: now_ms() + 1, principal: "p".into(), extensions: vec![] };
                if asked.get() == 1 { Ok(token) } else { Err("away".into()) }
            });
        });
        let (tell, told) = mpsc::channel();
        let client = tokens.tell(move |known| {
            let _ = tell.send((known.token.is_some(), known.refused.clone()));
        });
        let next = || told.recv_timeout(Duration::from_secs(30)).expect("it is told");
        assert_eq!(next(), (true, None), "the first answer, before the client is used");
        assert_eq!(next(), (true, Some("away".into())));
        drop(client);
        while told.try_recv().is_ok() {}
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Disconnected), "who is dropped is told nothing more");
        assert_eq!(tokens.token().map(|token| token.principal).as_deref(), Some("p"));
        drop(tokens);
        renewing.join().expect("the thread ends with its owner");
    }
}
