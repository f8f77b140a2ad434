//! Free ports on 127.0.0.1, from below those the system hands out for outgoing connections, so that nobody takes one
//! between its choice here and its use by the process under test. Each is given once in this run.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 12_000;
const COUNT: u16 = 8_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nothing listens on.
///
/// # Panics
/// If none is left.
pub fn free() -> u16 {
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).expect("below COUNT");
    for _ in 0..COUNT {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", FIRST + offset)).is_ok() {
            return FIRST + offset;
        }
    }
    panic!("no port is free");
}
