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
    /// Starts `command` with `folder` to work in; it goes when the service ends.
    pub fn start(folder: PathBuf, command: &Command) -> Held {
        let log = File::create(folder.join("log")).expect("the service's log");
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
        let pid = fs::read_to_string(self.folder.join("pid")).expect("the service's id");
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", pid.trim())).status();
        assert!(sent.is_ok_and(|s| s.success()), "SIG{name} cannot be sent");
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
/// whole process group is ignored: it ends the tests, which closes the pipe, and then the folder goes too.
const HOLD: &str = r#"trap '' INT TERM HUP; folder=$1; shift
"$@" </dev/null & echo $! >"$folder/pid"; read -r _; kill -9 $!; wait $! 2>/dev/null; rm -rf "$folder""#;
