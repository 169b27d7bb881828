//! Certificates for the connections to a registry or another service beside Kafka, read when a client is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// What the configuration's files say; `section` is what their keys begin with, `certificate` the client's own and its key. The error
/// names the key, what is wrong, and what to do.
pub fn config(section: &str, ca: Option<&Path>, certificate: Option<&(PathBuf, PathBuf)>) -> Result<TlsConfig, String> {
    let mut tls = TlsConfig::builder();
    if let Some(ca) = ca {
        let key = format!("{section}.ssl.ca.location");
        let (roots, _) = read(&key, ca)?;
        if roots.is_empty() {
            return Err(lacks(&key, ca, "certificate"));
        }
        tls = tls.root_certs(RootCerts::Specific(Arc::new(roots)));
    }
    if let Some((certificate, key)) = certificate {
        let (of_chain, of_own) = (format!("{section}.ssl.certificate.location"), format!("{section}.ssl.key.location"));
        let (chain, _) = read(&of_chain, certificate)?;
        let (_, own) = read(&of_own, key)?;
        if chain.is_empty() {
            return Err(lacks(&of_chain, certificate, "certificate"));
        }
        let Some(own) = own else { return Err(lacks(&of_own, key, "key without a password")) };
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
