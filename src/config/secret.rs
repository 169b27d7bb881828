//! Secrets: where they come from (`${env:X}`, `${file:path:key}`, `${dir:folder:file}`, `${credential:X}`), and why none is
//! ever printed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A text that is never shown: `Debug` and `Display` print `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The text itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text of the configuration that knows whether it may be shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    Plain(String),
    Secret(Secret),
}

impl Text {
    /// The text itself, for the call that needs it; show `self` instead.
    pub fn expose(&self) -> &str {
        match self {
            Text::Plain(text) => text,
            Text::Secret(secret) => secret.expose(),
        }
    }

    pub fn hidden(self) -> Text {
        match self {
            Text::Plain(text) => Text::Secret(Secret::new(text)),
            secret => secret,
        }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self, Text::Secret(_))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Plain(text) => write!(f, "{text:?}"),
            Text::Secret(secret) => write!(f, "{secret}"),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Plain(text) => write!(f, "{text}"),
            Text::Secret(secret) => write!(f, "{secret}"),
        }
    }
}

/// A reference that leads nowhere: what is wrong, and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    #[error("the file {path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("the file {path} has no key {key}")]
    NoKey { path: String, key: String },
    #[error("there is no credential {0}: no service manager has given any, for $CREDENTIALS_DIRECTORY is not set")]
    NoCredentials(String),
    #[error(
        "{0} is no reference: there are ${{env:NAME}}, ${{file:path:key}}, ${{dir:folder:file}} and ${{credential:NAME}}"
    )]
    Malformed(String),
}

impl ProviderError {
    pub fn remedy(&self) -> String {
        match self {
            ProviderError::NoVariable(name) => format!("set {name} where steward is started, or correct the name"),
            ProviderError::Unreadable { .. } => "mount the file, or let the user that runs steward read it".into(),
            ProviderError::NoKey { key, .. } => format!("add a line `{key}=…` to the file, or correct the key"),
            ProviderError::NoCredentials(_) => {
                "start steward by its unit, whose LoadCredential= names the file; by hand, say ${file:…} or ${dir:…}"
                    .into()
            }
            ProviderError::Malformed(_) => "write one of the four".into(),
        }
    }
}

/// Replaces every reference in `text`. A text that held one is a secret from then on.
pub fn resolve(text: &str, env: &BTreeMap<String, String>) -> Result<Text, ProviderError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut secret = false;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        out.push_str(before);
        // `${` without a provider's name and colon is a plain text, as in a pattern or a password.
        let provider = reference[2..].split(':').next().unwrap_or_default();
        let is_reference = reference[2..].len() > provider.len() && is_word(provider);
        let end = if is_reference { reference.find('}') } else { None };
        match end {
            Some(end) => {
                out.push_str(&look_up(&reference[..=end], env)?);
                secret = true;
                rest = &reference[end + 1..];
            }
            None if is_reference => return Err(ProviderError::Malformed(format!("${{{provider}:… without }}"))),
            None => {
                out.push_str("${");
                rest = &reference[2..];
            }
        }
    }
    out.push_str(rest);
    Ok(if secret { Text::Secret(Secret::new(out)) } else { Text::Plain(out) })
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `reference` with its `${` and `}`.
fn look_up(reference: &str, env: &BTreeMap<String, String>) -> Result<String, ProviderError> {
    let malformed = || ProviderError::Malformed(reference.into());
    let (provider, argument) = reference[2..reference.len() - 1].split_once(':').ok_or_else(malformed)?;
    match provider {
        "env" => env.get(argument).cloned().ok_or_else(|| ProviderError::NoVariable(argument.into())),
        "file" => {
            let (path, key) = argument.rsplit_once(':').ok_or_else(malformed)?;
            let properties = read(Path::new(path))?;
            let no_key = || ProviderError::NoKey { path: path.into(), key: key.into() };
            property(&properties, key).ok_or_else(no_key)
        }
        "dir" => {
            let (folder, file) = argument.rsplit_once(':').ok_or_else(malformed)?;
            whole(&Path::new(folder).join(file))
        }
        // systemd.exec(5), LoadCredential=: a folder that only this process may read.
        "credential" if !argument.contains('/') => {
            let folder = env.get("CREDENTIALS_DIRECTORY");
            whole(&Path::new(folder.ok_or_else(|| ProviderError::NoCredentials(argument.into()))?).join(argument))
        }
        _ => Err(malformed()),
    }
}

/// A file that is one secret. Editors end it with a line break; a secret never means it.
fn whole(path: &Path) -> Result<String, ProviderError> {
    Ok(read(path)?.trim_end_matches(['\r', '\n']).to_string())
}

