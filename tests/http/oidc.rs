//! Tokens of an OpenID provider whose keys are fetched from an address: a JWKS server of these tests' own.

use crate::served::{Idle, Served};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mesh_steward::config::access::{Access, Jwks, Oidc};
use mesh_steward::engine::access::jwt::{Expected, Refused};
use mesh_steward::engine::access::logins::Logins;
use mesh_steward::http::access::provider::Provider;
use mesh_steward::http::access::{Gate, Rules};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Made for these tests (2,048 bits, PKCS #1), and of no use elsewhere.
const RSA: &str = "MIIEpAIBAAKCAQEA6yWfIvyRwYSkkqQ9hirbn12EZcphWXXEZlaSmlaSWxqAKRLJmZ8bNx2lTPW5xiFfKHDOizEWsc46DQW6dM3KzdjaOZ1V8GrR3pDQZ0Uw\
    xJ5KKoPYZbRFinA3wbu6zbpaQKqG/eOG45hfL/7PWFTTfDcLvrofKvN8c8ZrYAVh0bUlY8cSQyMblS8A8QVdVomnDKD1hRkLsueyqRQPMEtD3dhKYTCbG9sp\
    y+SmLQzgJXMSrKicSzmc2JSgwOuEwId0z9uOzS7oWXmsKmvovIFsVNRjItNsh6IzFt3/fjY1qiV1fIVNpCNPGhRR6ITVoPqoKUVILmmApybrTb6nilnXOQID\
    AQABAoIBADRsKjqgCRSV8CSbBfZLxrOUIyiYQjSx+wt/oGZVB4LU+R5vCE+9t1EFxGzQWU6w8OhwobNJSdBw8+MkVEmm+WADyL7QczDKd6hBK5ziQXmL+mfZ\
    BdzCoEA5PUzs/7vOoEFLYxXl7BQAS7RE/8+m9ZD7KpymHL20E5ox8Y0yFfksllSmAPq/0Oerksxja30Bxq6RdT91b4J4DrbuNnGZUrULEE/i2UOyx4ErXywJ\
    Wc/yVScdZIdvyMJlRb2eZYgjI4ib5wX//HMurdz1qMbwgR3UzRktLD/Qn7zCDL1VJ6tTIUSWrxJkT0TuvtIMzW/i5Rkt+Ri08pu0rUk/KbLFdXsCgYEA+U/N\
    ricuprEQXsg8mxQ9GlY/JKp0ujKXNHtitTCesMHe/OPgYVKme9gJtZ3Y24aK0Eoeo6KfY7+T/+xbKWDT+vtNRuI+Gr5+fjvvOMjZZJacrkIBNenUH54pIFdk\
    AFQ84y91/gkM4070RYZ2AgSnQfneNw5icaB53vwRXFR4G0sCgYEA8XSJ834/BGt+BZYoxVXW/CBk9JdG1QmzUgzpOvQj5EWZu8EMm2gwCp3es2tRhvNFfYD9\
    o1BL7tH8lk095/wEd3phutXM9GmzBAaxXKtvnAyTaoRI2oyVW4pEVsYjdwZLLETF3b11V32KAY7pQqsU+oNq6rSr8wqUC3z0zzGEIQsCgYEAnf1Xj0RfSN0u\
    TZJA7dmeeyEqtJackB5dObHzNHVSKxtAryvNVn9k51hZltEnyr3xG9vMnNACh9iw9l6WypsE2qkEKKZYyuPrDx32FBsbwKW9NqS3Va4PcdXtpAQdaCP5zdKW\
    yFx94VJ4c9Ko19CRGbs5edRQyEb01D0S11rkHg8CgYEA6EJi5J8+/QBtY/BSXag5uaNrmT/fOdQv8zBKNZRc5hrxS4Linqb093FupIYKEVb3NEedM7hsoljJ\
    sMayUvHAVjGZysAYe88lDS1m9K5QGPqb3y1Kazgp/7kcDaBgwwCB1R5+etLhCfzPgLo4tRGeh29crFKIyKwXRom3b4rA/4sCgYBpFYG1RrHBeXK8j2eFRe2Q\
    x3pDnQuVyF1kbui0VUMymF4LJFD3wf1fabe9tmSltq0EZD9S1wITYTo6Avmk6R8jxfj9rYbAV0rYg0XIp6FHOVZo4xkwlMEfBzUsPChd5HzjgnwLf7jv0gbr\
    pB00Ufd8EUQcZwsdO3CsYnswDvMLbw==";
const NOW_MS: i64 = 1_764_000_000_000;
const MINUTE_MS: i64 = 60_000;

/// A provider's address: what it answers, and how often it was asked.
struct Idp {
    url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Idp {
    fn start(keys: &Value) -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((200, keys.to_string())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (said, count) = (answer.clone(), asked.clone());
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let _ = stream.read(&mut [0; 4_096]);
                count.fetch_add(1, Ordering::Relaxed);
                let (status, body) = said.lock().unwrap().clone();
                if status == 0 {
                    // It takes the question and says nothing.
                    std::thread::spawn(move || {
                        std::thread::park_timeout(Duration::from_secs(20));
                        drop(stream);
                    });
                    continue;
                }
                let more = if status == 302 { format!("Location: {body}\r\n") } else { String::new() };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Idp { url, answer, asked }
    }

    fn says(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn oidc(&self) -> Oidc {
        Oidc {
            expected: expected(),
            jwks: Jwks::Url(self.url.clone(), None),
            groups_claim: "groups".into(),
            subject_claim: "sub".into(),
        }
    }
}

fn expected() -> Expected {
    Expected { issuer: "https://idp.example.com".into(), audience: "steward".into() }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Signer {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair, SystemRandom),
    Ed25519(Ed25519KeyPair),
}

fn rsa() -> Signer {
    Signer::Rsa(Box::new(RsaKeyPair::from_der(&STANDARD.decode(RSA).unwrap()).unwrap()))
}

fn p256() -> Signer {
    let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    Signer::P256(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap(), random)
}

fn ed25519(seed: u8) -> Signer {
    Signer::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
}

impl Signer {
    fn algorithm(&self) -> &'static str {
        match self {
            Signer::Rsa(_) => "RS256",
            Signer::P256(..) => "ES256",
            Signer::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Signer::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": base64(n), "e": base64(e)})
            }
            Signer::P256(pair, _) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(&point[1..33]), "y": base64(&point[33..])})
            }
            Signer::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(pair.public_key())})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Signer::P256(pair, random) => pair.sign(random, message).unwrap().as_ref().to_vec(),
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, header: Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        format!("{message}.{}", base64(self.sign(message.as_bytes())))
    }

    /// One that is good at `NOW_MS`, signed by the key of this name.
    fn good(&self, kid: &str) -> String {
        self.token(json!({"alg": self.algorithm(), "kid": kid}), &claims(NOW_MS))
    }
}

