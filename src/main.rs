//! hirewire
fn main() {}
