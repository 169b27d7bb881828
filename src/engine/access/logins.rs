//! The file of logins: who may log in, by what, with which roles. It holds hashes only, and none of a secret that could be guessed
//! but by argon2id.
//!
//! ```yaml
//! logins:
//!   - name: grafana
//!     sha256: 5e88…          # of a token that `steward token` made, 256 random bits
//!     roles: [viewer]
//!   - name: anna
//!     argon2: $argon2id$v=19$m=19456,t=2,p=1$…   # of a password
//!     roles: [publisher:sales]
//!     expires: 2027-01-31
//!   - name: gateway
//!     certificate: 9F:86:…   # SHA-256 of a client's certificate, as openssl x509 -fingerprint prints it
//!     roles: [viewer]
//! groups:                    # what an OpenID provider's groups may
//!   data-platform: [admin]
//! ```

use crate::engine::access::role::Role;
use crate::engine::access::standing::{Actor, Way};
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What a check of a password may take of memory: RFC 9106 recommends 64 MiB where there is little, and no more is taken.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
/// Of time, in passes over that memory.
const PASSES_MAX: u32 = 10;
/// A name stands in headers, logs and the audit.
const NAME_BYTES_MAX: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logins {
    logins: Vec<Login>,
    /// Roles of an OpenID provider's groups.
    groups: BTreeMap<String, Vec<Role>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    name: Arc<str>,
    by: By,
    roles: Arc<[Role]>,
    /// It is none from then on.
    expires_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Eq)]
enum By {
    Token([u8; 32]),
    Password(String),
    Certificate([u8; 32]),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.roles)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    logins: Vec<Entry>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: Option<String>,
    argon2: Option<String>,
    certificate: Option<String>,
    roles: Vec<String>,
    expires: Option<String>,
}

impl Logins {
    /// All of a file or nothing: the error says which login, what is wrong and what to do, and shows no hash.
    pub fn read(text: &str) -> Result<Logins, String> {
        let options = serde_saphyr::options! { with_snippet: false };
        let file: Option<File> = serde_saphyr::from_str_with_options(text, options).map_err(|e| {
            let why = e.to_string();
            format!("{}; write logins with name, sha256, argon2 or certificate, and roles", why.trim_end())
        })?;
        let Some(file) = file else { return Ok(Logins::default()) };
        let logins = file.logins.into_iter().map(login).collect::<Result<Vec<Login>, String>>()?;
        let mut passwords = BTreeSet::new();
        let twice = logins.iter().find(|l| matches!(l.by, By::Password(_)) && !passwords.insert(l.name.clone()));
        if let Some(twice) = twice {
            return Err(format!("{} has two passwords; give each login a name of its own", twice.name));
        }
        let group = |(name, roles): (String, Vec<String>)| -> Result<(String, Vec<Role>), String> {
            let roles = all_roles(&format!("the group {name}"), &roles)?;
            Ok((name, roles))
        };
        Ok(Logins { logins, groups: file.groups.into_iter().map(group).collect::<Result<_, String>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.logins.is_empty()
    }

    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The login of a token; with a name, only of that login. Every hash is compared, whether or not one before it was the one.
    pub fn of_token(&self, name: Option<&str>, token: &str, now_ms: i64) -> Option<Actor> {
        self.of_hash(&Sha256::digest(token.as_bytes()).into(), Way::Token, now_ms)
            .filter(|actor| name.is_none_or(|name| *actor.subject == *name))
    }

    /// The login of a client's certificate (DER).
    pub fn of_certificate(&self, certificate: &[u8], now_ms: i64) -> Option<Actor> {
        self.of_hash(&Sha256::digest(certificate).into(), Way::Certificate, now_ms)
    }

    fn of_hash(&self, hash: &[u8; 32], way: Way, now_ms: i64) -> Option<Actor> {
        let mut found = None;
        for login in &self.logins {
            let known = match (&login.by, way) {
                (By::Token(known), Way::Token) | (By::Certificate(known), Way::Certificate) => known,
                _ => continue,
            };
            if bool::from(known.ct_eq(hash)) && login.holds(now_ms) {
                found = Some(login.actor(way));
            }
        }
        found
    }

    /// Whether somebody of this name logs in with a password.
    pub fn has_password(&self, name: &str) -> bool {
        self.logins.iter().any(|login| *login.name == *name && matches!(login.by, By::Password(_)))
    }

    /// The login of a name and its password. Takes some 20 ms and 19 MiB, for a name that is not there as well, so that nobody learns
    /// names by the clock.
    pub fn of_password(&self, name: &str, password: &str, now_ms: i64) -> Option<Actor> {
        let of_name = self.logins.iter().find_map(|login| match &login.by {
            By::Password(hash) if *login.name == *name => Some((login, hash.as_str())),
            _ => None,
        });
        let any = self.logins.iter().find_map(|login| match &login.by {
            By::Password(hash) => Some(hash.as_str()),
            _ => None,
        });
        let hash = PasswordHash::new(of_name.map(|(_, hash)| hash).or(any)?).ok()?;
        let good = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
        let (login, _) = of_name?;
        (good && login.holds(now_ms)).then(|| login.actor(Way::Password))
    }

    /// What members of these groups may.
    pub fn of_groups<'g>(&self, groups: impl IntoIterator<Item = &'g str>) -> Arc<[Role]> {
        let roles: BTreeSet<Role> =
            groups.into_iter().filter_map(|group| self.groups.get(group)).flatten().cloned().collect();
        roles.into_iter().collect()
    }
}

impl Login {
    fn holds(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|expires| now_ms < expires)
    }