fn claims(now_ms: i64) -> Value {
    json!({"iss": "https://idp.example.com", "aud": "steward", "sub": "anna", "exp": now_ms / 1000 + 300, "groups": ["mesh"]})
}

fn verified(provider: &Provider, token: &str, now_ms: i64) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(provider.verified(token, &expected(), now_ms)).map(drop)
}

#[test]
fn tokens_of_each_algorithm_are_taken_by_keys_from_an_address_and_every_other_is_refused_for_its_reason() {
    let (rsa, p256, edwards) = (rsa(), p256(), ed25519(7));
    let keys =
        json!({"keys": [rsa.jwk("r"), p256.jwk("e"), edwards.jwk("d"), {"kty": "oct", "kid": "o", "k": "c2VjcmV0"}]});
    let idp = Idp::start(&keys);
    let provider = Provider::of(&idp.oidc()).unwrap();
    let check = |token: &str, expected: Result<(), Refused>, what: &str| {
        assert_eq!(verified(&provider, token, NOW_MS), expected, "{what}");
    };
    for (signer, kid) in [(&rsa, "r"), (&p256, "e"), (&edwards, "d")] {
        let (alg, header) = (signer.algorithm(), json!({"alg": signer.algorithm(), "kid": kid}));
        check(&signer.good(kid), Ok(()), alg);
        check(
            &signer.token(json!({"alg": alg}), &claims(NOW_MS)),
            Ok(()),
            "no kid: each key of the algorithm is tried",
        );
        for (claim, value, refusal) in [
            ("iss", json!("https://idp.example.org"), Refused::Issuer),
            ("aud", json!("grafana"), Refused::Audience),
            ("exp", json!(NOW_MS / 1000 - 61), Refused::Expired),
            ("nbf", json!(NOW_MS / 1000 + 61), Refused::Early),
        ] {
            let mut claims = claims(NOW_MS);
            claims[claim] = value;
            check(&signer.token(header.clone(), &claims), Err(refusal), &format!("{alg} {claim}"));
        }
        let unsigned = signer.token(json!({"alg": "none", "kid": kid}), &claims(NOW_MS));
        check(&unsigned, Err(Refused::Algorithm), "none");
        let (message, _) = unsigned.rsplit_once('.').unwrap();
        check(&format!("{message}."), Err(Refused::Algorithm), "none, and no signature");
        check(&signer.token(json!({"alg": alg, "kid": "x"}), &claims(NOW_MS)), Err(Refused::Key), "kid unknown");
        check(&signer.token(json!({"alg": alg, "kid": "o"}), &claims(NOW_MS)), Err(Refused::Key), "a shared secret");
        // A key that the token brings along is nobody's.
        let own = ed25519(9);
        let brought = json!({"alg": "EdDSA", "kid": "d", "jwk": own.jwk("d"), "jku": "http://127.0.0.1:9/keys"});
        check(&own.token(brought, &claims(NOW_MS)), Err(Refused::Signature), "its own key");
        let (_, signature) = signer.good(kid).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let mut other = claims(NOW_MS);
        other["sub"] = json!("root");
        let message = format!("{}.{}", base64(header.to_string()), base64(other.to_string()));
        check(&format!("{message}.{signature}"), Err(Refused::Signature), "other claims under a good signature");
    }
    // Key confusion (RFC 8725, 2.1): the public key as a secret, and one algorithm's key for another's.
    let Signer::Rsa(pair) = &rsa else { unreachable!() };
    let message =
        format!("{}.{}", base64(json!({"alg": "HS256", "kid": "r"}).to_string()), base64(claims(NOW_MS).to_string()));
    let forged = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pair.public().as_ref()), message.as_bytes());
    check(&format!("{message}.{}", base64(forged)), Err(Refused::Algorithm), "HS256 by a public key");
    check(
        &p256.token(json!({"alg": "ES256", "kid": "r"}), &claims(NOW_MS)),
        Err(Refused::Key),
        "a kid of another algorithm",
    );
    check(
        &p256.token(json!({"alg": "RS256", "kid": "r"}), &claims(NOW_MS)),
        Err(Refused::Signature),
        "ES256 that says RS256",
    );
    assert!(idp.asked() <= 2, "asked {} times", idp.asked());
}

