//! The story: what happens to seven people of Acme, and what the application has of them after each step.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{super::print, hr::Posted, stage::Stage};
use crate::{app::socket_of, cli::api::Api, ops::Line};
use hirewire_core::plan;
use hirewire_sandbox::{Effect, Fault, LoggedRequest};

const PATIENCE: Duration = Duration::from_secs(8);
const NOW: SignedDuration = SignedDuration::ZERO;

struct Teller<'a> {
    stage: &'a Stage,
    begun: Instant,
    missed: u32,
}

/// Tells it; how many steps did not have their effect.
pub(super) async fn tell(stage: &Stage) -> anyhow::Result<u32> {
    let mut teller = Teller {
        stage,
        begun: Instant::now(),
        missed: 0,
    };
    say(
        "Acme's HR system posts signed webhooks; an application holds the accounts. Every step is checked there.",
    )?;
    let ada = teller.hire_and_change().await?;
    teller.duplicates_and_disorder().await?;
    teller.forgery().await?;
    let left = teller.outage().await?;
    teller.refusal().await?;
    teller.stale_replay(&ada, left).await?;
    teller.rehire().await?;
    let took = teller.begun.elapsed().as_secs_f32();
    if teller.missed == 0 {
        say(&format!("\nAll as expected, in {took:.1} s."))?;
    }
    Ok(teller.missed)
}

