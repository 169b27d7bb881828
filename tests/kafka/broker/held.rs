//! A service that lives as long as its `Held`, and never longer than this process: a shell holds it, and ends it when
//! the pipe from us closes, however we end.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

pub struct Held {
    folder: PathBuf,
    /// Its standard input closed, the service dies.
    shell: Mutex<Child>,
}

impl Held {
    /// A file of this name keeps the folder.
    pub const KEPT: &str = "kept";

    /// Starts `command` with `folder` to work in; it goes when the service ends, unless it is to be kept.
    pub fn start(folder: PathBuf, command: &Command) -> Held {
        let log = File::options().create(true).append(true).open(folder.join("log")).expect("the service's log");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(HOLD).arg("held").arg(&folder).arg(command.get_program()).args(command.get_args());
        shell.current_dir(&folder).stdin(Stdio::piped());
        shell.stderr(log.try_clone().expect("a second handle")).stdout(log);
        Held { folder, shell: Mutex::new(shell.spawn().expect("sh starts")) }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// STOP, CONT …, to the service itself.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.id())).status();
        assert!(sent.is_ok_and(|s| s.success()), "SIG{name} cannot be sent");
    }

    /// Whether the service itself still runs; one that has ended is a zombie until its shell is asked to end it.
    pub fn runs(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }

    fn id(&self) -> String {
        fs::read_to_string(self.folder.join("pid")).expect("the service's id").trim().to_owned()
    }

    /// Kills the service, as a machine that loses its power does.
    pub fn kill(&self) {
        // `wait` closes the standard input first.
        let _ = self.shell.lock().map(|mut shell| shell.wait());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Holds the service: `$1` is its folder, the rest its command. `read` returns when the pipe closes. A signal to the
/// whole process group is ignored: it ends the tests, which closes the pipe, and then the folder goes too. The service itself hears TERM.
const HOLD: &str = r#"trap '' INT TERM HUP; folder=$1; shift
(trap - TERM; exec "$@") </dev/null & echo $! >"$folder/pid"; read -r _; kill -9 $!; wait $! 2>/dev/null; [ -e "$folder/kept" ] || rm -rf "$folder""#;

/// Lets time pass.
#[allow(clippy::disallowed_methods, reason = "this thread serves no rebalance")]
pub fn pause(ms: u64) {
    std::thread::sleep(std::time::Duration::from_millis(ms));
}
