//! Where schemas are asked for, as whom, and how long one waits for them.

use crate::config::error::ConfigErrors;
use crate::config::raw::{self, Raw};
use crate::config::secret::Secret;
use crate::config::typed::Typed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How the schema registry is reached. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Addresses of one registry, without a slash at the end; none: there is no registry.
    pub urls: Vec<String>,
    pub login: Login,
    /// PEM; `None`: the roots that browsers trust.
    pub ca: Option<PathBuf>,
    /// The client's certificate and its key, PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    pub request_timeout_ms: i64,
    /// How long an unknown schema is asked for again before it counts as unknown.
    pub missing_grace_ms: i64,
    /// How long a partition waits for a registry that does not answer.
    pub unavailable_max_ms: i64,
    /// Schemas kept in memory.
    pub schemas_max: usize,
}

#[derive(Clone, Debug)]
pub enum Login {
    Anonymous,
    /// `user:password`.
    Basic(Secret),
    Bearer(Secret),
}

/// `file`: the configuration's own path, which relative ones go out from.
pub fn check(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> Registry {
    let certificate = location(typed, "registry.ssl.certificate.location", file);
    let key = location(typed, "registry.ssl.key.location", file);
    match (&certificate, &key) {
        (Some(_), None) => typed.wrong(
            "registry.ssl.certificate.location",
            "has no key beside it".into(),
            "set registry.ssl.key.location, or remove it",
        ),
        (None, Some(_)) => typed.wrong(
            "registry.ssl.key.location",
            "has no certificate beside it".into(),
            "set registry.ssl.certificate.location, or remove it",
        ),
        _ => {}
    }
    let (urls, login) = (urls(typed), login(typed));
    if !matches!(login, Login::Anonymous) && urls.iter().any(|url| url.starts_with("http://")) {
        notes.push(
            "registry.url is http: the login crosses the network in clear; write https where it leaves the host".into(),
        );
    }
    Registry {
        urls,
        login,
        ca: location(typed, "registry.ssl.ca.location", file),
        certificate: certificate.zip(key),
        request_timeout_ms: typed.duration("registry.request.timeout"),
        missing_grace_ms: typed.duration("registry.missing.grace"),
        unavailable_max_ms: typed.duration("registry.unavailable.max"),
        schemas_max: typed.whole("registry.schemas.max") as usize,
    }
}

impl Registry {
    /// The one at an address, or at several; all else is as the environment says.
    pub fn at(url: &str, env: &BTreeMap<String, String>) -> Result<Registry, ConfigErrors> {
        let Raw { settings, errors } = raw::without_file(&[("registry.url", url)], env);
        let mut typed = Typed { settings: &settings, errors };
        let registry = check(&mut typed, Path::new(""), &mut Vec::new());
        let wrong: Vec<_> = typed.errors.into_iter().filter(|e| e.key.starts_with("registry.")).collect();
        if wrong.is_empty() { Ok(registry) } else { Err(ConfigErrors::new(Path::new(""), wrong)) }
    }
}

fn urls(typed: &mut Typed<'_>) -> Vec<String> {
    let text = typed.text("registry.url");
    let urls = text.split(',').map(|url| url.trim().trim_end_matches('/')).filter(|url| !url.is_empty());
    let urls: Vec<String> = urls.map(str::to_owned).collect();
    for url in &urls {
        let place = url.strip_prefix("http://").or(url.strip_prefix("https://"));
        let host = place.unwrap_or("").split('/').next().unwrap_or("");
        if host.contains('@') {
            let remedy = "write it without them, and set registry.basic.auth.user.info, which is never shown";
            typed.wrong("registry.url", "holds a user or a password".into(), remedy);
            // What was typed is a secret now.
            typed.errors.iter_mut().filter(|e| e.key == "registry.url").for_each(|e| e.value = None);
        } else if host.is_empty() || url.contains(['?', '#', ' ']) {
            typed.wrong("registry.url", "is no address".into(), "write one like http://registry:8081");
        }
    }
    urls
}

fn login(typed: &mut Typed<'_>) -> Login {
    let (basic, bearer) = (typed.text("registry.basic.auth.user.info"), typed.text("registry.bearer.auth.token"));
    match (basic.is_empty(), bearer.is_empty()) {
        (true, true) => Login::Anonymous,
        (true, false) => {
            // A line break would end the header that carries it.
            if bearer.bytes().any(|b| b.is_ascii_control()) {
                let remedy = "give the token alone; ${dir:folder:file} takes the line break at the end off";
                typed.wrong("registry.bearer.auth.token", "holds a line break or the like".into(), remedy);
            }
            Login::Bearer(Secret::new(bearer))
        }
        (false, true) => {
            if !basic.contains(':') {
                typed.wrong("registry.basic.auth.user.info", "has no `:`".into(), "write user:password");
            }
            Login::Basic(Secret::new(basic))
        }
        (false, false) => {
            let problem = "stands beside registry.basic.auth.user.info";
            typed.wrong("registry.bearer.auth.token", problem.into(), "remove one of the two");
            Login::Anonymous
        }
    }
}

/// A PEM file that must be there.
fn location(typed: &mut Typed<'_>, path: &str, file: &Path) -> Option<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::Login;
    use crate::config::usable::Config;
    use std::collections::BTreeMap;

    #[test]
    fn addresses_login_and_files_are_checked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        std::fs::write(folder.path().join("text"), "hello").unwrap();
        for (yaml, key, problem, remedy) in [
            ("url: http://a:8081/", "", "", ""),
            ("url: http://a:8081, https://b/apis/ccompat/v7/", "", "", ""),
            ("url: localhost:8081", "url", "is no address", "http://"),
            ("url: http:///x", "url", "is no address", "http://"),
            ("url: http://me:hunter2@a", "url", "holds a user or a password", "basic.auth.user.info"),
            ("basic.auth.user.info: hunter2", "basic.auth.user.info", "has no `:`", "user:password"),
            ("{basic.auth.user.info: 'a:hunter2', bearer.auth.token: hunter2}", "bearer.auth.token", "beside", "one"),
            ("bearer.auth.token: \"hunter2\\n\"", "bearer.auth.token", "line break", "alone"),
            ("ssl.ca.location: ca.pem", "", "", ""),
            ("ssl.ca.location: nowhere.pem", "ssl.ca.location", "cannot be read", "mount"),
            ("ssl.ca.location: text", "ssl.ca.location", "is no PEM file", "BEGIN"),
            ("ssl.certificate.location: ca.pem", "ssl.certificate.location", "no key", "ssl.key.location"),
            ("ssl.key.location: ca.pem", "ssl.key.location", "no certificate", "ssl.certificate.location"),
            ("{ssl.key.location: ca.pem, ssl.certificate.location: ca.pem}", "", "", ""),
            ("request.timeout: 1ms", "request.timeout", "out of bounds", "100ms"),
        ] {
            let file = folder.path().join("f.yaml");
            let yaml = if yaml.starts_with('{') { yaml.to_owned() } else { format!("{{{yaml}}}") };
            std::fs::write(&file, format!("worker.id: w1\nregistry: {yaml}")).unwrap();
            match Config::load_with(&file, &BTreeMap::new()) {
                Ok(_) => assert_eq!(problem, "", "{yaml}"),
                Err(report) => {
                    assert_eq!(report.errors.len(), 1, "{yaml}: {report}");
                    let e = &report.errors[0];
                    assert!(e.key == format!("registry.{key}") && !problem.is_empty(), "{yaml}: {e}");
                    assert!(e.problem.contains(problem) && e.remedy.contains(remedy), "{yaml}: {e}");
                    assert!(!report.to_string().contains("hunter2"), "{yaml}: {e}");
                }
            }
        }
    }

    #[test]
    fn without_an_address_there_is_no_registry() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, "worker.id: w1\nregistry.url: ' http://a:1/ ,http://b/x'").unwrap();
        let load =
            |env: &[(String, String)]| Config::load_with(&file, &env.iter().cloned().collect()).unwrap().registry;
        assert_eq!(load(&[]).urls, ["http://a:1", "http://b/x"]);
        assert!(matches!(load(&[]).login, Login::Anonymous));
        for (url, told) in [("http://a", true), ("https://a,http://b", true), ("https://a", false)] {
            std::fs::write(&file, format!("worker.id: w1\nregistry: {{url: '{url}', bearer.auth.token: t}}")).unwrap();
            let notes = Config::load_with(&file, &BTreeMap::new()).unwrap().notes;
            assert_eq!(notes.iter().any(|note| note.contains("in clear")), told, "{url}: {notes:?}");
        }
        std::fs::write(&file, "worker.id: w1\nregistry.url: ' http://a:1/ ,http://b/x'").unwrap();
        assert_eq!(load(&[("STEWARD_REGISTRY_URL".into(), String::new())]).urls, [""; 0]);
    }
}