impl Teller<'_> {
    fn step(&self, text: &str) -> anyhow::Result<()> {
        say(&format!(
            "\n{:>5.1} s  {text}",
            self.begun.elapsed().as_secs_f32()
        ))
    }

    fn effect(&mut self, held: bool, expected: &str) -> anyhow::Result<()> {
        if held {
            return say(&format!("         ok  {expected}"));
        }
        self.missed += 1;
        say(&format!("     MISSED  {expected}"))
    }

    /// Waits for the effect, and says what was sent for it.
    async fn expect(
        &mut self,
        expected: &str,
        holds: impl Fn(&Stage) -> bool,
    ) -> anyhow::Result<()> {
        let held = self.stage.until(PATIENCE, holds).await;
        for request in writes(&self.stage.sandbox.requests()) {
            say(&format!("             {request}"))?;
        }
        self.stage.sandbox.clear_requests();
        self.effect(held, expected)
    }

    async fn post(
        &self,
        kind: &str,
        worker: &str,
        ago: SignedDuration,
        data: Value,
    ) -> anyhow::Result<Posted> {
        let posted = self
            .stage
            .hr
            .post(self.stage.hr.event(kind, worker, ago, &data))
            .await?;
        anyhow::ensure!(
            posted.status == 200,
            "a signed {kind} was answered with {}",
            posted.status
        );
        Ok(posted)
    }

    async fn hire_and_change(&mut self) -> anyhow::Result<Posted> {
        self.step("Ada Lovelace is hired, as an engineer.")?;
        let ada = self
            .post("hired", "E-1001", NOW, hire("Ada", "Lovelace", "Engineer"))
            .await?;
        self.expect("she has an active account", |stage| {
            is_active(stage, "ada") == Some(true)
        })
        .await?;
        self.step("HR changes her title.")?;
        self.post(
            "changed",
            "E-1001",
            NOW,
            json!({ "worker": { "title": "Principal Engineer" } }),
        )
        .await?;
        self.expect("one PATCH, of the title alone", |stage| {
            title(stage, "ada") == "Principal Engineer"
        })
        .await?;
        Ok(ada)
    }

    async fn duplicates_and_disorder(&mut self) -> anyhow::Result<()> {
        self.step("The same webhook comes three times; and of two changes the older comes last.")?;
        let newer = self.stage.hr.event(
            "changed",
            "E-1001",
            NOW,
            &json!({ "worker": { "title": "Chief Engineer" } }),
        );
        for _ in 0..3 {
            self.stage.hr.post(newer.clone()).await?;
        }
        self.stage
            .until(PATIENCE, |stage| title(stage, "ada") == "Chief Engineer")
            .await;
        let mut settled = self.stage.service.tail().follow();
        let minute = SignedDuration::from_mins(1);
        self.post(
            "changed",
            "E-1001",
            minute,
            json!({ "worker": { "title": "Junior Engineer" } }),
        )
        .await?;
        heard_of(&mut settled, "E-1001").await;
        let patches = writes(&self.stage.sandbox.requests()).len();
        self.expect("she is Chief Engineer, by one PATCH", |stage| {
            title(stage, "ada") == "Chief Engineer" && patches == 1
        })
        .await
    }

    async fn forgery(&mut self) -> anyhow::Result<()> {
        self.step("Somebody forges a termination of hers.")?;
        let forged = self.stage.hr.event("terminated", "E-1001", NOW, &json!({}));
        let status = self.stage.hr.forge(&forged).await?;
        self.effect(
            status == 401 && is_active(self.stage, "ada") == Some(true),
            "401, and she keeps her account",
        )
    }

    async fn outage(&mut self) -> anyhow::Result<Instant> {
        self.step("The application goes down. Four people are hired; then Ada leaves.")?;
        self.stage
            .sandbox
            .set_faults(vec![Fault::new(Effect::Down)]);
        self.stage.sandbox.clear_requests();
        for (worker, given, family) in NEWCOMERS {
            self.post("hired", worker, NOW, hire(given, family, "Analyst"))
                .await?;
        }
        self.stage
            .until(PATIENCE, |stage| stage.sandbox.requests().len() >= 2)
            .await;
        self.post("terminated", "E-1001", NOW, json!({})).await?;
        let left = Instant::now();
        // Long enough for the first waits to be over: all five are pending when it comes back.
        tokio::time::sleep(Duration::from_millis(2600)).await;
        self.effect(
            is_active(self.stage, "ada") == Some(true),
            "every hook was answered 200; the accounts wait",
        )?;
        self.step("It is back.")?;
        self.stage.sandbox.clear_requests();
        self.stage.sandbox.set_faults(Vec::new());
        let everybody = |stage: &Stage| {
            NEWCOMERS
                .iter()
                .all(|(_, given, _)| is_active(stage, given) == Some(true))
        };
        let gone = |stage: &Stage| is_active(stage, "ada") == Some(false);
        self.stage
            .until(PATIENCE, |stage| gone(stage) && everybody(stage))
            .await;
        let first = writes(&self.stage.sandbox.requests())
            .into_iter()
            .next()
            .unwrap_or_default();
        let leaver_first = first.starts_with("PATCH");
        self.expect(
            "the leaver first: no access any more; then the four have theirs",
            |stage| leaver_first && gone(stage) && everybody(stage),
        )
        .await?;
        Ok(left)
    }

    async fn refusal(&mut self) -> anyhow::Result<()> {
        self.step("The application does not like a title.")?;
        let filter = Some("title eq \"Astronaut\"".to_owned());
        self.stage
            .sandbox
            .set_faults(vec![Fault::new(Effect::Refuse {
                attribute: "title".to_owned(),
                filter,
            })]);
        self.post(
            "changed",
            "E-1002",
            NOW,
            json!({ "worker": { "title": "Astronaut" } }),
        )
        .await?;
        let api = Api::socket(
            socket_of(&self.stage.config.with_file_name("data")),
            "demo".to_owned(),
        );
        let letter = self.letter(&api).await?;
        let summary = letter
            .pointer("/summary")
            .and_then(Value::as_str)
            .unwrap_or("none was filed")
            .to_owned();
        self.effect(!letter.is_null(), &format!("a dead letter: {summary}"))?;

        self.step("`preview` shows what a replay would send:")?;
        let again = self.stage.hr.event("changed", "E-1002", NOW, &json!({}));
        let foreseen = api.post("/api/v1/preview/acme", &again).await?;
        let request = foreseen
            .pointer("/0/requests/0")
            .cloned()
            .unwrap_or_default();
        say(&format!(
            "             {} {}",
            text(&request, "/method"),
            text(&request, "/path")
        ))?;
        say(&format!(
            "             {}",
            request
                .pointer("/body/Operations")
                .cloned()
                .unwrap_or_default()
        ))?;
        self.effect(
            text(&request, "/method") == "PATCH",
            "the very PATCH, and nothing was written",
        )?;

        self.step("The application is mended, the letter replayed.")?;
        self.stage.sandbox.set_faults(Vec::new());
        self.stage.sandbox.clear_requests();
        let ids = json!({ "ids": [letter.pointer("/id")], "reason": "demo" });
        api.post("/api/v1/dead-letters/replay", &ids).await?;
        self.expect("the title is there", |stage| {
            title(stage, "grace") == "Astronaut"
        })
        .await?;
        let open = self.until_closed(&api).await?;
        self.effect(open == 0, "no dead letter is open")
    }

    async fn letter(&self, api: &Api) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let letters = api.get("/api/v1/dead-letters").await?;
            if let Some(letter) = letters.pointer("/0") {
                return Ok(letter.clone());
            }
            if Instant::now() > deadline {
                return Ok(Value::Null);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_closed(&self, api: &Api) -> anyhow::Result<usize> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let letters = api.get("/api/v1/dead-letters").await?;
            let open = letters.as_array().map_or(0, Vec::len);
            if open == 0 || Instant::now() > deadline {
                return Ok(open);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stale_replay(&mut self, hired: &Posted, left: Instant) -> anyhow::Result<()> {
        self.step("A message queue somewhere replays Ada's old hire, under a new id.")?;
        let mut old = hired.event.clone();
        if let Some(id) = old.get_mut("id") {
            *id = json!("evt-replayed");
        }
        let mut settled = self.stage.service.tail().follow();
        self.stage.hr.post(old).await?;
        heard_of(&mut settled, "E-1001").await;
        let sent = writes(&self.stage.sandbox.requests()).len();
        let ago = left.elapsed().as_secs();
        let held = sent == 0 && is_active(self.stage, "ada") == Some(false);
        self.effect(held, &format!("left {ago} s ago: nothing sent"))
    }

    async fn rehire(&mut self) -> anyhow::Result<()> {
        self.step("Ada comes back: HR rehires her.")?;
        self.stage.sandbox.clear_requests();
        self.post(
            "rehired",
            "E-1001",
            NOW,
            json!({ "worker": { "title": "Fellow" } }),
        )
        .await?;
        self.expect(
            "her old account is active again, with the new title",
            |stage| {
                is_active(stage, "ada") == Some(true)
                    && title(stage, "ada") == "Fellow"
                    && users(stage, "ada").len() == 1
            },
        )
        .await
    }
}

const NEWCOMERS: [(&str, &str, &str); 4] = [
    ("E-1002", "Grace", "Hopper"),
    ("E-1003", "Alan", "Turing"),
    ("E-1004", "Edsger", "Dijkstra"),
    ("E-1005", "Barbara", "Liskov"),
];

fn hire(given: &str, family: &str, title: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": family },
        "work_email": format!("{}@acme.example", given.to_lowercase()),
        "title": title, "type": "employee", "department": { "id": "d1", "name": "Engineering" },
    } })
}

