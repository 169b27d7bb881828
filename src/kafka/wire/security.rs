//! How a listener is spoken to: in the clear or by TLS, with a login or without, as librdkafka's properties say.

use crate::kafka::tokens::Token;
use crate::kafka::wire::WireError;
use crate::kafka::wire::login::{Login, Mechanism};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Where systems keep the authorities that they trust, for whoever names none: Debian's place, and Red Hat's.
const SYSTEM_AUTHORITIES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
/// What is understood of TLS: where another `ssl.` property is set, librdkafka alone knows what it means.
const UNDERSTOOD: [&str; 4] =
    ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.endpoint.identification.algorithm"];

#[derive(Clone, Debug, Default)]
pub struct Security {
    tls: Option<Arc<ClientConfig>>,
    pub login: Option<Login>,
}

impl Security {
    /// `properties`: librdkafka's, as configured; `token`: what there is to log in with by OAUTHBEARER. The error says what is not spoken here, or which file is of no use.
    pub fn of(properties: &BTreeMap<String, String>, token: Option<&Token>) -> Result<Security, WireError> {
        let text = |key: &str| properties.get(key).map_or("", String::as_str);
        let protocol = text("security.protocol").to_lowercase();
        let (by_tls, by_login) = match protocol.as_str() {
            "" | "plaintext" => (false, false),
            "ssl" => (true, false),
            "sasl_plaintext" => (false, true),
            "sasl_ssl" => (true, true),
            _ => return Err(WireError::Unsupported(format!("security.protocol {protocol}"))),
        };
        let login = match by_login {
            false => None,
            true => {
                let named = properties.get("sasl.mechanism").or_else(|| properties.get("sasl.mechanisms"));
                let named = named.map_or("GSSAPI", String::as_str);
                let mechanism =
                    Mechanism::of(named).ok_or_else(|| WireError::Unsupported(format!("sasl.mechanism {named}")))?;
                let (user, password) = (text("sasl.username").into(), text("sasl.password").into());
                match (mechanism, token) {
                    // Tokens that nobody signed are librdkafka's own.
                    (Mechanism::Bearer, None) => return Err(WireError::Unsupported(format!("sasl.mechanism {named}"))),
                    (Mechanism::Bearer, Some(Token { text, extensions, .. })) => {
                        let password = text.as_str().into();
                        Some(Login { mechanism, user, password, extensions: extensions.clone() })
                    }
                    _ => Some(Login { mechanism, user, password, extensions: Vec::new() }),
                }
            }
        };
        Ok(Security { tls: if by_tls { Some(tls(properties)?) } else { None }, login })
    }

    pub fn stream(&self, host: &str, stream: TcpStream) -> Result<Stream, String> {
        let Some(tls) = &self.tls else { return Ok(Stream::Clear(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
        let connection = ClientConnection::new(tls.clone(), name).map_err(|e| e.to_string())?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
    }
}

fn tls(properties: &BTreeMap<String, String>) -> Result<Arc<ClientConfig>, WireError> {
    let odd = |(key, value): &(&String, &String)| {
        let understood = key.as_str() != "ssl.endpoint.identification.algorithm" || value.as_str() == "https";
        key.starts_with("ssl.") && !value.is_empty() && !(UNDERSTOOD.contains(&key.as_str()) && understood)
            || key.as_str() == "enable.ssl.certificate.verification" && value.as_str() == "false"
    };
    if let Some((key, _)) = properties.iter().find(odd) {
        return Err(WireError::Unsupported(key.clone()));
    }
    let file = |key: &str| properties.get(key).filter(|path| !path.is_empty());
    let unread = |key: &str, path: &str, why: String| WireError::Unreadable(format!("{key} {path}: {why}"));
    let certificates = |key: &str, path: &str| -> Result<Vec<CertificateDer<'static>>, WireError> {
        let all = CertificateDer::pem_file_iter(path).map_err(|e| unread(key, path, e.to_string()))?;
        all.collect::<Result<_, _>>().map_err(|e| unread(key, path, e.to_string()))
    };
    let system = || SYSTEM_AUTHORITIES.into_iter().find(|path| std::path::Path::new(path).exists());
    let authorities = file("ssl.ca.location").map(String::as_str).or_else(system).unwrap_or(SYSTEM_AUTHORITIES[0]);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ssl.ca.location", authorities)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |e: rustls::Error| WireError::Unreadable(format!("ssl.certificate.location: {e}"));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(broken)?;
    let config = config.with_root_certificates(roots);
    let config = match (file("ssl.certificate.location"), file("ssl.key.location")) {
        (Some(certificate), Some(key)) => {
            let own = PrivateKeyDer::from_pem_file(key).map_err(|e| unread("ssl.key.location", key, e.to_string()))?;
            let chain = certificates("ssl.certificate.location", certificate)?;
            config.with_client_auth_cert(chain, own).map_err(broken)?
        }
        _ => config.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// A connection to a broker.
#[derive(Debug)]
pub enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Clear(stream) => stream.read(into),
            Stream::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Clear(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Stream::Clear(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_spoken_here_is_told_by_its_property() {
        let check = |lines: &[(&str, &str)], said: Option<&str>| {
            let properties = lines.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            let found = Security::of(&properties, None).err().map(|error| error.to_string());
            match said {
                None => assert_eq!(found, None, "{lines:?}"),
                Some(said) => assert!(found.as_ref().is_some_and(|found| found.contains(said)), "{lines:?}: {found:?}"),
            }
        };
        check(&[], None);
        check(&[("security.protocol", "PLAINTEXT")], None);
        check(&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "SCRAM-SHA-256")], None);
        check(&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanisms", "PLAIN")], None);
        check(&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "OAUTHBEARER")], Some("OAUTHBEARER"));
        check(&[("security.protocol", "sasl_plaintext")], Some("GSSAPI"));
        check(&[("security.protocol", "quic")], Some("security.protocol quic"));
        check(&[("security.protocol", "ssl"), ("ssl.ca.location", "/nowhere.pem")], Some("/nowhere.pem"));
        check(&[("security.protocol", "ssl"), ("ssl.keystore.location", "k.p12")], Some("ssl.keystore.location"));
        check(
            &[("security.protocol", "ssl"), ("ssl.endpoint.identification.algorithm", "none")],
            Some("ssl.endpoint.identification.algorithm"),
        );
        check(
            &[("security.protocol", "ssl"), ("enable.ssl.certificate.verification", "false")],
            Some("enable.ssl.certificate.verification"),
        );
    }
}
