//! The daemon as its package installs it: files at their places below a root of our own, started by the command lines of the unit, with
//! credentials and a service manager's ear.

use crate::broker::{free_ports, fresh_folder};
use crate::notify::Manager;
use crate::worker::Worker;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

pub struct Installed {
    root: PathBuf,
    unit: String,
    http: String,
    pub manager: Manager,
    /// Of its socket: the path of one is short.
    _socket: TempDir,
}

impl Installed {
    /// `settings`: lines that the operator adds to the package's configuration, whose lines about logins he takes as they stand.
    pub fn unpack(name: &str, bootstrap: &str, password: &str, settings: &str) -> Installed {
        let root = fresh_folder(&format!("installed-{name}"));
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["usr/bin", "etc/steward/contracts", "etc/steward/credentials", "run/credentials"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        put(&root.join("usr/bin/steward"));
        let packaged = fs::read_to_string(project.join("packaging/steward.yaml")).expect("the package's configuration");
        let [port] = free_ports();
        let http = format!("127.0.0.1:{port}");
        let configuration = packaged.replace("127.0.0.1:9092", bootstrap).replace("  # s", "  s");
        fs::write(
            root.join("etc/steward/steward.yaml"),
            format!("{configuration}\nworker.id: installed\nhttp.listen: {http}\n{settings}"),
        )
        .expect("the configuration");
        fs::write(root.join("etc/steward/credentials/kafka.password"), password).expect("a secret");
        let unit = fs::read_to_string(project.join("systemd/steward.service")).expect("the unit");
        let socket = tempfile::tempdir().expect("a folder for the socket");
        let manager = Manager::listen(socket.path());
        Installed { root, unit, http, manager, _socket: socket }
    }

    pub fn put_contract(&self, text: &str) {
        fs::write(self.root.join("etc/steward/contracts/orders.odcs.yaml"), text).expect("the contract");
    }

    /// `ExecStartPre=`
    pub fn check(&self) -> Output {
        self.command("ExecStartPre").output().expect("steward starts")
    }

    /// The same, asking the cluster too.
    pub fn check_connect(&self) -> Output {
        self.command("ExecStartPre").arg("--connect").output().expect("steward starts")
    }

    /// `ExecStart=`; returns when the manager hears that it is ready.
    pub fn start(&self) -> Worker {
        let worker = Worker::of(&mut self.command("ExecStart"), self.root.join("journal"), self.http.clone());
        self.manager.hear(Duration::from_secs(60), |said| said == "READY=1");
        worker
    }

    /// Puts the program of a newer package in the place of the one that runs, as dpkg does: beside it, and then over it.
    pub fn upgrade(&self) {
        let place = self.root.join("usr/bin/steward");
        let new = place.with_extension("dpkg-new");
        put(&new);
        fs::rename(new, place).expect("the newer program");
    }

    /// A line of the unit, with what systemd gives its process: credentials, where to tell, and little else.
    fn command(&self, key: &str) -> Command {
        let line = self.value(key);
        let mut words = line.trim_start_matches('-').split_whitespace().map(|word| self.below(word));
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_clear().env("CREDENTIALS_DIRECTORY", self.credentials());
        command.envs(self.manager.environment(Duration::from_secs(120))).current_dir("/");
        command
    }

    fn value(&self, key: &str) -> &str {
        let mut values = self.unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        values.next().unwrap_or_else(|| panic!("the unit has no {key}="))
    }

    fn below(&self, word: &str) -> String {
        if word.starts_with('/') { format!("{}{word}", self.root.display()) } else { word.to_owned() }
    }

    /// What `LoadCredential=ID:FOLDER` makes of the folder: a file `ID_FILE` of each FILE.
    fn credentials(&self) -> PathBuf {
        let (id, folder) = self.value("LoadCredential").split_once(':').expect("an id and a folder");
        let given = self.root.join("run/credentials");
        for file in fs::read_dir(self.below(folder)).expect("the operator's secrets").map(|file| file.expect("a file"))
        {
            fs::copy(file.path(), given.join(format!("{id}_{}", file.file_name().to_string_lossy()))).expect("a copy");
        }
        given
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// This build's program.
fn put(place: &Path) {
    fs::copy(env!("CARGO_BIN_EXE_steward"), place).expect("the program");
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).expect("its mode");
}
