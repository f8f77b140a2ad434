//! How a statement reaches the database: statements, dialects, connections, transactions, schema.
//!
//! The repositories beside this folder (`store::*`, one per noun) hold the queries. This folder
//! runs them: it names no table except in the schema, its views and the batch writer for accounts.

pub(in crate::store) mod batch_writer;
pub(in crate::store) mod dialect;
pub(in crate::store) mod engine;
pub(in crate::store) mod pool;
pub(in crate::store) mod row;
pub(in crate::store) mod schema;
pub(in crate::store) mod sqlite_writer;
pub(in crate::store) mod statement;
pub(in crate::store) mod value;
mod views;
