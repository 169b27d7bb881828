//! Tokens to log in at the brokers with, of an OpenID provider, under the names that librdkafka has for them (`sasl.oauthbearer.*`, KIP-768).
//! librdkafka fetches them by libcurl, which is not linked here: the daemon fetches them itself (`kafka::tokens`).

use crate::config::error::ConfigError;
use crate::config::raw::Setting;
use crate::config::secret::Text;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Client credentials (RFC 6749, 4.4) and where they are turned into a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oauth {
    /// HTTPS, or HTTP on this machine.
    pub endpoint: String,
    pub client_id: String,
    pub client_secret: Text,
    pub scope: Option<String>,
    /// Of the SASL message (RFC 7628, 3.1), by name: letters.
    pub extensions: Vec<(String, String)>,
    /// Of the endpoint's certificate, PEM; else the system's.
    pub ca: Option<PathBuf>,
}

const METHOD: &str = "sasl.oauthbearer.method";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT_ID: &str = "sasl.oauthbearer.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.secret";
const SCOPE: &str = "sasl.oauthbearer.scope";
const EXTENSIONS: &str = "sasl.oauthbearer.extensions";
const GRANT: &str = "sasl.oauthbearer.grant.type";
const CA: &str = "https.ca.location";
/// What librdkafka calls two of them as well.
const ALIASES: &[(&str, &str)] = &[
    ("sasl.oauthbearer.client.credentials.client.id", CLIENT_ID),
    ("sasl.oauthbearer.client.credentials.client.secret", CLIENT_SECRET),
];
/// What a trial may do without a provider: librdkafka then makes tokens that nobody signed.
const UNSIGNED: &str = "enable.sasl.oauthbearer.unsecure.jwt";

/// Whether a property is read here and never handed to librdkafka.
pub fn is_ours(property: &str) -> bool {
    property == CA || property.strip_prefix("sasl.oauthbearer.").is_some_and(|rest| rest != "config")
}

