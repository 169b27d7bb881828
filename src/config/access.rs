//! The keys of `access`: who has to say who they are, and by what. Nobody on loopback; elsewhere somebody has to decide.

use crate::config::http::Tls;
use crate::config::peer::location;
use crate::config::typed::Typed;
use crate::engine::access::jwt::Expected;
use crate::engine::access::logins::Logins;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Everybody has to say who they are.
    pub required: bool,
    /// Where the logins came from.
    pub file: Option<PathBuf>,
    pub logins: Logins,
    /// `/metrics` asks nobody.
    pub metrics_open: bool,
    pub oidc: Option<Oidc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    pub expected: Expected,
    pub jwks: Jwks,
    pub groups_claim: String,
    pub subject_claim: String,
}

/// Where a provider's public keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jwks {
    File(PathBuf),
    /// With the CAs to trust, PEM; `None`: the roots that browsers trust.
    Url(String, Option<PathBuf>),
}

/// `listen`: `None` where it cannot be read. `file`: the configuration's own path.
pub fn check(
    typed: &mut Typed<'_>,
    file: &Path,
    listen: Option<SocketAddr>,
    tls: Option<&Tls>,
    notes: &mut Vec<String>,
) -> Access {
    let (mode, insecure) = (typed.word("access.mode"), typed.flag("http.insecure"));
    let (path, logins) = logins(typed, file);
    let oidc = oidc(typed, file);
    let decided = path.is_some() || oidc.is_some();
    let required = match mode.as_str() {
        "none" => false,
        "required" => true,
        _ => decided && !insecure,
    };
    if required && !decided {
        let remedy = "set access.file (`steward token` makes an entry) or access.oidc, or say access.mode: none";
        typed.wrong("access.mode", "has nothing to know anybody by".into(), remedy);
    }
    if !required && decided {
        notes.push("logins are configured and access.mode or http.insecure says that nobody is asked for one".into());
    }
    if oidc.is_some() && !logins.has_groups() && required {
        let remedy = "write groups in access.file: {groups: {data-platform: [admin]}}";
        typed.wrong("access.oidc.issuer", "stands without groups: none of its users may do anything".into(), remedy);
    }
    if listen.is_some_and(|listen| !listen.ip().is_loopback()) && !required && mode != "none" && !insecure {
        let problem = "can be reached from elsewhere, and nothing says who may do what".into();
        let remedy = "set access.file (`steward token` makes an entry) or access.oidc; say access.mode: none where \
                      something in front asks who is there; or listen on 127.0.0.1";
        typed.wrong("http.listen", problem, remedy);
    }
    if required && tls.is_some_and(|tls| tls.clients.is_some()) {
        notes.push("http.ssl.client.ca.location: probes and scrapes, too, need a certificate of these".into());
    }
    Access { required, file: path, logins, metrics_open: typed.flag("access.metrics.open"), oidc }
}

fn logins(typed: &mut Typed<'_>, file: &Path) -> (Option<PathBuf>, Logins) {
    let text = typed.text("access.file");
    if text.is_empty() {
        return (None, Logins::default());
    }
    // Absolute paths stay as they are.
    let path = file.parent().unwrap_or(Path::new("")).join(text);
    let read = std::fs::read_to_string(&path).map_err(|e| format!("cannot be read: {e}"));
    match read.and_then(|text| Logins::read(&text)) {
        Ok(logins) => (Some(path), logins),
        Err(why) => {
            typed.wrong("access.file", why, "correct the file; docs/security.md shows one");
            (Some(path), Logins::default())
        }
    }
}

