//! Certificates for the registry's connections, read when a client is made.

use crate::config::registry::Registry;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// What the configuration's files say. The error names the key, what is wrong, and what to do.
pub fn config(registry: &Registry) -> Result<TlsConfig, String> {
    let mut tls = TlsConfig::builder();
    if let Some(ca) = &registry.ca {
        let (roots, _) = read("registry.ssl.ca.location", ca)?;
        if roots.is_empty() {
            return Err(lacks("registry.ssl.ca.location", ca, "certificate"));
        }
        tls = tls.root_certs(RootCerts::Specific(Arc::new(roots)));
    }
    if let Some((certificate, key)) = &registry.certificate {
        let (chain, _) = read("registry.ssl.certificate.location", certificate)?;
        let (_, own) = read("registry.ssl.key.location", key)?;
        if chain.is_empty() {
            return Err(lacks("registry.ssl.certificate.location", certificate, "certificate"));
        }
        let Some(own) = own else { return Err(lacks("registry.ssl.key.location", key, "key without a password")) };
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, own)));
    }
    Ok(tls.build())
}

type Pem = (Vec<Certificate<'static>>, Option<PrivateKey<'static>>);

/// All certificates of a file, and its first key.
fn read(key: &str, file: &Path) -> Result<Pem, String> {
    let wrong = |why: String| format!("{key}: {} cannot be read: {why}; give a PEM file", file.display());
    let pem = fs::read(file).map_err(|e| wrong(e.to_string()))?;
    let (mut certificates, mut own) = (Vec::new(), None);
    for item in parse_pem(&pem) {
        match item.map_err(|e| wrong(e.to_string()))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(key) => own = own.or(Some(key)),
            _ => {}
        }
    }
    Ok((certificates, own))
}

fn lacks(key: &str, file: &Path, what: &str) -> String {
    format!("{key}: {} holds no {what}; give a PEM file that does", file.display())
}
