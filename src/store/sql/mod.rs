//! How a statement reaches the database: engine, pool, dialects, and writes that share a commit.
//!
//! The repositories beside this folder (`store::*`, one per noun) say *what* is asked; this folder
//! says *how*: it knows no table but those of the schema's own bookkeeping.

pub(in crate::store) mod batch_writer;
pub(in crate::store) mod dialect;
pub(in crate::store) mod engine;
pub(in crate::store) mod pool;
pub(in crate::store) mod schema;
pub(in crate::store) mod sqlite_writer;
pub(in crate::store) mod statement;
