//! What a service manager is told, by the protocol of sd_notify(3), and nothing where none listens. What to say when is
//! `worker::service`'s.

use sd_notify::{NotifyState, notify, watchdog_enabled};
use std::io;
use std::time::Duration;

/// One assignment of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The start, or a reload, is done.
    Ready,
    /// The start goes on, and may take so long again.
    Starting(Duration),
    Reloading,
    Stopping,
    /// Feeds the watchdog.
    Alive,
    /// How it stands, in one line.
    Status(String),
}

/// Whether anybody listens: `$NOTIFY_SOCKET` names the socket.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Without an `Alive` for so long the process is ended (`$WATCHDOG_USEC`); `None`: nobody watches.
pub fn watchdog() -> Option<Duration> {
    watchdog_enabled()
}

/// Says all of it in one message.
pub fn tell(words: &[Word]) -> io::Result<()> {
    let mut states = Vec::with_capacity(words.len() + 1);
    for word in words {
        match word {
            Word::Ready => states.push(NotifyState::Ready),
            Word::Starting(more) => states.push(NotifyState::ExtendTimeoutUsec(more.as_micros() as u32)),
            // Type=notify-reload takes a reload for the answer to its signal by this time alone.
            Word::Reloading => states.extend([NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
            Word::Stopping => states.push(NotifyState::Stopping),
            Word::Alive => states.push(NotifyState::Watchdog),
            Word::Status(text) => states.push(NotifyState::Status(text)),
        }
    }
    notify(&states)
}
