//! HTTPS: our certificate, clients' certificates, and both renewed while it serves.

use crate::served::{Idle, Served};
use mesh_steward::config::access::Access;
use mesh_steward::config::http::{Http, Tls};
use mesh_steward::engine::access::logins::Logins;
use mesh_steward::http::access::{Gate, Rules};
use mesh_steward::registry::tls;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

struct Door {
    folder: TempDir,
}

impl Door {
    fn new() -> Door {
        Door { folder: tempfile::tempdir().unwrap() }
    }

    /// A certificate and its key below this name; answers the fingerprint.
    fn certify(&self, name: &str) -> String {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.at(&format!("{name}.pem")), made.cert.pem()).unwrap();
        fs::write(self.at(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        Sha256::digest(made.cert.der()).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rules(&self, clients: Option<&str>, access: Access) -> Result<Rules, String> {
        let clients = clients.map(|name| self.at(name));
        let tls = Some(Tls { certificate: self.at("own.pem"), key: self.at("own.key"), clients });
        let listen = ([127, 0, 0, 1], 0).into();
        Rules::of(&Http { listen, tls, requests_per_second: 0, access })
    }

    /// Status of a request over TLS, by this trust and certificate; 0: no TLS.
    fn ask(&self, served: &Served, trusts: &str, shows: Option<&str>, path: &str) -> (u16, String) {
        let shows = shows.map(|name| (self.at(&format!("{name}.pem")), self.at(&format!("{name}.key"))));
        let config = tls::config("x", Some(Path::new(&self.at(trusts))), shows.as_ref()).unwrap();
        let agent = ureq::Agent::config_builder().tls_config(config).http_status_as_error(false).build();
        let url = format!("https://localhost:{}{path}", served.address.port());
        match ureq::Agent::from(agent).get(url).call() {
            Ok(answer) => {
                let strict = answer.headers().get("strict-transport-security");
                (answer.status().as_u16(), strict.map_or(String::new(), |value| value.to_str().unwrap().to_owned()))
            }
            Err(_) => (0, String::new()),
        }
    }
}

#[test]
fn https_is_served_by_a_certificate_that_a_reload_renews() {
    let door = Door::new();
    door.certify("own");
    let gate = Arc::new(Gate::new(door.rules(None, Access::default()).unwrap()));
    let served = Idle { gate: gate.clone(), ..Served::idle() }.run(|_| {});
    fs::copy(door.at("own.pem"), door.at("old.pem")).unwrap();
    assert_eq!(door.ask(&served, "old.pem", None, "/live"), (200, "max-age=31536000".to_owned()));
    // No TLS, no HTTP.
    assert_eq!(served.raw("GET /live HTTP/1.1\r\nHost: x\r\n\r\n").matches("HTTP/1.1").count(), 0);
    door.certify("own");
    assert_eq!(door.ask(&served, "own.pem", None, "/live").0, 0, "the old one is in force until it is read again");
    gate.take(door.rules(None, Access::default()).unwrap());
    assert_eq!(door.ask(&served, "own.pem", None, "/live").0, 200);
    assert_eq!(door.ask(&served, "old.pem", None, "/live").0, 0);
    let key = door.at("own.key");
    fs::write(&key, "no key").unwrap();
    let why = door.rules(None, Access::default()).err().unwrap();
    assert!(why.contains("http.ssl.key.location") && why.contains("own.key"), "{why}");
}

#[test]
fn a_client_without_a_certificate_of_ours_is_not_served_and_one_with_it_is_known_by_it() {
    let door = Door::new();
    door.certify("own");
    let fingerprint = door.certify("client");
    door.certify("other");
    let logins = Logins::read(&format!("logins: [{{name: gateway, certificate: '{fingerprint}', roles: [viewer]}}]"));
    let access = Access { required: true, logins: logins.unwrap(), ..Access::default() };
    // `second` is trusted, too, and nobody's.
    door.certify("second");
    let both = fs::read_to_string(door.at("client.pem")).unwrap() + &fs::read_to_string(door.at("second.pem")).unwrap();
    fs::write(door.at("clients.pem"), both).unwrap();
    let gate = Arc::new(Gate::new(door.rules(Some("clients.pem"), access).unwrap()));
    let served = Idle { gate, ..Served::idle() }.run(|_| {});
    for (shows, path, expected) in [
        (Some("client"), "/products", 200),
        (Some("client"), "/admin/loggers", 403),
        (Some("second"), "/products", 401),
        (Some("second"), "/live", 200),
        (Some("other"), "/live", 0),
        (None, "/live", 0),
    ] {
        assert_eq!(door.ask(&served, "own.pem", shows, path).0, expected, "{shows:?} {path}");
    }
}
