//! `hirewire people list`: finds people by a part of what is known of them.

use clap::Args;

use super::{
    Exit,
    api::{ApiClient, encoded},
    output::{Column, OutputOptions, list, text},
};

#[derive(Debug, Args)]
pub(super) struct PeopleList {
    /// A part of a worker id, a name or an e-mail address, compared without case. Default:
    /// everybody.
    #[arg(long, default_value = "", value_name = "TEXT")]
    search: String,
    /// The highest number of rows.
    #[arg(long, default_value_t = 50, value_name = "N")]
    most: usize,
    #[command(flatten)]
    output: OutputOptions,
}

const COLUMNS: &[Column] = &[
    ("WORKER", |person| text(person, "/worker")),
    ("NAME", |person| text(person, "/name")),
    ("E-MAIL", |person| text(person, "/work_email")),
    ("STATUS", |person| text(person, "/status")),
];

impl PeopleList {
    pub(super) async fn run(&self, api: &ApiClient) -> Result<(), Exit> {
        let path = format!(
            "/api/v1/people-list?search={}&most={}",
            encoded(&self.search),
            self.most
        );
        let found = api.get(&path).await?;
        let people = list(&found, "/people");

        self.output.rows(people, COLUMNS, "nobody matches")?;
        self.output
            .total(people.len(), &found, ("person", "people"))
    }
}
