//! Where schemas are asked for, as whom, and how long one waits for them.

use crate::config::error::ConfigErrors;
use crate::config::peer::{self, Login, Peer};
use crate::config::raw::{self, Raw};
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

/// `file`: the configuration's own path, which relative ones go out from.
pub fn check(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> Registry {
    let Peer { section: _, urls, login, ca, certificate, request_timeout_ms } =
        peer::check(typed, "registry", "http://registry:8081", file, notes);
    Registry {
        urls,
        login,
        ca,
        certificate,
        request_timeout_ms,
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

#[cfg(test)]
mod tests {
    use crate::config::peer::Login;
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
