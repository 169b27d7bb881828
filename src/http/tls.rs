//! HTTPS: our certificate, and whose clients' certificates count.

use crate::config::http::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// TLS 1.2 and 1.3. The error names the key, what is wrong, and what to do.
pub fn server(tls: &Tls) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let builder = match &tls.clients {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let key = "http.ssl.client.ca.location";
            let mut roots = RootCertStore::empty();
            for certificate in certificates(key, file)? {
                roots.add(certificate).map_err(|e| wrong(key, file, &e.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|e| wrong(key, file, &e.to_string()))?)
        }
    };
    let chain = certificates("http.ssl.certificate.location", &tls.certificate)?;
    let of_key = "http.ssl.key.location";
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| wrong(of_key, &tls.key, &e.to_string()))?;
    let mut server = builder.with_single_cert(chain, key).map_err(|e| wrong(of_key, &tls.key, &e.to_string()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(wrong(key, file, "it holds no certificate")),
        Ok(found) => Ok(found),
        Err(e) => Err(wrong(key, file, &e.to_string())),
    }
}

fn wrong(key: &str, file: &Path, why: &str) -> String {
    format!("{key}: {} is of no use: {why}; give a PEM file whose certificate and key belong together", file.display())
}