    fn actor(&self, way: Way) -> Actor {
        Actor { subject: self.name.clone(), roles: self.roles.clone(), way }
    }
}

fn login(entry: Entry) -> Result<Login, String> {
    let name = entry.name.trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(':') || name.chars().any(char::is_control) {
        return Err(format!("{name:?} is no name of a login; write 1 to {NAME_BYTES_MAX} letters, without a colon"));
    }
    let by = match (entry.sha256, entry.argon2, entry.certificate) {
        (Some(hash), None, None) => By::Token(digest(name, "sha256", &hash)?),
        (None, Some(hash), None) => By::Password(password(name, hash)?),
        (None, None, Some(hash)) => By::Certificate(digest(name, "certificate", &hash)?),
        _ => return Err(format!("{name} takes one of sha256, argon2 and certificate; see steward token --help")),
    };
    let expires_ms = match entry.expires {
        None => None,
        Some(text) => Some(moment(&text).ok_or_else(|| {
            format!("{name} expires at {text:?}, which is no time; write 2027-01-31 or 2027-01-31T12:00:00Z")
        })?),
    };
    Ok(Login { by, roles: all_roles(name, &entry.roles)?.into(), expires_ms, name: name.into() })
}

fn all_roles(of: &str, roles: &[String]) -> Result<Vec<Role>, String> {
    if roles.is_empty() {
        return Err(format!("{of} has no roles; write viewer, publisher:DOMAIN or admin"));
    }
    roles.iter().map(|role| role.parse().map_err(|why| format!("{of}: {why}"))).collect()
}

/// 64 hexadecimal digits, with colons between them or without.
fn digest(name: &str, what: &str, text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("{name}: {what} is no SHA-256; write its 64 hexadecimal digits");
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b':').collect();
    let mut out = [0; 32];
    if digits.len() != 64 {
        return Err(wrong());
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
        let text = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(text, 16).map_err(|_| wrong())?;
    }
    Ok(out)
}

fn password(name: &str, text: String) -> Result<String, String> {
    let wrong = |what: &str| format!("{name}: argon2 {what}; make one with steward token --password");
    let hash = PasswordHash::new(&text).map_err(|_| wrong("is no PHC string"))?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err(wrong("is no argon2id"));
    }
    let params = Params::try_from(&hash).map_err(|_| wrong("has parameters that argon2 does not take"))?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || hash.hash.is_none() {
        return Err(wrong("would take more than 64 MiB or 10 passes, or holds no hash"));
    }
    Ok(text)
}

