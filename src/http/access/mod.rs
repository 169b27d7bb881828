//! The door: finds out who asks, lets through whom the route's row lets through, and tells the others what they lack.

pub mod credentials; // what a request says of who asks
pub mod passwords; // passwords checked, a few at a time, and those that were good
pub mod provider; // an OpenID provider's keys, fetched and kept
pub mod limit; // how much one client may
pub mod shield; // what stands around every answer

use crate::clock::now_ms;
use crate::config::access::Access;
use crate::config::http::Http;
use crate::engine::access::standing::{Actor, Standing};
use crate::http::access::credentials::Refused;
use crate::http::access::limit::Limiter;
use crate::http::access::passwords::Passwords;
use crate::http::access::provider::Provider;
use crate::http::problem::problem;
use crate::http::server::Site;
use crate::http::tls;
use crate::telemetry;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use rustls::ServerConfig;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError, RwLock};

/// Who is let in, and by which certificate; a reload puts others in force.
pub struct Gate {
    rules: RwLock<Arc<Rules>>,
    passwords: Passwords,
    /// Logins that failed.
    failures: Limiter,
    requests: Limiter,
}

/// What the configuration says, made ready: nothing of it can fail any more. By default nobody is asked who they are.
#[derive(Default)]
pub struct Rules {
    pub access: Access,
    pub provider: Option<Arc<Provider>>,
    /// `None`: no HTTPS.
    pub tls: Option<Arc<ServerConfig>>,
    pub requests_per_second: u32,
}

/// Who is at the other end of a connection; stands in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Client {
    pub ip: IpAddr,
    /// Its certificate, DER, where it has shown one that a CA of ours signed.
    pub certificate: Option<Arc<[u8]>>,
}

/// Failed logins that one client may have at once, and how often there may be another: a script with an old token is heard, one that
/// tries passwords has 14,400 a day.
const FAILURES_AT_ONCE: f64 = 10.0;
const FAILURES_PER_SECOND: f64 = 1.0 / 6.0;

impl Rules {
    /// Reads certificates and keys; the error names the key, what is wrong, and what to do.
    pub fn of(http: &Http) -> Result<Rules, String> {
        let provider = http.access.oidc.as_ref().map(Provider::of).transpose()?.map(Arc::new);
        let tls = http.tls.as_ref().map(tls::server).transpose()?;
        Ok(Rules { access: http.access.clone(), provider, tls, requests_per_second: http.requests_per_second })
    }
}

impl Gate {
    pub fn new(rules: Rules) -> Gate {
        Gate {
            rules: RwLock::new(Arc::new(rules)),
            passwords: Passwords::default(),
            failures: Limiter::default(),
            requests: Limiter::default(),
        }
    }

    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts others in force. A provider that stays keeps what it has fetched.
    pub fn take(&self, mut rules: Rules) {
        let known = self.rules().provider.clone();
        if let (Some(known), Some(fresh)) = (known, &rules.provider)
            && known.is_same(fresh)
        {
            rules.provider = Some(known);
        }
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.passwords.forget();
    }

    /// Whether a client may ask once more.
    pub fn may_ask(&self, client: IpAddr) -> bool {
        let rules = self.rules();
        let rate = f64::from(rules.requests_per_second);
        !rules.access.required || rate == 0.0 || self.requests.take(client, rate, 2.0 * rate, now_ms())
    }
}

/// The same routes for whom the row lets through.
pub fn guarded(site: &Site, asked: Standing, on: MethodRouter<Site>) -> MethodRouter<Site> {
    on.route_layer(from_fn_with_state((site.clone(), asked), guard))
}

async fn guard(
    State((site, asked)): State<(Site, Standing)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let domain = params.iter().find(|(name, _)| *name == "domain").map(|(_, domain)| domain.to_owned());
    let rules = site.gate.rules();
    let open = asked == Standing::Nobody || (rules.access.metrics_open && request.uri().path() == "/metrics");
    let client = client(&request);
    let found = if rules.access.required {
        credentials::actor(&site.gate, &rules, &client, request.headers(), now_ms()).await
    } else {
        Ok(Actor::unasked())
    };
    let actor = match found {
        Ok(actor) => actor,
        // Whoever need not be known is not refused for being unknown.
        Err(_) if open => Actor::unknown(),
        Err(refused) => {
            telemetry::http_refused(refused.word());
            let mut answer = unknown(&rules, &refused);
            answer.extensions_mut().insert(Actor::unknown());
            return answer;
        }
    };
    let refusal = if open { None } else { actor.refusal(asked, domain.as_deref()) };
    let mut answer = match refusal {
        Some(detail) => forbidden(&detail),
        None => {
            request.extensions_mut().insert(actor.clone());
            next.run(request).await
        }
    };
    answer.extensions_mut().insert(actor);
    answer
}

/// 403, told and counted.
pub fn forbidden(detail: &str) -> Response {
    telemetry::http_refused("forbidden");
    problem(StatusCode::FORBIDDEN, detail)
}

/// For a handler that learns only from the body which domain a change is about: why the actor may not make it.
pub fn refusal(actor: &Actor, domain: &str) -> Option<Box<Response>> {
    actor.refusal(Standing::Owner, Some(domain)).map(|detail| Box::new(forbidden(&detail)))
}

pub fn client(request: &Request) -> Client {
    let nowhere = || Client { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), certificate: None };
    request.extensions().get::<Client>().cloned().unwrap_or_else(nowhere)
}

/// 401 with what would be taken (RFC 9110, 11.6.1; RFC 6750, 3), or 429.
fn unknown(rules: &Rules, refused: &Refused) -> Response {
    if let Refused::Often = refused {
        let detail =
            "too many logins from this address failed; wait a minute, then ask with the right token or password";
        let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, detail);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        return answer;
    }
    let mut answer = problem(StatusCode::UNAUTHORIZED, &refused.detail());
    let error = if matches!(refused, Refused::Unsaid) { "" } else { ", error=\"invalid_token\"" };
    if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer realm=\"steward\"{error}")) {
        answer.headers_mut().append(WWW_AUTHENTICATE, bearer);
    }
    if !rules.access.logins.is_empty() {
        let basic = HeaderValue::from_static("Basic realm=\"steward\", charset=\"UTF-8\"");
        answer.headers_mut().append(WWW_AUTHENTICATE, basic);
    }
    answer
}
