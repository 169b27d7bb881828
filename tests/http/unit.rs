//! The unit, and what a worker tells the service manager that runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::notify::Manager;

/// The unit's goal, in tenths.
const EXPOSURE_MAX: &str = "--threshold=15";

/// Brokers that are away are no reason to end it: it says that it starts still, and feeds its watchdog.
#[test]
fn a_start_without_brokers_goes_on_and_says_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let manager = Manager::listen(folder.path());
    let config = folder.path().join("steward.yaml");
    fs::write(&config, "worker.id: w1\nhttp.listen: 127.0.0.1:0\nkafka.bootstrap.servers: 127.0.0.1:1\n").unwrap();
    let mut steward = Command::new(env!("CARGO_BIN_EXE_steward"))
        .args(["run", "--config"])
        .arg(&config)
        .envs(manager.environment(Duration::from_secs(4)))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let heard = manager.hear(Duration::from_secs(20), |said| said.starts_with("STATUS="));
    assert!(heard.last().unwrap().starts_with("STATUS=not ready: no broker has answered yet"), "{heard:?}");
    let fed = [
        manager.hear(Duration::from_secs(4), |said| said == "WATCHDOG=1"),
        manager.hear(Duration::from_secs(4), |said| said == "WATCHDOG=1"),
    ];
    let heard = [heard, fed.concat()].concat();
    assert!(heard.iter().any(|said| said == "EXTEND_TIMEOUT_USEC=30000000"), "{heard:?}");
    assert!(!heard.iter().any(|said| said == "READY=1"), "{heard:?}");
    let asked = Command::new("kill").arg(steward.id().to_string()).status();
    assert!(asked.unwrap().success());
    manager.hear(Duration::from_secs(4), |said| said == "STOPPING=1");
    assert!(steward.wait().unwrap().success());
}

#[test]
fn the_unit_is_one_that_systemd_takes_and_lets_its_process_do_little() {
    let Some(version) = systemd_version() else {
        println!("skipped: systemd-analyze is missing");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let unit = installed(folder.path());
    let verified = analyze(&["--man=no", "verify"], &unit);
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    let weighed = analyze(&["security", "--offline=true", EXPOSURE_MAX], &unit);
    assert!(weighed.status.success(), "{}", String::from_utf8_lossy(&weighed.stdout));
    if version < 253 {
        return println!("Type=notify-reload is not known to systemd {version}; its drop-in was not verified");
    }
    let drop_ins = folder.path().join("steward.service.d");
    fs::create_dir(&drop_ins).unwrap();
    fs::copy(ours("notify-reload.conf"), drop_ins.join("notify-reload.conf")).unwrap();
    let verified = analyze(&["--man=no", "verify"], &unit);
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
}

/// A minimal Debian has no `/bin/kill`: what the unit runs beside its own program is the shell, which every system has.
#[test]
fn the_unit_runs_nothing_that_its_package_does_not_bring() {
    let text = fs::read_to_string(ours("steward.service")).unwrap();
    let runs: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("Exec")?.split_once('=')).map(|(_, run)| run).collect();
    assert_eq!(runs.len(), 3, "before the start, the start and a reload: {runs:?}");
    for run in runs {
        let program = run.trim_start_matches('-').split(' ').next().unwrap_or_default();
        assert!(["/usr/bin/steward", "/bin/sh"].contains(&program), "{run}");
    }
}

/// The unit, with this build's program in place of the installed one.
fn installed(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(ours("steward.service")).unwrap();
    let unit = folder.join("steward.service");
    fs::write(&unit, text.replace("/usr/bin/steward", env!("CARGO_BIN_EXE_steward"))).unwrap();
    unit
}

fn ours(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(file)
}

fn systemd_version() -> Option<u32> {
    let told = Command::new("systemd-analyze").arg("--version").output().ok()?;
    String::from_utf8_lossy(&told.stdout).split_whitespace().nth(1)?.parse().ok()
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze").args(arguments).arg(unit).output().unwrap()
}
