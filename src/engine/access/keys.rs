//! An OpenID provider's keys: a JWK Set (RFC 7517, RFC 7518 section 6, RFC 8037). Only public keys of the algorithms that are taken
//! (RS256, ES256, EdDSA) are read of it; whatever else stands there is left alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// A provider has two or three; a file of more would make each token costly.
const KEYS_MAX: usize = 64;

/// Which signatures are taken. Not those by a shared secret, and never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    /// RFC 7518, section 3.1; RFC 8037, section 3.1.
    pub fn word(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: Option<String>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    /// Modulus and exponent, big-endian.
    Rsa(Vec<u8>, Vec<u8>),
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Key {
    /// A key takes part in one algorithm only, whatever a token's header says.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa(..) => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok(),
        }
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that are of use here; the error says why there are none.
pub fn read(text: &[u8]) -> Result<Vec<Key>, String> {
    let set: Set = serde_json::from_slice(text).map_err(|e| format!("is no JWK Set: {e}"))?;
    if set.keys.len() > KEYS_MAX {
        return Err(format!("holds {} keys, {KEYS_MAX} at most", set.keys.len()));
    }
    let keys: Vec<Key> = set.keys.into_iter().filter_map(|key| key_of(serde_json::from_value(key).ok()?)).collect();
    let words = Algorithm::ALL.map(Algorithm::word).join(", ");
    if keys.is_empty() { Err(format!("holds no public key for one of {words}")) } else { Ok(keys) }
}

fn key_of(jwk: Jwk) -> Option<Key> {
    if jwk.used_for.as_deref().is_some_and(|used_for| used_for != "sig") {
        return None;
    }
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa(bytes(&jwk.n)?, bytes(&jwk.e)?),
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            // SEC 1, section 2.3.3: 4, then both coordinates.
            Material::P256([&[4], &x[..], &y[..]].concat())
        }
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&jwk.x)?),
        _ => return None,
    };
    let key = Key { id: jwk.kid, material };
    jwk.alg.is_none_or(|alg| alg == key.algorithm().word()).then_some(key)
}
