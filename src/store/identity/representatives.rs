//! Representatives: of the aliases that are one person by the fold, the oldest represents all.

use std::collections::{BTreeMap, BTreeSet};

use super::{bindings, clusters::Clusters};
use crate::store::{
    StoreError, events,
    sql::statement::{Row, Statement, Tx, chunks},
};
use hirewire_core::{
    event::{Alias, Event},
    fold,
};

/// Decides by the fold which aliases of a cluster are one person, and writes who represents whom. A
/// binding that was made for an alias of another person now returns to it.
pub(in crate::store) async fn resolve(
    tx: &mut Tx<'_>,
    clusters: &mut Clusters,
    cluster: &str,
) -> Result<(), StoreError> {
    if clusters.members(cluster).nth(1).is_none() {
        return Ok(());
    }

    let statement = format!(
        "SELECT {} FROM events WHERE events.cluster = :cluster",
        events::COLUMNS
    );
    let rows = Statement::new(statement)
        .bind("cluster", cluster)
        .all(tx)
        .await?;
    let events = rows
        .iter()
        .map(events::read)
        .collect::<Result<Vec<Event>, _>>()?;

    let people = fold::people(&events);
    let changed: Vec<Row<2>> = representatives(clusters, cluster, &people)
        .into_iter()
        .filter_map(|(alias, representative)| clusters.set_representative(&alias, representative))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }

    for rows in chunks(tx.dialect, changed) {
        let statement = Statement::new(
            "WITH {rows}
             UPDATE people SET merged_into = v.merged_into
             FROM v WHERE people.person = v.person",
        );
        statement.rows(rows).execute(tx).await?;
    }
    bindings::return_after_split(tx, clusters, cluster).await
}

/// Each alias of the cluster with the key of the person who represents it.
fn representatives(
    clusters: &Clusters,
    cluster: &str,
    people: &[BTreeSet<Alias>],
) -> BTreeMap<Alias, String> {
    let mut representatives: BTreeMap<Alias, String> = clusters
        .members(cluster)
        .map(|(alias, member)| (alias.clone(), member.person.clone()))
        .collect();

    for aliases in people {
        // A key is a UUID v7, so the least is the oldest.
        let keys = aliases
            .iter()
            .filter_map(|alias| representatives.get(alias));
        let Some(oldest) = keys.min().cloned() else {
            continue;
        };
        for alias in aliases {
            if let Some(representative) = representatives.get_mut(alias) {
                representative.clone_from(&oldest);
            }
        }
    }
    representatives
}
