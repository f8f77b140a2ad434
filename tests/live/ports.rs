//! Free ports of 127.0.0.1 for the processes under test.
//!
//! They are below the ephemeral range of the system, so that no outgoing connection takes one
//! between its choice and its use. Each port is given out once in a run.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 12_000;
const COUNT: u16 = 8_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which no process listens.
///
/// # Panics
/// If all ports of the range are in use.
pub fn free() -> u16 {
    // Test runs at the same time start at different ports.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).expect("below COUNT");

    for _ in 0..COUNT {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", FIRST + offset)).is_ok() {
            return FIRST + offset;
        }
    }

    panic!("no port is free");
}
