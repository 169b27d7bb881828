//! A service manager's ear: a datagram socket that hears what a worker says to it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    /// Listens at a socket in `folder`.
    pub fn listen(folder: &Path) -> Manager {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Manager { socket, path }
    }

    /// What a unit's process finds in its environment; `watchdog` as WatchdogSec= has it.
    pub fn environment(&self, watchdog: Duration) -> [(&'static str, String); 2] {
        [("NOTIFY_SOCKET", self.path.display().to_string()), ("WATCHDOG_USEC", watchdog.as_micros().to_string())]
    }

    /// The assignments that come until `enough` says so of one; fails after `within`, and shows what came.
    pub fn hear(&self, within: Duration, enough: impl Fn(&str) -> bool) -> Vec<String> {
        let until = Instant::now() + within;
        let mut heard: Vec<String> = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).expect("a time-out");
            let Ok(length) = self.socket.recv(&mut buffer) else { panic!("not within {within:?}; heard: {heard:#?}") };
            let message = String::from_utf8(buffer[..length].to_vec()).expect("UTF-8");
            let came = heard.len();
            heard.extend(message.lines().map(str::to_owned));
            if heard[came..].iter().any(|said| enough(said)) {
                return heard;
            }
        }
    }
}
