//! The terminal: taken while `steward top` runs, given back however it ends; and the thread that asks.

use crate::cli::Exit;
use crate::cli::top::ask::{Asker, Told};
use crate::cli::top::draw::draw;
use crate::cli::top::screen::{Screen, Turn};
use crate::clock::now_ms;
use crate::table::Style;
use anyhow::Context as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a key is waited for before what was told is looked at, and ages are drawn again.
const TURN: Duration = Duration::from_millis(200);

/// Until a key or a signal ends it.
pub fn live(
    asker: Asker,
    mut screen: Screen,
    interval: Duration,
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let ended = signals()?;
    let (tell, told) = channel();
    // The thread ends when this end of its channel is gone, or with the process while it waits for an answer.
    let (_going, stopped) = channel::<()>();
    std::thread::spawn(move || ask(&asker, interval, &tell, &stopped));
    let mut taken = Taken::take(out).context("the terminal cannot be used; --once prints the table once")?;
    let mut terminal = Terminal::new(CrosstermBackend::new(taken.out()))?;
    while !ended.load(Ordering::Relaxed) {
        told.try_iter().for_each(|said| screen.hear(said, now_ms()));
        terminal.draw(|frame| draw(frame, &mut screen, now_ms(), style.colours))?;
        if event::poll(TURN)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && screen.on(key, now_ms()) == Turn::Quit
        {
            break;
        }
    }
    Ok(Exit::Good)
}

/// Asks at once and then each `interval`.
fn ask(asker: &Asker, interval: Duration, tell: &Sender<Result<Told, String>>, stopped: &Receiver<()>) {
    while tell.send(asker.ask()).is_ok() {
        if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// A terminal in raw mode on its other screen, as long as this value is there.
struct Taken<'o, W: Write> {
    out: &'o mut W,
}

impl<'o, W: Write> Taken<'o, W> {
    fn take(out: &'o mut W) -> io::Result<Taken<'o, W>> {
        // The message of a panic is written before anything is dropped, and would go with the other screen.
        let hook = std::panic::take_hook();
        let taker = std::thread::current().id();
        std::panic::set_hook(Box::new(move |panic| {
            // Another thread's end does not end this one.
            if std::thread::current().id() == taker {
                give_back(&mut io::stdout());
            }
            hook(panic);
        }));
        enable_raw_mode()?;
        let mut taken = Taken { out };
        execute!(taken.out(), EnterAlternateScreen)?;
        Ok(taken)
    }

    fn out(&mut self) -> &mut W {
        self.out
    }
}

impl<W: Write> Drop for Taken<'_, W> {
    fn drop(&mut self) {
        give_back(self.out);
    }
}

/// Whoever has lost the terminal cannot be told.
fn give_back(out: &mut impl Write) {
    let _ = disable_raw_mode();
    let _ = execute!(out, LeaveAlternateScreen, Show);
}

/// True after a signal that asks to end: Ctrl-C is a key in raw mode, and a signal where another process sends it.
fn signals() -> anyhow::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    drop(entered);
    let told = asked.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        told.store(true, Ordering::Relaxed);
    });
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let mut out = Vec::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _taken = Taken { out: &mut out };
            panic!("in the middle of a turn");
        }));
        assert!(panicked.is_err());
        let out = String::from_utf8(out).unwrap();
        // The other screen is left, then the cursor is shown.
        assert_eq!(out, "\u{1b}[?1049l\u{1b}[?25h");
    }
}