fn users(stage: &Stage, given: &str) -> Vec<Value> {
    let name = format!("{}@acme.example", given.to_lowercase());
    stage
        .sandbox
        .users()
        .into_iter()
        .filter(|user| user.get("userName").and_then(Value::as_str) == Some(&name))
        .collect()
}

fn is_active(stage: &Stage, given: &str) -> Option<bool> {
    users(stage, given).first().and_then(plan::is_active)
}

fn title(stage: &Stage, given: &str) -> String {
    users(stage, given)
        .first()
        .map(|user| text(user, "/title"))
        .unwrap_or_default()
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The writes among the requests: `PATCH /Users/2 -> 200`.
fn writes(requests: &[LoggedRequest]) -> Vec<String> {
    let writes = requests
        .iter()
        .filter(|request| request.method != "GET" && request.status != 0);
    writes
        .map(|request| format!("{} {} -> {}", request.method, request.path, request.status))
        .collect()
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(print(text)?)
}

/// Waits until an account of that worker was looked at.
async fn heard_of(lines: &mut tokio::sync::broadcast::Receiver<Line>, worker: &str) {
    let wanted = format!("acme/{worker}");
    let heard = async {
        while let Ok(line) = lines.recv().await {
            if matches!(&line, Line::Account { worker, .. } if *worker == wanted) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, heard).await;
}