#[test]
fn keys_are_fetched_once_an_hour_and_for_a_new_one_once_a_minute_however_many_ask() {
    let (old, new) = (ed25519(1), ed25519(2));
    let idp = Idp::start(&json!({"keys": [old.jwk("old")]}));
    let provider = Provider::of(&idp.oidc()).unwrap();
    assert_eq!(idp.asked(), 0, "when the first token comes");
    let at = |minutes: i64, signer: &Signer, kid: &str| {
        let (header, now_ms) = (json!({"alg": "EdDSA", "kid": kid}), NOW_MS + minutes * MINUTE_MS);
        (verified(&provider, &signer.token(header, &claims(now_ms)), now_ms), idp.asked())
    };
    assert_eq!(at(0, &old, "old"), (Ok(()), 1));
    assert_eq!(at(1, &old, "old"), (Ok(()), 1), "they are kept");
    idp.says(200, &json!({"keys": [old.jwk("old"), new.jwk("new")]}).to_string());
    assert_eq!(at(0, &new, "new"), (Err(Refused::Key), 1), "it was asked this minute");
    assert_eq!(at(2, &new, "new"), (Ok(()), 2), "a key that came meanwhile");
    for n in 0..20 {
        assert_eq!(at(2, &old, &format!("guess-{n}")), (Err(Refused::Key), 2), "guesses ask nobody");
    }
    idp.says(200, &json!({"keys": [new.jwk("new")]}).to_string());
    assert_eq!(at(60, &old, "old"), (Ok(()), 2), "an hour is not over");
    assert_eq!(at(63, &old, "old"), (Err(Refused::Key), 3), "a key that was taken back is good for an hour at most");
}

