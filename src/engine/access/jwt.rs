//! Tokens that an OpenID provider signed: JWS in compact form (RFC 7515), claims (RFC 7519), and the advice of RFC 8725: the algorithm
//! is the key's, not the token's; issuer, audience and times are checked always.

use crate::engine::access::keys::{Algorithm, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the provider's clock may be from ours.
const LEEWAY_S: f64 = 60.0;
/// A head of a request has 16 KiB.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// What a token must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub issuer: String,
    pub audience: String,
}

/// Why a token is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is no signed token of three parts")]
    Malformed,
    #[error("its algorithm is none of RS256, ES256 and EdDSA")]
    Algorithm,
    /// The provider may have a newer key.
    #[error("no key of the provider's is the one that it names")]
    Key,
    #[error("its signature is not the provider's")]
    Signature,
    #[error("it has expired, or says not when it does (exp)")]
    Expired,
    #[error("it is not valid yet (nbf)")]
    Early,
    #[error("another issuer made it (iss)")]
    Issuer,
    #[error("it is meant for another audience (aud)")]
    Audience,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims of a token that one of the keys signed and that is meant for us at this moment.
pub fn verified(token: &str, keys: &[Key], expected: &Expected, now_ms: i64) -> Result<Map<String, Value>, Refused> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::Malformed);
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refused::Malformed);
    }
    let head: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Refused::Malformed)?;
    let algorithm =
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.word() == head.alg).ok_or(Refused::Algorithm)?;
    // RFC 7515, section 4.1.11: what is critical must be understood, and nothing is here.
    if head.crit.is_some() {
        return Err(Refused::Malformed);
    }
    let may_be = |key: &&Key| key.algorithm() == algorithm && (head.kid.is_none() || head.kid == key.id);
    let mut candidates = keys.iter().filter(may_be).peekable();
    if candidates.peek().is_none() {
        return Err(Refused::Key);
    }
    let signature = decoded(signature)?;
    let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
    if !candidates.any(|key| key.verifies(message, &signature)) {
        return Err(Refused::Signature);
    }
    let claims: Map<String, Value> = serde_json::from_slice(&decoded(payload)?).map_err(|_| Refused::Malformed)?;
    holds(&claims, expected, now_ms)?;
    Ok(claims)
}

fn holds(claims: &Map<String, Value>, expected: &Expected, now_ms: i64) -> Result<(), Refused> {
    let now_s = now_ms as f64 / 1000.0;
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().unwrap_or(f64::NAN));
    // A time that is no number is neither before nor after.
    let expires = time("exp").unwrap_or(f64::NAN);
    if expires.is_nan() || now_s >= expires + LEEWAY_S {
        return Err(Refused::Expired);
    }
    if time("nbf").is_some_and(|begins| begins.is_nan() || now_s < begins - LEEWAY_S) {
        return Err(Refused::Early);
    }
    if claims.get("iss").and_then(Value::as_str) != Some(&expected.issuer) {
        return Err(Refused::Issuer);
    }
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => *one == expected.audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(&expected.audience)),
        _ => false,
    };
    if meant { Ok(()) } else { Err(Refused::Audience) }
}

/// The words of a claim: a list, or one text with blanks between them (as `scope`). A dotted name goes into objects
/// (`realm_access.roles`), unless a claim has that very name.
pub fn words<'c>(claims: &'c Map<String, Value>, name: &str) -> Vec<&'c str> {
    match found(claims, name) {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A claim that is one text.
pub fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    found(claims, name)?.as_str()
}

