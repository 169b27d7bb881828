//! Where a running daemon can be reached: at `http.listen` and nowhere else, whatever its libraries open.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is gone when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of /proc/net/tcp, in hexadecimal.
const LISTENS: &str = "0A";

#[test]
fn the_daemon_listens_where_its_configuration_says_and_nowhere_else() {
    let check = |listen: &str, expected: &str| {
        let free =
            TcpListener::bind(listen.replace("PORT", "0")).and_then(|free| free.local_addr()).expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("steward.yaml");
        let address = listen.replace("PORT", &free.port().to_string());
        // No broker is there: the clients try all the same, and HTTP is served.
        let text = format!(
            "kafka.bootstrap.servers: 127.0.0.1:1\ncontracts.paths: [{}]\nworker.id: w\nhttp.listen: \"{address}\"\naccess.mode: none\n",
            folder.path().display()
        );
        fs::write(&config, text).expect("the configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command.args(["run", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Running(command.spawn().expect("steward starts"));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", free.port())).is_err() {
            let ended = running.0.try_wait().expect("its state");
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_secs(30),
                "nobody serves {address}: {ended:?}"
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
        // Clients, tasks and whatever they open stand by then.
        std::thread::park_timeout(Duration::from_millis(500));
        let port = format!(":{:04X}", free.port());
        assert_eq!(open(running.0.id()), BTreeSet::from([format!("{expected}{port}")]), "{listen}");
    };
    check("127.0.0.1:PORT", "tcp 0100007F");
    check("0.0.0.0:PORT", "tcp 00000000");
}

/// Where others could reach the process: its listening sockets of TCP and of files, and all of UDP, as the kernel writes their addresses.
fn open(process: u32) -> BTreeSet<String> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("its descriptors").flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    let own: BTreeSet<String> =
        links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "unix"] {
        let text = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (inode, listens, address) = match table {
                // Flags: 0x10000 is what listen(2) sets.
                "unix" => (words[6], words[3] == "00010000", words.get(7).copied().unwrap_or_default()),
                "tcp" | "tcp6" => (words[9], words[3] == LISTENS, words[1]),
                _ => (words[9], true, words[1]),
            };
            if listens && own.contains(inode) {
                found.insert(format!("{table} {address}"));
            }
        }
    }
    found
}
