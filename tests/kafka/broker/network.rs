//! A network of the tests' own between clients and brokers: it knows the requests of Kafka's protocol by their api keys, and loses, delays or
//! holds what it is told to.
//!
//! A request is `length i32, api key i16, api version i16, correlation id i32, …`, an answer `length i32, correlation id i32, …`
//! (kafka.apache.org/protocol); answers of a connection come in the order of its requests.

use crate::broker::held::pause;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frames that wait between one end and the other, one way.
const IN_FLIGHT: usize = 64;

/// Api keys.
pub const PRODUCE: i16 = 0;
pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
pub const ADD_OFFSETS_TO_TXN: i16 = 25;
pub const END_TXN: i16 = 26;
pub const TXN_OFFSET_COMMIT: i16 = 28;

pub struct Network {
    /// One before each broker: what that advertises.
    pub addresses: Vec<String>,
    state: Arc<State>,
}

/// A frame that does not pass as it should.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Of the request: the broker never sees it, and the connection breaks.
    Request,
    /// Of the answer: the broker did what it was asked to, and the connection breaks.
    Answer,
    /// The answer comes this much later; what follows on its connection too.
    Late(Duration),
}

/// What happens to everything that passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Nothing passes; connections stay, and what was sent arrives later.
    pub black_hole: bool,
    /// Connections break, and each one that is made.
    pub cut: bool,
    /// Each frame comes this much later.
    pub delay: Duration,
    /// 0: as many as can be had.
    pub bytes_per_second: u64,
}

#[derive(Default)]
struct State {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    weather: Weather,
    /// What is yet to be lost, by api key.
    losses: Vec<(i16, Loss)>,
    /// Of which api key the next answer is held, and whether it is.
    held: Option<(i16, bool)>,
}

impl Network {
    /// Before brokers that listen on these ports of this machine.
    pub fn before(ports: &[u16]) -> Network {
        let state = Arc::new(State::default());
        let one = |port: &u16| {
            let (listener, port, state) =
                (TcpListener::bind("127.0.0.1:0").expect("a free port"), *port, state.clone());
            let address = listener.local_addr().expect("its address").to_string();
            // It ends with the process.
            std::thread::spawn(move || {
                listener.incoming().flatten().for_each(|client| state.clone().connect(client, port))
            });
            address
        };
        Network { addresses: ports.iter().map(one).collect(), state }
    }

    /// What clients connect to.
    pub fn bootstrap(&self) -> String {
        self.addresses.join(",")
    }

    /// The weather is so while `during` lasts, and fine again after it.
    pub fn weather<T>(&self, weather: Weather, during: impl FnOnce() -> T) -> T {
        self.state.change(|told| told.weather = weather);
        let done = during();
        self.state.change(|told| told.weather = Weather::default());
        done
    }

    /// The next frame of this api key suffers this. Returns once it has.
    pub fn lose(&self, api: i16, loss: Loss) {
        self.state.change(|told| told.losses.push((api, loss)));
        self.state.wait("a frame that can be lost", |told| !told.losses.contains(&(api, loss)));
    }

    /// Holds the next answer of this api key while `during` lasts.
    pub fn hold<T>(&self, api: i16, during: impl FnOnce() -> T) -> T {
        self.state.change(|told| told.held = Some((api, false)));
        self.state.wait("an answer that can be held", |told| told.held == Some((api, true)));
        let done = during();
        self.state.change(|told| told.held = None);
        done
    }
}

