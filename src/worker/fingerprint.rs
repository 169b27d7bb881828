//! The key of uniqueness hashes, and its fingerprint in the catalog, by which workers find out that they have two.

use crate::config::usable::Config;
use crate::kafka::admin::Standing;
use crate::kafka::catalog;
use crate::kafka::client::Settings;
use crate::kafka::configured::topics;
use crate::worker::keeper::OpenError;
use sha2::{Digest, Sha256};

/// Key of the catalog record that holds the fingerprint of the uniqueness key.
const FINGERPRINT_KEY: &str = "privacy/hash-key-fingerprint";

/// The key of uniqueness hashes, one for all workers: the configured secret, else the deltas topic's id, which Kafka
/// drew at random when it was created and which whoever may describe that topic can learn.
pub fn hash_key(config: &Config, standing: &Standing) -> [u8; 16] {
    let digest = match &config.privacy.hash_key {
        Some(secret) => Sha256::digest(secret.expose().as_bytes()),
        None => Sha256::digest(standing.deltas.id.0.to_be_bytes()),
    };
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// Two workers with two keys would never see a duplicate between them: the fingerprint in the catalog is the arbiter.
pub fn hold(settings: &Settings, config: &Config, key: &[u8; 16]) -> Result<(), OpenError> {
    let mut digest = Sha256::new();
    digest.update(b"fingerprint");
    digest.update(key);
    let fingerprint: String = digest.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect();
    let catalog = topics(config).catalog();
    match catalog::read_catalog(settings, &catalog)?.get(FINGERPRINT_KEY) {
        None => Ok(catalog::write_record(settings, &catalog, FINGERPRINT_KEY, Some(fingerprint.into_bytes()))?),
        Some(known) if *known == fingerprint.as_bytes() => Ok(()),
        Some(_) => Err(OpenError::Refused(format!(
            "privacy.hash.key is not the one that this cluster's steward began with ({FINGERPRINT_KEY} in {catalog}): \
             give every worker the same key; to change it, stop all workers and write a tombstone to that record"
        ))),
    }
}