fn found<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    found(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::access::keys;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    const NOW_S: i64 = 1_764_000_000;

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn signer() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn set() -> Vec<Key> {
        let x = URL_SAFE_NO_PAD.encode(signer().public_key().as_ref());
        let jwk = |kid: &str, more: Value| {
            let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x});
            jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            jwk
        };
        let keys = json!({"keys": [
            jwk("k1", json!({"use": "sig", "alg": "EdDSA"})), jwk("enc", json!({"use": "enc"})), jwk("other", json!({"alg": "HS256"})),
            {"kty": "oct", "k": "c2VjcmV0"}, "nonsense",
        ]});
        keys::read(keys.to_string().as_bytes()).unwrap()
    }

    fn token(header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signer().sign(message.as_bytes())))
    }

    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let mut claims =
            json!({"iss": "https://idp", "aud": "steward", "sub": "anna", "exp": NOW_S + 300, "nbf": NOW_S});
        change(&mut claims);
        claims
    }

    fn verify(token: &str) -> Result<Map<String, Value>, Refused> {
        let expected = Expected { issuer: "https://idp".into(), audience: "steward".into() };
        verified(token, &set(), &expected, NOW_S * 1000)
    }

    #[test]
    fn claims_of_a_good_token_hold_and_every_other_is_refused_for_its_reason() {
        let good = json!({"alg": "EdDSA", "kid": "k1"});
        let check = |change: fn(&mut Value), expected: Result<(), Refused>| {
            let claims = claims(change);
            assert_eq!(verify(&token(&good, &claims)).map(drop), expected, "{claims}");
        };
        check(|_| {}, Ok(()));
        check(|c| c["aud"] = json!(["x", "steward"]), Ok(()));
        check(|c| c["exp"] = json!(NOW_S - 59), Ok(()));
        check(|c| c["exp"] = json!(NOW_S - 60), Err(Refused::Expired));
        check(|c| c["exp"] = json!("9999999999"), Err(Refused::Expired));
        check(|c| drop(c.as_object_mut().unwrap().remove("exp")), Err(Refused::Expired));
        check(|c| c["nbf"] = json!(NOW_S + 61), Err(Refused::Early));
        check(|c| c["iss"] = json!("https://idp/"), Err(Refused::Issuer));
        check(|c| c["aud"] = json!("stewards"), Err(Refused::Audience));
        check(|c| c["aud"] = json!([]), Err(Refused::Audience));
        check(|c| drop(c.as_object_mut().unwrap().remove("aud")), Err(Refused::Audience));
    }

    #[test]
    fn a_header_chooses_neither_the_algorithm_nor_a_key_that_is_not_the_providers() {
        for (header, expected) in [
            (json!({"alg": "EdDSA"}), Ok(())),
            (json!({"alg": "none", "kid": "k1"}), Err(Refused::Algorithm)),
            (json!({"alg": "HS256", "kid": "k1"}), Err(Refused::Algorithm)),
            (json!({"alg": "RS256", "kid": "k1"}), Err(Refused::Key)),
            (json!({"alg": "EdDSA", "kid": "k2"}), Err(Refused::Key)),
            (json!({"alg": "EdDSA", "kid": "enc"}), Err(Refused::Key)),
            (json!({"alg": "EdDSA", "kid": "other"}), Err(Refused::Key)),
            (json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}), Err(Refused::Malformed)),
        ] {
            assert_eq!(verify(&token(&header, &claims(|_| {}))).map(drop), expected, "{header}");
        }
    }

    #[test]
    fn a_token_that_was_touched_is_refused() {
        let good = token(&json!({"alg": "EdDSA", "kid": "k1"}), &claims(|_| {}));
        assert!(verify(&good).is_ok());
        let admin = part(&claims(|c| c["sub"] = json!("root")));
        let parts: Vec<&str> = good.split('.').collect();
        assert_eq!(verify(&format!("{}.{admin}.{}", parts[0], parts[2])), Err(Refused::Signature));
        assert_eq!(verify(&format!("{}.{}.", parts[0], parts[1])), Err(Refused::Signature));
        for bad in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", &good[1..], &format!("{good}."), &"a".repeat(20_000)] {
            assert_eq!(verify(bad), Err(Refused::Malformed), "{bad}");
        }
    }

    #[test]
    fn groups_stand_in_a_list_in_one_text_or_deeper() {
        let claims = json!({"groups": ["a", 7, "b"], "scope": "a  b", "realm_access": {"roles": ["a", "b"]}, "https://x.org/g": ["a", "b"]});
        let claims = claims.as_object().unwrap();
        for name in ["groups", "scope", "realm_access.roles", "https://x.org/g"] {
            assert_eq!(words(claims, name), ["a", "b"], "{name}");
        }
        for name in ["none", "realm_access", "groups.a"] {
            assert_eq!(words(claims, name), [""; 0], "{name}");
        }
    }
}