impl State {
    fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.changed.notify_all();
    }

    fn wait(&self, what: &str, until: impl Fn(&Told) -> bool) {
        let limit = Duration::from_secs(60);
        let (told, ended) = self
            .changed
            .wait_timeout_while(self.told(), limit, |told| !until(told))
            .unwrap_or_else(PoisonError::into_inner);
        drop(told);
        assert!(!ended.timed_out(), "no {what} came within {limit:?}");
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two threads, one for each way; they end with the connection.
    fn connect(self: Arc<State>, client: TcpStream, port: u16) {
        if self.told().weather.cut {
            return;
        }
        let Ok(broker) = TcpStream::connect(("127.0.0.1", port)) else { return };
        let _ = (client.set_nodelay(true), broker.set_nodelay(true));
        let (Ok(client_again), Ok(broker_again)) = (client.try_clone(), broker.try_clone()) else { return };
        let asked: Arc<Mutex<BTreeMap<i32, i16>>> = Arc::default();
        let (known, state) = (asked.clone(), self.clone());
        std::thread::spawn(move || {
            state.pass(client_again, broker, |frame| {
                let [api, correlation] = [number(frame, 0) >> 16, number(frame, 4)];
                lock(&known).insert(correlation, api as i16);
                let lost = |told: &mut Told| told.take(api as i16, |loss| *loss == Loss::Request).is_some();
                Pass { through: !lost(&mut state.told()), after: Duration::ZERO }
            })
        });
        std::thread::spawn(move || {
            self.pass(broker_again, client, |frame| {
                let Some(api) = lock(&asked).remove(&number(frame, 0)) else { return Pass::THROUGH };
                let mut told = self.told();
                if told.held == Some((api, false)) {
                    told.held = Some((api, true));
                    self.changed.notify_all();
                    while told.held.is_some() {
                        told = self.changed.wait(told).unwrap_or_else(PoisonError::into_inner);
                    }
                }
                match told.take(api, |loss| *loss != Loss::Request) {
                    Some(Loss::Late(after)) => Pass { through: true, after },
                    Some(_) => Pass { through: false, after: Duration::ZERO },
                    None => Pass::THROUGH,
                }
            })
        });
    }

    /// Frame by frame, for as long as both ends stay and nothing is lost. What waits keeps nobody from reading what comes after it.
    fn pass(self: &Arc<State>, mut from: TcpStream, to: TcpStream, look: impl Fn(&[u8]) -> Pass) {
        // A connection that nobody speaks on is looked after too: it may be cut.
        let _ = from.set_read_timeout(Some(Duration::from_millis(200)));
        let (sender, frames) = std::sync::mpsc::sync_channel::<(Vec<u8>, Instant)>(IN_FLIGHT);
        let Ok(ends) = to.try_clone() else { return };
        let state = self.clone();
        let writer = std::thread::spawn(move || state.write(to, frames));
        while let Some(frame) = self.frame(&mut from) {
            let came = Instant::now();
            let pass = look(&frame[4..]);
            self.changed.notify_all();
            let due = came + self.told().weather.delay + pass.after;
            if !pass.through || sender.send((frame, due)).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), ends.shutdown(Shutdown::Both));
        drop(sender);
        let _ = writer.join();
    }

    fn write(&self, mut to: TcpStream, frames: Receiver<(Vec<u8>, Instant)>) {
        for (frame, due) in frames {
            if !self.weathered(due) || to.write_all(&frame).is_err() {
                break;
            }
            let rate = self.told().weather.bytes_per_second;
            pause((frame.len() as u64 * 1_000).checked_div(rate).unwrap_or(0));
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    /// The next frame, its length included; `None` where the connection ends.
    fn frame(&self, from: &mut TcpStream) -> Option<Vec<u8>> {
        let mut frame = vec![0; 4];
        let mut filled = 0;
        loop {
            match from.read(&mut frame[filled..]) {
                Ok(0) => return None,
                Ok(more) => filled += more,
                Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
            if self.told().weather.cut {
                return None;
            }
            if filled == 4 && frame.len() == 4 {
                frame.resize(4 + number(&frame, 0).max(0) as usize, 0);
            }
            if filled > 4 && filled == frame.len() {
                return Some(frame);
            }
        }
    }

    /// Waits until then, and for the end of a black hole; whether the connection outlasts it.
    fn weathered(&self, due: Instant) -> bool {
        loop {
            let weather = self.told().weather;
            if weather.cut {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() && !weather.black_hole {
                return true;
            }
            pause(left.as_millis().clamp(1, 20) as u64);
        }
    }
}

struct Pass {
    through: bool,
    after: Duration,
}

impl Pass {
    const THROUGH: Pass = Pass { through: true, after: Duration::ZERO };
}

impl Told {
    fn take(&mut self, api: i16, fits: impl Fn(&Loss) -> bool) -> Option<Loss> {
        let place = self.losses.iter().position(|(of, loss)| *of == api && fits(loss))?;
        Some(self.losses.remove(place).1)
    }
}

fn number(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, i32::from_be_bytes)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