fn oidc(typed: &mut Typed<'_>, file: &Path) -> Option<Oidc> {
    let keys = ["access.oidc.issuer", "access.oidc.audience", "access.oidc.jwks"];
    let [issuer, audience, jwks] = keys.map(|key| typed.text(key));
    let ca = location(typed, "access.oidc.ssl.ca.location", file);
    let (groups_claim, subject_claim) =
        (typed.text("access.oidc.claim.groups"), typed.text("access.oidc.claim.subject"));
    if [&issuer, &audience, &jwks].iter().all(|text| text.is_empty()) {
        return None;
    }
    if let Some((key, _)) = keys.iter().zip([&issuer, &audience, &jwks]).find(|(_, text)| text.is_empty()) {
        typed.wrong(key, "is empty, and its neighbours are not".into(), &format!("set all of {}", keys.join(", ")));
        return None;
    }
    let host = jwks.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    let jwks = match host {
        Some("localhost" | "127.0.0.1") => Jwks::Url(jwks, ca),
        Some(_) => {
            let remedy = "write https://…, or give a file";
            typed.wrong(keys[2], "is http: whoever is between here and there could sign tokens".into(), remedy);
            return None;
        }
        None if jwks.starts_with("https://") => Jwks::Url(jwks, ca),
        None => Jwks::File(file.parent().unwrap_or(Path::new("")).join(jwks)),
    };
    Some(Oidc { expected: Expected { issuer, audience }, jwks, groups_claim, subject_claim })
}

#[cfg(test)]
mod tests {
    use crate::config::usable::Config;
    use std::collections::BTreeMap;

    #[test]
    fn an_address_that_others_reach_takes_a_decision_and_loopback_none() {
        let folder = tempfile::tempdir().unwrap();
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let logins = format!("logins: [{{name: a, sha256: {hash}, roles: [viewer]}}]\n");
        std::fs::write(folder.path().join("logins"), &logins).unwrap();
        std::fs::write(folder.path().join("groups"), format!("{logins}groups: {{g: [admin]}}\n")).unwrap();
        std::fs::write(folder.path().join("bad"), "logins: [{name: a, roles: [root]}]").unwrap();
        std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        let everywhere = "http.listen: 0.0.0.0:8083\n";
        let oidc = "access.oidc: {issuer: 'https://idp', audience: steward, jwks: 'https://idp/keys'}\n";
        let check = |yaml: &str, expected: Result<bool, (&str, &str)>| {
            let file = folder.path().join("f.yaml");
            std::fs::write(&file, format!("worker.id: w1\n{yaml}")).unwrap();
            match (Config::load_with(&file, &BTreeMap::new()), expected) {
                (Ok(config), Ok(required)) => assert_eq!(config.http.access.required, required, "{yaml}"),
                (Err(report), Err((key, words))) => {
                    assert_eq!(report.errors.len(), 1, "{yaml}: {report}");
                    assert_eq!(report.errors[0].key, key, "{yaml}");
                    assert!(report.to_string().contains(words), "{yaml}: {report}");
                }
                (found, expected) => {
                    panic!("{yaml}: {expected:?}, {}", found.err().map_or("good".into(), |e| e.to_string()))
                }
            }
        };
        check("", Ok(false));
        check("http.listen: '[::1]:8083'", Ok(false));
        check("access.file: logins", Ok(true));
        check("access: {file: logins, mode: none}", Ok(false));
        check("access.mode: required", Err(("access.mode", "steward token")));
        check(everywhere, Err(("http.listen", "access.mode: none")));
        check(&format!("{everywhere}access.mode: none"), Ok(false));
        check(&format!("{everywhere}http.insecure: true"), Ok(false));
        check(&format!("{everywhere}access.file: logins"), Ok(true));
        check(&format!("{everywhere}access: {{file: logins, mode: required}}"), Ok(true));
        check("access.file: nowhere", Err(("access.file", "cannot be read")));
        check("access.file: bad", Err(("access.file", "takes one of")));
        check(&format!("{everywhere}{oidc}access.file: groups"), Ok(true));
        check(oidc, Err(("access.oidc.issuer", "groups")));
        check("access.oidc.issuer: https://idp\naccess.oidc.audience: x", Err(("access.oidc.jwks", "is empty")));
        let plain = oidc.replace("https://idp/keys", "http://idp/keys");
        check(&format!("{plain}access.file: groups"), Err(("access.oidc.jwks", "could sign tokens")));
        check("http.ssl.certificate.location: ca.pem", Err(("http.ssl.certificate.location", "no key")));
        check("http.ssl.client.ca.location: ca.pem", Err(("http.ssl.client.ca.location", "certificate of our own")));
    }
}