/// A time of RFC 3339, or the beginning of a day, UTC; in milliseconds since 1970.
fn moment(text: &str) -> Option<i64> {
    let time = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse::<jiff::Timestamp>());
    time.ok().map(|time| time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `abc` (FIPS 180-2, B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// Of `hunter22`, with as little memory as there may be.
    fn cheap(password: &str) -> String {
        use argon2::password_hash::PasswordHasher;
        let argon2 = Argon2::new(Default::default(), Default::default(), Params::new(8, 1, 1, None).unwrap());
        argon2.hash_password_with_salt(password.as_bytes(), b"saltsalt").unwrap().to_string()
    }

    #[test]
    fn a_login_is_known_by_its_token_password_or_certificate_and_by_nothing_else() {
        let hash = cheap("hunter22");
        let text = format!(
            "logins:\n- {{name: grafana, sha256: {ABC}, roles: [viewer]}}\n- {{name: anna, argon2: '{hash}', roles: ['publisher:sales', viewer]}}\n\
             - {{name: gateway, certificate: '{}', roles: [admin], expires: 2027-01-31}}\n",
            ABC.to_uppercase()
                .as_bytes()
                .chunks(2)
                .map(|b| std::str::from_utf8(b).unwrap())
                .collect::<Vec<_>>()
                .join(":")
        );
        let logins = Logins::read(&text).unwrap();
        let name = |actor: Option<Actor>| actor.map(|actor| (actor.subject.to_string(), actor.way));
        let grafana = Some(("grafana".to_owned(), Way::Token));
        assert_eq!(name(logins.of_token(None, "abc", 0)), grafana);
        assert_eq!(name(logins.of_token(Some("grafana"), "abc", 0)), grafana);
        for (asked, token) in [(None, "abd"), (None, ""), (Some("anna"), "abc"), (None, ABC)] {
            assert_eq!(logins.of_token(asked, token, 0), None, "{asked:?} {token}");
        }
        assert_eq!(name(logins.of_password("anna", "hunter22", 0)), Some(("anna".to_owned(), Way::Password)));
        for (asked, password) in [("anna", "hunter2"), ("grafana", "hunter22"), ("nobody", "hunter22"), ("anna", "")] {
            assert_eq!(logins.of_password(asked, password, 0), None, "{asked} {password}");
        }
        let expiry = 1_801_353_600_000; // 2027-01-31
        assert_eq!(moment("2027-01-31"), Some(expiry));
        assert_eq!(name(logins.of_certificate(b"abc", expiry - 1)), Some(("gateway".to_owned(), Way::Certificate)));
        assert_eq!(logins.of_certificate(b"abc", expiry), None);
        assert!(!format!("{logins:?}").contains("argon2id") && !format!("{logins:?}").contains("ba78"));
    }

    #[test]
    fn groups_have_roles_and_unknown_ones_none() {
        let logins = Logins::read("groups: {platform: [admin], sales: ['publisher:sales', viewer]}").unwrap();
        assert_eq!(*logins.of_groups(["sales", "none"]), [Role::Viewer, Role::Publisher("sales".into())]);
        assert_eq!(*logins.of_groups(["admin"]), []);
        assert_eq!(Logins::read("").unwrap(), Logins::default());
    }

    #[test]
    fn a_file_with_a_fault_is_refused_as_a_whole_and_no_hash_is_shown() {
        for (text, words) in [
            ("logins: [{name: a, sha256: ba78, roles: [viewer]}]", "a: sha256 is no SHA-256"),
            ("logins: [{name: a, certificate: zz, roles: [viewer]}]", "a: certificate is no SHA-256"),
            ("logins: [{name: a, argon2: ba78, roles: [viewer]}]", "no PHC string"),
            (
                "logins: [{name: a, argon2: '$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA', roles: [viewer]}]",
                "no argon2id",
            ),
            (
                "logins: [{name: a, argon2: '$argon2id$v=19$m=4000000,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA', roles: [viewer]}]",
                "64 MiB",
            ),
            ("logins: [{name: a, roles: [viewer]}]", "takes one of sha256"),
            ("logins: [{name: a, token: ba78, roles: [viewer]}]", "write logins with name"),
            ("logins: [{name: 'a:b', sha256: ba78, roles: [viewer]}]", "is no name of a login"),
            ("groups: {g: []}", "the group g has no roles"),
            ("groups: {g: [root]}", "\"root\" is no role"),
            ("groups: {g: [viewer]}\nlogin: []", "write logins with name"),
        ] {
            let why = Logins::read(text).unwrap_err();
            assert!(why.contains(words) && !why.contains("ba78"), "{text}: {why}");
        }
        let hash = cheap("x");
        let twice = format!(
            "logins: [{{name: a, argon2: '{hash}', roles: [viewer]}}, {{name: a, argon2: '{hash}', roles: [admin]}}]"
        );
        assert!(Logins::read(&twice).unwrap_err().contains("two passwords"));
        let late = format!("logins: [{{name: a, sha256: {ABC}, roles: [viewer], expires: soon}}]");
        assert!(Logins::read(&late).unwrap_err().contains("no time"));
    }
}
