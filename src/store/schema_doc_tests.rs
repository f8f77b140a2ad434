//! docs/schema.md names every table, column, view and index of a new store, and no other.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use super::{
    Store, StoreSettings,
    sql::row::{ReadColumn as _, SqlRow},
};

const PAGE: &str = include_str!("../../docs/schema.md");

/// A column's name and type.
type Column = (String, String);

#[derive(Debug, Default, PartialEq)]
struct Schema {
    tables: BTreeMap<String, BTreeSet<Column>>,
    views: BTreeSet<String>,
    indexes: BTreeSet<String>,
}

/// The schema that the page describes.
fn documented() -> Schema {
    let mut schema = Schema::default();
    let (mut section, mut table) = ("", None);
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (section, table) = (title, None);
        } else if let Some(title) = line.strip_prefix("### ") {
            table = Some(title.trim_matches('`').to_owned());
        } else if let Some(row) = line.strip_prefix("| `") {
            let mut cells = row.split('|').map(|cell| cell.trim().trim_end_matches('`'));
            let name = cells.next().unwrap_or_default().to_owned();
            let second = cells.next().unwrap_or_default().to_owned();
            match (section, &table) {
                ("Tables", Some(table)) => {
                    let columns = schema.tables.entry(table.clone()).or_default();
                    columns.insert((name, second));
                }
                ("Views", _) => drop(schema.views.insert(name)),
                ("Indexes", _) => drop(schema.indexes.insert(name)),
                _ => {}
            }
        }
    }
    schema
}

async fn select(connection: &mut AnyConnection, query: String) -> Vec<SqlRow> {
    sqlx::query(AssertSqlSafe(query))
        .fetch_all(connection)
        .await
        .expect("rows")
}

/// The schema of a new store.
async fn of_a_new_store() -> Schema {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let settings = StoreSettings {
        url: url.clone().into(),
        instance: "test".to_owned(),
        connections: 1,
    };
    let store = Store::open(settings).await.expect("the store opens");

    let mut connection = AnyConnection::connect(&url).await.expect("a connection");
    let query = "SELECT type, name FROM sqlite_master
                 WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'";
    let mut schema = Schema::default();
    for row in select(&mut connection, query.to_owned()).await {
        let name = row.text("name").expect("a name");
        match row.text("type").expect("a type").as_str() {
            "table" => {
                let query = format!("SELECT name, type FROM pragma_table_info('{name}')");
                let columns = select(&mut connection, query).await;
                let columns = columns.iter().map(|column| {
                    let name = column.text("name").expect("a name");
                    (name, column.text("type").expect("a type"))
                });
                schema.tables.insert(name, columns.collect());
            }
            "view" => drop(schema.views.insert(name)),
            _ => drop(schema.indexes.insert(name)),
        }
    }

    connection.close().await.expect("closed");
    store.close().await;
    schema
}

#[tokio::test]
async fn the_page_about_the_schema_names_what_a_new_store_has() {
    let (documented, actual) = (documented(), of_a_new_store().await);
    assert_eq!(documented, actual);
}

#[tokio::test]
async fn every_table_with_a_time_has_a_view() {
    let actual = of_a_new_store().await;
    for (table, columns) in &actual.tables {
        let has_time = columns.iter().any(|(name, _)| name.ends_with("_at"));
        assert_eq!(
            actual.views.contains(&format!("{table}_view")),
            has_time,
            "{table}"
        );
    }
}
