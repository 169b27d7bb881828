//! The keys of `http`: where REST and the page listen, by which certificate, how much one client may ask.

use crate::config::access::{self, Access};
use crate::config::peer::location;
use crate::config::typed::Typed;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct Http {
    pub listen: SocketAddr,
    /// `None`: no HTTPS.
    pub tls: Option<Tls>,
    /// Of one client, where it has to say who it is; 0: as many as it likes.
    pub requests_per_second: u32,
    pub access: Access,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Who signs clients' certificates; `None`: they need none.
    pub clients: Option<PathBuf>,
}

/// `file`: the configuration's own path, which relative ones go out from.
pub fn check(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> Http {
    let listen = listen(typed);
    let tls = tls(typed, file);
    let access = access::check(typed, file, listen, tls.as_ref(), notes);
    let reached = listen.is_some_and(|listen| !listen.ip().is_loopback());
    if access.required && reached && tls.is_none() {
        notes.push(
            "http.listen is reached from elsewhere without TLS: tokens and passwords cross the network in clear; set \
             http.ssl.certificate.location, or let a proxy on this host do it"
                .into(),
        );
    }
    Http {
        listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
        tls,
        requests_per_second: typed.whole("http.requests.per.second") as u32,
        access,
    }
}

fn listen(typed: &mut Typed<'_>) -> Option<SocketAddr> {
    let address = typed.text("http.listen").replace("localhost:", "127.0.0.1:").parse();
    if address.is_err() {
        typed.wrong("http.listen", "is no address and port".into(), "write one like 127.0.0.1:8083 or [::1]:8083");
    }
    address.ok()
}

fn tls(typed: &mut Typed<'_>, file: &Path) -> Option<Tls> {
    let [of_chain, of_key, of_clients] =
        ["http.ssl.certificate.location", "http.ssl.key.location", "http.ssl.client.ca.location"];
    let (certificate, key) = (location(typed, of_chain, file), location(typed, of_key, file));
    let clients = location(typed, of_clients, file);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key, clients }),
        (None, None) => {
            if clients.is_some() {
                let remedy = format!("set {of_chain} and {of_key}, or remove it");
                typed.wrong(of_clients, "has no certificate of our own beside it".into(), &remedy);
            }
            None
        }
        (Some(_), None) => {
            typed.wrong(of_chain, "has no key beside it".into(), &format!("set {of_key}, or remove it"));
            None
        }
        (None, Some(_)) => {
            typed.wrong(of_key, "has no certificate beside it".into(), &format!("set {of_chain}, or remove it"));
            None
        }
    }
}