/// Takes the provider out of the settings below `kafka.`. Everything wrong is told; `None` where there is none, or it is of no use.
pub fn read(settings: &BTreeMap<String, Setting>, errors: &mut Vec<ConfigError>) -> Option<Oauth> {
    let before = errors.len();
    let mut found: BTreeMap<&str, (&str, &Setting)> = BTreeMap::new();
    for (path, setting) in settings {
        let Some(property) = path.strip_prefix("kafka.") else { continue };
        let own = ["consumer.", "producer.", "admin."].iter().find_map(|section| property.strip_prefix(section));
        match own {
            Some(own) if is_ours(own) => {
                let problem = "is one for all clients".to_owned();
                errors.push(wrong(path, setting, problem, &format!("move it to kafka.{own}")));
            }
            None if is_ours(property) => {
                let name = ALIASES.iter().find(|(alias, _)| *alias == property).map_or(property, |(_, name)| name);
                found.insert(name, (path, setting));
            }
            _ => {}
        }
    }
    let text = |name: &str| found.get(name).and_then(|(_, setting)| setting.texts.first());
    let bare = |name: &str| text(name).map(|text| text.expose().to_owned()).filter(|text| !text.is_empty());
    for (name, (path, setting)) in &found {
        let value = text(name).map_or("", Text::expose);
        let refused = match *name {
            METHOD if value != "oidc" && value != "default" => Some(("is no method", "write oidc, or remove it")),
            GRANT if value != "client_credentials" => Some((
                "cannot be had: tokens are asked for by client credentials alone",
                "write client_credentials, or remove it",
            )),
            ENDPOINT if !safe(value) => Some((
                "is no https address: whoever is between here and there could read the client's secret",
                "write https://…; http is taken on this machine only",
            )),
            METHOD | ENDPOINT | CLIENT_ID | CLIENT_SECRET | SCOPE | EXTENSIONS | GRANT | CA => None,
            _ => Some((
                "is not acted on: the daemon fetches tokens itself, by client credentials",
                "remove it; what there is: sasl.oauthbearer.token.endpoint.url, .client.id, .client.secret, .scope, .extensions, and https.ca.location",
            )),
        };
        if let Some((problem, remedy)) = refused {
            errors.push(wrong(path, setting, problem.into(), remedy));
        }
    }
    let extensions = bare(EXTENSIONS).map_or(Ok(Vec::new()), |text| extensions_of(&text));
    if let (Err(part), Some((path, setting))) = (&extensions, found.get(EXTENSIONS)) {
        let problem = format!("holds `{part}`, which is no extension");
        errors.push(wrong(
            path,
            setting,
            problem,
            "write name=value, and a comma between two; a name is letters (RFC 7628)",
        ));
    }
    let set = |property: &str, value: &str| {
        settings.iter().find(|(path, setting)| {
            let named = path.strip_prefix("kafka.").is_some_and(|rest| rest.ends_with(property));
            named && setting.texts.iter().any(|text| text.expose().eq_ignore_ascii_case(value))
        })
    };
    let mechanism = set("sasl.mechanism", "OAUTHBEARER").or_else(|| set("sasl.mechanisms", "OAUTHBEARER"));
    let unsigned = set(UNSIGNED, "true").is_some();
    let needed = [ENDPOINT, CLIENT_ID, CLIENT_SECRET];
    let lacking: Vec<&str> = needed.into_iter().filter(|name| bare(name).is_none()).collect();
    match (mechanism, found.values().next()) {
        (None, Some((path, setting))) => {
            let problem = "stands without kafka.sasl.mechanism: OAUTHBEARER".to_owned();
            errors.push(wrong(
                path,
                setting,
                problem,
                "set that, and kafka.security.protocol: SASL_SSL; or remove this",
            ));
        }
        (Some((path, setting)), _) if !unsigned && !lacking.is_empty() => {
            let names: Vec<String> = lacking.iter().map(|name| format!("kafka.{name}")).collect();
            let problem = format!("has no token to log in with: {} is not set", names.join(", "));
            let remedy = format!(
                "set what the OpenID provider gave this client; for a trial with tokens that nobody signed set {UNSIGNED}: true"
            );
            errors.push(wrong(path, setting, problem, &remedy));
        }
        (Some(_), Some((path, setting))) if unsigned => {
            let remedy = format!("remove it, or kafka.{UNSIGNED}");
            errors.push(wrong(
                path,
                setting,
                format!("stands beside {UNSIGNED}: true, which asks no provider"),
                &remedy,
            ));
        }
        _ => {}
    }
    if unsigned || mechanism.is_none() || errors.len() > before {
        return None;
    }
    Some(Oauth {
        endpoint: bare(ENDPOINT)?,
        client_id: bare(CLIENT_ID)?,
        client_secret: text(CLIENT_SECRET)?.clone().hidden(),
        scope: bare(SCOPE),
        extensions: extensions.ok()?,
        ca: bare(CA).map(PathBuf::from),
    })
}

/// Whether a secret may be sent there (RFC 6749, 3.2: TLS).
fn safe(url: &str) -> bool {
    let host = url.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
    url.starts_with("https://") || matches!(host, Some("localhost" | "127.0.0.1"))
}

/// `a=1,b=2`; else the part that is none.
fn extensions_of(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(|part| {
        let (name, value) = part.trim().split_once('=').ok_or(part)?;
        // `auth` is the token's own.
        let lettered = !name.is_empty() && name != "auth" && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        lettered.then(|| (name.to_owned(), value.to_owned())).ok_or(part)
    });
    parts.collect::<Result<_, &str>>().map_err(str::to_owned)
}