#[test]
fn a_provider_that_fails_leaves_the_keys_that_are_known_and_is_asked_again() {
    let signer = ed25519(3);
    let keys = json!({"keys": [signer.jwk("k")]});
    let idp = Idp::start(&keys);
    let provider = Provider::of(&idp.oidc()).unwrap();
    let at = |provider: &Provider, minutes: i64| {
        let now_ms = NOW_MS + minutes * MINUTE_MS;
        verified(provider, &signer.token(json!({"alg": "EdDSA", "kid": "k"}), &claims(now_ms)), now_ms)
    };
    assert_eq!(at(&provider, 0), Ok(()));
    let elsewhere = Idp::start(&keys);
    for (n, (status, body)) in [
        (500, "trouble".to_owned()),
        (200, "no JSON".to_owned()),
        (200, json!({"keys": []}).to_string()),
        (200, format!("{{\"keys\": [{}]}}", vec!["{}"; 65].join(","))),
        (200, "x".repeat((1 << 20) + 1)),
        (302, elsewhere.url.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        idp.says(status, &body);
        let minutes = 61 + 2 * n as i64;
        assert_eq!(at(&provider, minutes), Ok(()), "{status} {body:.40}");
        assert_eq!(idp.asked(), n + 2, "{status} {body:.40}");
        let fresh = Provider::of(&idp.oidc()).unwrap();
        assert_eq!(at(&fresh, minutes), Err(Refused::Key), "nothing is known: {status} {body:.40}");
        idp.asked.fetch_sub(1, Ordering::Relaxed);
    }
    assert_eq!(elsewhere.asked(), 0, "keys come from where they were configured to come from");
    // It takes the question and does not answer: 5 s, then what is known counts.
    idp.says(0, "");
    let begun = std::time::Instant::now();
    assert_eq!(at(&provider, 90), Ok(()));
    let took = begun.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(15)).contains(&took), "{took:?}");
    idp.says(200, &keys.to_string());
    assert_eq!(at(&provider, 92), Ok(()));
}

#[test]
fn a_request_with_a_providers_token_has_the_roles_of_its_groups() {
    let signer = rsa();
    let idp = Idp::start(&json!({"keys": [signer.jwk("r")]}));
    let logins = Logins::read("groups: {mesh: ['publisher:sales']}\n").unwrap();
    let access = Access { required: true, logins, oidc: Some(idp.oidc()), ..Access::default() };
    let provider = Some(Arc::new(Provider::of(&idp.oidc()).unwrap()));
    let gate = Arc::new(Gate::new(Rules { access, provider, tls: None, requests_per_second: 0 }));
    let served = Idle { gate, ..Served::idle() }.run(|_| {});
    let header = json!({"alg": "RS256", "kid": "r"});
    let token = signer.token(header.clone(), &claims(mesh_steward::clock::now_ms()));
    let ask = |method: &str, path: &str, token: &str| {
        let answer = served.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        ));
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(ask("GET", "/products", &token), "200");
    assert_eq!(ask("PUT", "/products/sales/none/pause", &token), "404");
    assert_eq!(ask("PUT", "/products/hr/none/pause", &token), "403");
    assert_eq!(ask("GET", "/admin/loggers", &token), "403");
    assert_eq!(ask("GET", "/products", &signer.token(header, &claims(NOW_MS))), "401", "it expired long ago");
    served.stop();
}
