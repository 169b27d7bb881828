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
    for command in ["run", "demo", "top", "check", "contract", "quarantine", "completions"] {
        assert!(page("steward.1").contains(command), "steward.1 does not name {command}");
        assert!(page(&format!("steward-{command}.1")).starts_with(".ie"), "{command}");
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            assert!(said(&["completions", shell]).contains(command), "{shell} does not complete {command}");
        }
    }
    assert!(page("steward-contract-diff.1").contains("perspective") && page("steward.1").contains("78"));
}

#[test]
fn each_command_teaches_by_examples_that_it_takes() {
    for command in COMMANDS {
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        let help = said(&[&words[..], &["--help"]].concat());
        assert!(help.contains("Exit codes:") || *command == "completions", "{command} does not say its exit codes");
        let examples: Vec<&str> = help
            .lines()
            .filter(|line| line.starts_with("  "))
            .filter_map(|line| line.find("steward ").map(|at| &line[at + "steward ".len()..]))
            .collect();
        assert!(!examples.is_empty(), "{command} has no example");
        for example in examples {
            // What a shell would see of it; --help then says that the words before it are known.
            let typed = example.split(" > ").next().unwrap().split(" #").next().unwrap();
            let typed: Vec<&str> = typed.split_whitespace().chain(["--help"]).collect();
            assert!(example.starts_with(command), "{example} is no example of {command}");
            said(&typed);
        }
    }
}

/// The first is all of it.
const COMMANDS: &[&str] = &[
    "",
    "run",
    "demo",
    "top",
    "check",
    "contract lint",
    "contract diff",
    "contract test",
    "contract infer",
    "contract import",
    "contract export",
    "quarantine list",
    "quarantine show",
    "quarantine replay",
    "completions",
];

#[test]
fn the_command_line_says_what_its_documents_say() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
