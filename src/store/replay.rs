//! `replay`: makes what letters are about owed again. State is folded when it is applied, so replaying is always safe.

use std::sync::Arc;

use serde_json::json;

use super::{
    LetterAbout, LetterFilter, PersonKey, Replayed, Store, StoreError,
    ask::{Ask, Tx},
    dialect::Scope,
    history, letters,
};

impl Store {
    /// Makes the accounts of these letters owed now, attempts forgotten; history says who and why.
    pub async fn replay(&self, filter: &LetterFilter, by: &str, reason: &str) -> Result<Replayed, StoreError> {
        let wish = Arc::new((filter.clone(), by.to_owned(), reason.to_owned()));
        self.engine
            .write(Scope::Transaction, move |mut tx| {
                let wish = wish.clone();
                Box::pin(async move {
                    let (filter, by, reason) = &*wish;
                    replay(&mut tx, filter, by, reason).await
                })
            })
            .await
    }
}

async fn replay(tx: &mut Tx<'_>, filter: &LetterFilter, by: &str, reason: &str) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    for letter in letters::chosen(tx, filter).await? {
        match letter.about {
            LetterAbout::Account { connection, person } => replayed.accounts.push((connection, person)),
            LetterAbout::Person { .. } => {
                letters::close(tx, &letter.id).await?;
                replayed.closed.push(letter.id);
            }
            LetterAbout::Hook { .. } => replayed.hooks.extend(letters::raw(tx, &letter.id).await?),
        }
    }
    // In one order, so that two replays do not wait for each other in a ring.
    replayed.accounts.sort();
    replayed.accounts.dedup();
    for (connection, person) in &replayed.accounts {
        owe_again(tx, connection, person).await?;
        let detail = json!({ "by": by, "reason": reason });
        let line = history::Line { connection, person: &person.0, outcome: "replayed", detail: &detail };
        history::write(tx, &line).await?;
    }
    Ok(replayed)
}

async fn owe_again(tx: &mut Tx<'_>, connection: &str, person: &PersonKey) -> Result<(), StoreError> {
    let ask = Ask::of(
        "UPDATE accounts SET owed_at = CASE WHEN owed_at <= {now} THEN owed_at ELSE {now} END, \
         owed_since = CASE WHEN owed_at <= {now} THEN COALESCE(owed_since, owed_at) ELSE {now} END, \
         attempts = 0, not_before = NULL, stirred = CASE WHEN stirred = 2 THEN 2 ELSE 1 END \
         WHERE connection = $2 AND person = $3",
    );
    ask.with(connection).with(person).run(tx).await?;
    Ok(())
}
