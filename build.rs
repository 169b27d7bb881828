//! Names the commit that is built, for `--version` and `GET /`: `STEWARD_COMMIT` where a builder without git sets it, else
//! git's word, else `unknown`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=STEWARD_COMMIT");
    let commit = std::env::var("STEWARD_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(|| {
        // Of a commit that comes, the log of HEAD tells; a build that is not of a repository has none.
        let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
        println!("cargo::rerun-if-changed={log}");
        git(&["describe", "--always", "--abbrev=12", "--exclude=*"])
    });
    println!("cargo::rustc-env=BUILT_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// `None`: there is no git, or this is no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let said = Command::new("git").args(arguments).output().ok().filter(|said| said.status.success())?;
    let text = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