fn read(path: &Path) -> Result<String, ProviderError> {
    std::fs::read_to_string(path)
        .map_err(|e| ProviderError::Unreadable { path: path.display().to_string(), reason: e.to_string() })
}

/// The value of `key` in a properties file; the last one stands, as in Java.
fn property(text: &str, key: &str) -> Option<String> {
    let mut found = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_string();
        if line.starts_with(['#', '!']) {
            continue;
        }
        // An odd number of backslashes at the end joins the next line.
        while line.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1 {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let (name, value) = split_property(&line);
        if name == key {
            found = Some(value);
        }
    }
    found
}

/// Splits at the first bare `=`, `:` or blank; a backslash takes the next character as it is.
fn split_property(line: &str) -> (String, String) {
    let mut name = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.extend(chars.next()),
            '=' | ':' | ' ' | '\t' => {
                let mut separator = c;
                while let Some(&next) = chars.peek() {
                    let joins =
                        next == ' ' || next == '\t' || (separator != '=' && separator != ':' && "=:".contains(next));
                    if !joins {
                        break;
                    }
                    if "=:".contains(next) {
                        separator = next;
                    }
                    chars.next();
                }
                return (name, unescape(chars));
            }
            c => name.push(c),
        }
    }
    (name, String::new())
}

fn unescape(mut chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|c| match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                c => c,
            })),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, Result<&str, &str>)]) {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let properties = "# a comment\nplain=value\n spaced : two words \nescaped\\:name=a\\=b\\\\c\nlong=one \\\n  two\nempty=\nlast=1\nlast=2\n";
        std::fs::write(folder.path().join("secrets.properties"), properties).unwrap();
        std::fs::write(folder.path().join("token"), "s3cret\n").unwrap();
        let env = BTreeMap::from([("TOKEN".into(), "t0ken".into()), ("CREDENTIALS_DIRECTORY".into(), at.clone())]);
        for (text, expected) in cases {
            let found = resolve(&text.replace("AT", &at), &env);
            match expected {
                Ok(plain) => {
                    let found = found.unwrap();
                    assert_eq!(found.expose(), *plain, "{text}");
                    assert_eq!(
                        found.is_secret(),
                        ["${env", "${file", "${dir", "${credential"].iter().any(|start| text.contains(start)),
                        "{text}"
                    );
                }
                Err(words) => assert!(found.unwrap_err().to_string().contains(words), "{text}"),
            }
        }
    }

    #[test]
    fn references_are_replaced_and_make_the_text_a_secret() {
        check(&[
            ("plain", Ok("plain")),
            ("${env:TOKEN}", Ok("t0ken")),
            ("a-${env:TOKEN}-${env:TOKEN}", Ok("a-t0ken-t0ken")),
            ("${dir:AT:token}", Ok("s3cret")),
            ("${credential:token}", Ok("s3cret")),
            ("${file:AT/secrets.properties:plain}", Ok("value")),
            ("${file:AT/secrets.properties:spaced}", Ok("two words ")),
            ("${file:AT/secrets.properties:long}", Ok("one two")),
            ("${file:AT/secrets.properties:empty}", Ok("")),
            ("${file:AT/secrets.properties:last}", Ok("2")),
        ]);
    }

    #[test]
    fn what_is_no_reference_stays_as_it_is() {
        check(&[("a$b", Ok("a$b")), ("${x}", Ok("${x}")), ("${", Ok("${")), ("x${2,3}", Ok("x${2,3}"))]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_says_which() {
        check(&[
            ("${env:NOPE}", Err("environment variable NOPE is not set")),
            ("${evn:TOKEN}", Err("${evn:TOKEN} is no reference")),
            ("${env:TOKEN", Err("without }")),
            ("${file:AT/secrets.properties:nope}", Err("has no key nope")),
            ("${file:AT/nope:key}", Err("cannot be read")),
            ("${dir:AT}", Err("is no reference")),
            ("${credential:nope}", Err("nope cannot be read")),
            ("${credential:../token}", Err("is no reference")),
        ]);
        let by_hand = resolve("${credential:token}", &BTreeMap::new()).unwrap_err();
        assert!(by_hand.to_string().contains("$CREDENTIALS_DIRECTORY is not set"), "{by_hand}");
    }

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Text::Plain("hunter2".into()).hidden();
        assert_eq!(format!("{secret} {secret:?} {:#?}", Some(&secret)), "*** *** Some(\n    ***,\n)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
