//! A service beside Kafka: where it is, as whom it is asked, whose certificates count.

use crate::config::secret::Secret;
use crate::config::typed::Typed;
use std::path::{Path, PathBuf};

/// One section of the configuration, as `connect`. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What its keys begin with.
    pub section: &'static str,
    /// Without a slash at the end; none: there is no such service.
    pub urls: Vec<String>,
    pub login: Login,
    /// PEM; `None`: the roots that browsers trust.
    pub ca: Option<PathBuf>,
    /// The client's certificate and its key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    pub request_timeout_ms: i64,
}

#[derive(Clone, Debug)]
pub enum Login {
    Anonymous,
    /// `user:password`.
    Basic(Secret),
    Bearer(Secret),
}

/// `example`: an address as one would write it. `file`: the configuration's own path, which relative ones go out from.
pub fn check(
    typed: &mut Typed<'_>,
    section: &'static str,
    example: &str,
    file: &Path,
    notes: &mut Vec<String>,
) -> Peer {
    let key_of = |name: &str| format!("{section}.{name}");
    let (own, key_file) = (key_of("ssl.certificate.location"), key_of("ssl.key.location"));
    let certificate = location(typed, &own, file);
    let key = location(typed, &key_file, file);
    match (&certificate, &key) {
        (Some(_), None) => typed.wrong(&own, "has no key beside it".into(), &format!("set {key_file}, or remove it")),
        (None, Some(_)) => {
            typed.wrong(&key_file, "has no certificate beside it".into(), &format!("set {own}, or remove it"));
        }
        _ => {}
    }
    let (urls, login) = (urls(typed, &key_of("url"), example), login(typed, section));
    if !matches!(login, Login::Anonymous) && urls.iter().any(|url| url.starts_with("http://")) {
        notes.push(format!(
            "{section}.url is http: the login crosses the network in clear; write https where it leaves the host"
        ));
    }
    Peer {
        section,
        urls,
        login,
        ca: location(typed, &key_of("ssl.ca.location"), file),
        certificate: certificate.zip(key),
        request_timeout_ms: typed.duration(&key_of("request.timeout")),
    }
}

/// Addresses without a slash at the end.
pub fn urls(typed: &mut Typed<'_>, key: &str, example: &str) -> Vec<String> {
    let text = typed.text(key);
    let urls = text.split(',').map(|url| url.trim().trim_end_matches('/')).filter(|url| !url.is_empty());
    let urls: Vec<String> = urls.map(str::to_owned).collect();
    for url in &urls {
        let place = url.strip_prefix("http://").or(url.strip_prefix("https://"));
        let host = place.unwrap_or("").split('/').next().unwrap_or("");
        if host.contains('@') {
            let section = key.split('.').next().unwrap_or_default();
            let remedy = format!("write it without them, and set {section}.basic.auth.user.info, which is never shown");
            typed.wrong(key, "holds a user or a password".into(), &remedy);
            // What was typed is a secret now.
            typed.errors.iter_mut().filter(|e| e.key == key).for_each(|e| e.value = None);
        } else if host.is_empty() || url.contains(['?', '#', ' ']) {
            typed.wrong(key, "is no address".into(), &format!("write one like {example}"));
        }
    }
    urls
}

fn login(typed: &mut Typed<'_>, section: &str) -> Login {
    let (basic_key, bearer_key) = (format!("{section}.basic.auth.user.info"), format!("{section}.bearer.auth.token"));
    let (basic, bearer) = (typed.text(&basic_key), typed.text(&bearer_key));
    match (basic.is_empty(), bearer.is_empty()) {
        (true, true) => Login::Anonymous,
        (true, false) => {
            // A line break would end the header that carries it.
            if bearer.bytes().any(|b| b.is_ascii_control()) {
                let remedy = "give the token alone; ${dir:folder:file} takes the line break at the end off";
                typed.wrong(&bearer_key, "holds a line break or the like".into(), remedy);
            }
            Login::Bearer(Secret::new(bearer))
        }
        (false, true) => {
            if !basic.contains(':') {
                typed.wrong(&basic_key, "has no `:`".into(), "write user:password");
            }
            Login::Basic(Secret::new(basic))
        }
        (false, false) => {
            typed.wrong(&bearer_key, format!("stands beside {basic_key}"), "remove one of the two");
            Login::Anonymous
        }
    }
}

/// A PEM file that must be there.
pub fn location(typed: &mut Typed<'_>, path: &str, file: &Path) -> Option<PathBuf> {
    let text = typed.text(path);
    if text.is_empty() {
        return None;
    }
    // Absolute paths stay as they are.
    let location = file.parent().unwrap_or(Path::new("")).join(text);
    match std::fs::read_to_string(&location) {
        Ok(pem) if pem.contains("-----BEGIN ") => {}
        Ok(_) => typed.wrong(path, "is no PEM file".into(), "give a file with -----BEGIN …----- in it"),
        Err(e) => {
            let remedy = "mount the file, or let the user that runs steward read it";
            typed.wrong(path, format!("cannot be read: {e}"), remedy);
        }
    }
    Some(location)
}
