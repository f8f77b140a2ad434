//! The sandbox over HTTP, as a client meets it: real sockets, hand-written expectations.
