//! The command line's own words: each file of `tests/cli` is what a user types and sees.

use std::process::Command;

fn said(arguments: &[&str]) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_steward")).args(arguments).output().unwrap();
    assert!(said.status.success(), "{arguments:?}: {said:?}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn the_version_names_the_commit_that_was_built() {
    let commit = env!("BUILT_COMMIT");
    assert!(commit == "unknown" || commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{commit}");
    assert_eq!(said(&["--version"]), format!("steward {} ({commit})\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_a_page_and_every_shell_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    said(&["manual", &folder.path().display().to_string()]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    for command in ["run", "demo", "check", "contract", "quarantine", "completions"] {
        assert!(page("steward.1").contains(command), "steward.1 does not name {command}");
        assert!(page(&format!("steward-{command}.1")).starts_with(".ie"), "{command}");
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            assert!(said(&["completions", shell]).contains(command), "{shell} does not complete {command}");
        }
    }
    assert!(page("steward-contract-diff.1").contains("perspective") && page("steward.1").contains("78"));
}

#[test]
fn the_command_line_says_what_its_documents_say() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
