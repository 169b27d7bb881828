//! `steward token`: makes an entry for the file of logins (`access.file`): a token nobody guesses, or the hash of a password.

use crate::cli::Exit;
use crate::engine::access::role::Role;
use anyhow::{anyhow, bail};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who logs in by it; audits name it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// viewer, publisher:DOMAIN (publisher:* for any) or admin; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<Role>,
    /// From when on it is none: 2027-01-31
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// Reads a password, the first line of standard input, instead of making a token
    #[arg(long)]
    pub password: bool,
    /// Prints one JSON document
    #[arg(long)]
    pub json: bool,
}

/// A password that is shorter is guessed, however it is hashed.
const PASSWORD_CHARS_MIN: usize = 12;

pub fn token(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (token, key, hash) = if args.password {
        (None, "argon2", hashed(&typed()?)?)
    } else {
        let token = made()?;
        let digest = Sha256::digest(token.as_bytes());
        (Some(token), "sha256", digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let roles: Vec<String> = args.roles.iter().map(Role::to_string).collect();
    if args.json {
        let mut entry = json!({"name": args.name, key: hash, "roles": roles});
        if let Some(expires) = &args.expires {
            entry["expires"] = json!(expires);
        }
        writeln!(out, "{}", serde_json::to_string_pretty(&json!({"token": token, "entry": entry}))?)?;
        return Ok(Exit::Good);
    }
    if let Some(token) = &token {
        writeln!(out, "# For {}, and shown only here: {token}", args.name)?;
    }
    writeln!(out, "# For the file that access.file names, under logins:")?;
    // A text of JSON is one of YAML.
    writeln!(out, "- name: {}\n  {key}: {}\n  roles: {}", json!(args.name), json!(hash), json!(roles))?;
    if let Some(expires) = &args.expires {
        writeln!(out, "  expires: {}", json!(expires))?;
    }
    Ok(Exit::Good)
}

/// 256 random bits; what it begins with tells scanners of repositories whose it is.
fn made() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("this system gives no random bytes; try again"))?;
    Ok(format!("steward_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn typed() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.chars().count() < PASSWORD_CHARS_MIN {
        bail!(
            "the password has fewer than {PASSWORD_CHARS_MIN} characters; give a longer one, or let steward token make a token"
        );
    }
    Ok(password)
}

/// Argon2id with 19 MiB and two passes, as OWASP advises.
fn hashed(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|why| anyhow!("the password cannot be hashed: {why}; try another"))?.to_string())
}
