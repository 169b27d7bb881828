//! The server itself: its bounds and its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::served::*;

#[test]
fn a_stop_waits_for_no_client_that_asks_nothing() {
    let served = Served::start(|_| {});
    let mut idle = TcpStream::connect(served.address).unwrap();
    idle.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut buffer = [0; 512];
    assert!(idle.read(&mut buffer).unwrap() > 0);
    let before = Instant::now();
    served.stop();
    assert!(before.elapsed() < Duration::from_millis(1_000), "{:?}", before.elapsed());
    assert_eq!(idle.read(&mut buffer).unwrap(), 0, "closed in order");
}

#[test]
fn a_stop_leaves_two_seconds_to_a_client_that_does_not_read() {
    let served = Served::start(|_| {});
    let mut deaf = TcpStream::connect(served.address).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Each request asks for some 6 kB; when no more can be written, both sockets' buffers are full of answers.
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    while deaf.write_all(&request).is_ok() {}
    let before = Instant::now();
    served.stop();
    let took = before.elapsed();
    // A stop as a whole has 5 s, and a busy machine takes some of them.
    assert!(took > Duration::from_millis(1_900) && took < Duration::from_millis(4_900), "{took:?}");
}

#[test]
fn a_head_beyond_the_bounds_is_refused() {
    let served = Served::start(|_| {});
    let ask = |head: &str| served.raw(&format!("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n"));
    for (what, head, expected) in [
        ("a long header", "X-Long: ".to_owned() + &"x".repeat(10_000), "200"),
        ("a header too long", "X-Long: ".to_owned() + &"x".repeat(20_000), "431"),
        ("many headers", ["X: y"; 90].join("\r\n"), "200"),
        ("too many headers", ["X: y"; 200].join("\r\n"), "431"),
    ] {
        let answer = ask(&head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{what}: {answer}");
    }
    assert_eq!(served.json("/live").0, 200);
}
