//! An OpenID provider: gives a client that knows its secret a token that is signed (ES256) and short-lived, and its keys to whoever asks.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mesh_steward::clock::now_ms;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub const CLIENT: &str = "steward";
pub const SECRET: &str = "provider-secret";
pub const AUDIENCE: &str = "kafka";
/// Asked for with this scope, a token is meant for somebody else.
pub const ELSEWHERE: &str = "elsewhere";
/// A client renews it after four fifths, 16 s. No broker wants a login anew within a second of the last, so that what is left of one must be more.
const TOKEN_LIVES_MS: i64 = 20_000;

pub struct Provider {
    pub url: String,
    given: Arc<AtomicU32>,
}

impl Provider {
    pub fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let given = Arc::new(AtomicU32::new(0));
        let (issuer, counted) = (url.clone(), given.clone());
        std::thread::spawn(move || {
            let random = SystemRandom::new();
            let of_key = "an own key signs";
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect(of_key);
            let key =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect(of_key);
            for stream in listener.incoming().flatten() {
                let Some((path, login, form)) = read(&stream) else { continue };
                let known = login == format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
                let (status, answer) = match path.as_str() {
                    "/keys" => (200, keys(&key)),
                    "/token" if known && form.contains("grant_type=client_credentials") => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let audience = if form.contains(ELSEWHERE) { ELSEWHERE } else { AUDIENCE };
                        let token = token(&key, &random, &issuer, audience);
                        (
                            200,
                            json!({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIVES_MS / 1_000}),
                        )
                    }
                    _ => (401, json!({"error": "invalid_client"})),
                };
                let body = answer.to_string();
                let length = body.len();
                let _ = write!(
                    &stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        Provider { url, given }
    }

    /// Tokens that it has given.
    pub fn given(&self) -> u32 {
        self.given.load(Ordering::Relaxed)
    }
}

/// A JWK Set (RFC 7517) with the one key.
fn keys(key: &EcdsaKeyPair) -> serde_json::Value {
    // 0x04, then the point's two coordinates of 32 bytes.
    let point = key.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": x, "y": y}]})
}

fn token(key: &EcdsaKeyPair, random: &SystemRandom, issuer: &str, audience: &str) -> String {
    let now_s = now_ms() / 1_000;
    let header = json!({"alg": "ES256", "kid": "one", "typ": "JWT"});
    let claims =
        json!({"iss": issuer, "sub": CLIENT, "aud": audience, "iat": now_s, "exp": now_s + TOKEN_LIVES_MS / 1_000});
    let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = key.sign(random, signed.as_bytes()).expect("it signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// Path, `Authorization` and body.
fn read(stream: &TcpStream) -> Option<(String, String, String)> {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first).ok()?;
    let (mut login, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "authorization" => login = value.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    Some((first.split(' ').nth(1)?.to_owned(), login, String::from_utf8(body).ok()?))
}