fn wrong(path: &str, setting: &Setting, problem: String, remedy: &str) -> ConfigError {
    let property = path.rsplit_once("kafka.").map_or(path, |(_, property)| property);
    let value = Some(crate::config::kafka::shown(property, setting).to_string());
    ConfigError {
        key: path.to_owned(),
        place: setting.place.clone(),
        line: setting.line,
        value,
        problem,
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kafka;

    #[test]
    fn a_provider_is_taken_whole_or_everything_wrong_is_told() {
        let check = |yaml: &str, expected: Result<&str, &[(&str, &str)]>| {
            let (entries, errors) = crate::config::yaml::read("f.yaml", yaml);
            assert_eq!(errors, []);
            let settings = entries.into_iter().map(|(path, e)| {
                let texts = e.texts.into_iter().map(Text::Plain).collect();
                (path, Setting { texts, list: e.list, place: e.place, line: e.line })
            });
            let mut errors = Vec::new();
            let kafka = kafka::check(&settings.collect(), &mut errors);
            let shown = format!("{kafka:?}{errors:?}");
            assert!(!shown.contains("hunter2"), "the secret is shown: {shown}");
            match expected {
                Ok(endpoint) => {
                    assert_eq!(errors, [], "{yaml}");
                    let oauth = kafka.oauth.expect(yaml);
                    assert_eq!((oauth.endpoint.as_str(), oauth.client_secret.expose()), (endpoint, "hunter2"));
                    assert!(kafka.consumer.keys().all(|name| !is_ours(name)), "{:?}", kafka.consumer);
                }
                Err(told) => {
                    assert_eq!((errors.len(), kafka.oauth), (told.len(), None), "{yaml}: {errors:?}");
                    for (error, (key, words)) in errors.iter().zip(told) {
                        let said = error.to_string();
                        assert!(error.key.ends_with(key) && said.contains(words), "{yaml}: {key} {words}: {said}");
                    }
                }
            }
        };
        const MECHANISM: &str = "kafka.sasl.mechanism: OAUTHBEARER\nkafka.security.protocol: SASL_SSL\n";
        let whole = format!(
            "{MECHANISM}kafka.sasl.oauthbearer.method: oidc\nkafka.sasl.oauthbearer.client.id: a\n\
             kafka.sasl.oauthbearer.client.secret: hunter2\nkafka.sasl.oauthbearer.token.endpoint.url: https://idp/token\n"
        );
        check(&whole, Ok("https://idp/token"));
        check(&whole.replace("https://idp", "http://127.0.0.1:9"), Ok("http://127.0.0.1:9/token"));
        check(&whole.replace("client.secret", "client.credentials.client.secret"), Ok("https://idp/token"));
        check(&whole.replace("https://", "http://"), Err(&[("token.endpoint.url", "could read the client's secret")]));
        check(&whole.replace("method: oidc", "method: saml"), Err(&[("method", "no method")]));
        check(
            &format!("{whole}kafka.sasl.oauthbearer.grant.type: jwt-bearer\n"),
            Err(&[("grant.type", "client credentials")]),
        );
        check(
            &format!("{whole}kafka.sasl.oauthbearer.assertion.file: x\n"),
            Err(&[("assertion.file", "not acted on")]),
        );
        check(&format!("{whole}kafka.sasl.oauthbearer.extensions: a=1,b\n"), Err(&[("extensions", "`b`")]));
        check(&format!("{whole}kafka.sasl.oauthbearer.extensions: auth=1\n"), Err(&[("extensions", "RFC 7628")]));
        check(
            &format!("{whole}kafka.consumer.sasl.oauthbearer.scope: x\n"),
            Err(&[("scope", "kafka.sasl.oauthbearer.scope")]),
        );
        check(&whole.replace(MECHANISM, ""), Err(&[("client.id", "without kafka.sasl.mechanism")]));
        let without = whole.replace("kafka.sasl.oauthbearer.client.id: a\n", "");
        check(&without, Err(&[("sasl.mechanism", "kafka.sasl.oauthbearer.client.id is not set")]));
        let unsigned = format!("{whole}kafka.{UNSIGNED}: true\n");
        check(&unsigned, Err(&[("client.id", "asks no provider")]));
    }
}
