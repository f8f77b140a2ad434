//! Groups that Hirewire creates at targets: one create at a time for each name.
//!
//! Several people may need the same new group at the same moment, in several processes, and a target
//! may show a new group late. The row of a name says who may create it now, and which group came of
//! it.

use std::time::Duration;

use super::{
    Store, StoreError,
    sql::{dialect::Scope, row::ReadColumn as _, statement::Statement},
};

/// The answer of [`Store::begin_group_create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCreate {
    /// The caller may create the group.
    Begun,
    /// Another create of it runs, or its answer was lost: its group may still show.
    Running,
    /// Hirewire created the group with this id.
    Created(String),
}

impl Store {
    /// Asks to create a group of this name. For `within` no other caller may.
    pub async fn begin_group_create(
        &self,
        connection: &str,
        name: &str,
        within: Duration,
    ) -> Result<GroupCreate, StoreError> {
        let begin = Statement::new(
            "INSERT INTO created_groups (connection, name, expires_at)
             VALUES (:connection, :name, {now} + :within)
             ON CONFLICT (connection, name) DO UPDATE SET
               expires_at = excluded.expires_at
             WHERE created_groups.scim_id IS NULL AND created_groups.expires_at <= {now}
             RETURNING name",
        )
        .bind("connection", connection)
        .bind("name", name)
        .bind("within", within);
        let read = Statement::new(
            "SELECT scim_id FROM created_groups WHERE connection = :connection AND name = :name",
        )
        .bind("connection", connection)
        .bind("name", name);

        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let (begin, read) = (begin.clone(), read.clone());
                Box::pin(async move {
                    if begin.first(&mut tx).await?.is_some() {
                        return Ok(GroupCreate::Begun);
                    }
                    let row = read.first(&mut tx).await?;
                    let id = row.map(|row| row.optional_text("scim_id")).transpose()?;
                    Ok(id
                        .flatten()
                        .map_or(GroupCreate::Running, GroupCreate::Created))
                })
            })
            .await
    }

    /// Remembers the group that a create made, or that was found in its place.
    pub async fn remember_created_group(
        &self,
        connection: &str,
        name: &str,
        id: &str,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE created_groups SET scim_id = :id
             WHERE connection = :connection AND name = :name",
        )
        .bind("connection", connection)
        .bind("name", name)
        .bind("id", id);
        self.engine.execute(statement).await?;
        Ok(())
    }

    /// Forgets the name: the target refused to create the group, or the group is gone.
    pub async fn forget_created_group(
        &self,
        connection: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "DELETE FROM created_groups WHERE connection = :connection AND name = :name",
        )
        .bind("connection", connection)
        .bind("name", name);
        self.engine.execute(statement).await?;
        Ok(())
    }
}
