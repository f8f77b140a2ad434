//! Owners: the people to whose accounts the users of a target are bound.
//!
//! A user has one owner on a connection; the index of `accounts.scim_id` keeps it so. A reconcile
//! asks before its first write, so that nothing is sent to another person's user.

use super::{
    ClaimError, PersonKey, Store, StoreError,
    sql::{
        row::ReadColumn as _,
        statement::{Row, Statement, is_unique_violation},
    },
};
use hirewire_core::event::Alias;

/// The person to whose account a user is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The target's id of the user.
    pub scim_id: String,
    /// The person.
    pub person: PersonKey,
    /// The alias that the binding was made for.
    pub alias: Alias,
    /// The person into whom the owner was merged.
    pub merged_into: Option<PersonKey>,
}

impl Store {
    /// The owners of these users of a connection, but the person.
    pub async fn other_owners(
        &self,
        connection: &str,
        scim_ids: &[&str],
        person: &PersonKey,
    ) -> Result<Vec<Owner>, StoreError> {
        if scim_ids.is_empty() {
            return Ok(Vec::new());
        }

        let ids: Vec<Row<1>> = scim_ids
            .iter()
            .map(|id| [("scim_id", (*id).into())])
            .collect();
        let statement = Statement::new(
            "WITH {rows}
             SELECT accounts.scim_id, accounts.person, accounts.alias_source,
               accounts.alias_worker, accounts.merged_into
             FROM v JOIN accounts ON accounts.scim_id = v.scim_id
             WHERE accounts.connection = :connection AND accounts.person <> :person
             ORDER BY accounts.scim_id",
        )
        .bind("connection", connection)
        .bind("person", person)
        .rows(ids);
        let rows = self.engine.all(statement).await?;
        rows.iter()
            .map(|row| {
                Ok(Owner {
                    scim_id: row.text("scim_id")?,
                    person: PersonKey(row.text("person")?),
                    alias: Alias {
                        source: row.code("alias_source")?,
                        worker: row.code("alias_worker")?,
                    },
                    merged_into: row.optional_text("merged_into")?.map(PersonKey),
                })
            })
            .collect()
    }

    /// The person whose account is bound to the user. The key is empty if that binding ended
    /// meanwhile: the caller tries again in either case.
    pub(super) async fn person_bound_to(
        &self,
        connection: &str,
        scim_id: &str,
    ) -> Result<PersonKey, StoreError> {
        let statement = Statement::new(
            "SELECT person FROM accounts WHERE connection = :connection AND scim_id = :scim_id",
        )
        .bind("connection", connection)
        .bind("scim_id", scim_id);
        let row = self.engine.first(statement).await?;
        row.map_or(Ok(PersonKey(String::new())), |row| {
            row.text("person").map(PersonKey)
        })
    }
}

/// The error of a write to an account. The only UNIQUE index of the assigned columns is that of
/// `scim_id`.
pub(super) fn write_error(error: sqlx::Error) -> ClaimError {
    if is_unique_violation(&error) {
        ClaimError::BoundElsewhere(PersonKey(String::new()))
    } else {
        ClaimError::Store(error.into())
    }
}
