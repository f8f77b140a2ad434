//! The story of the demo: five people of Acme, and the effect of each step at the application.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{sync::broadcast, time::Instant};

use super::{
    super::{api::ApiClient, print},
    application::{is_active, text, title, users, writes},
    environment::DemoEnvironment,
    hr::Posted,
};
use crate::ops::TailEvent;
use hirewire_sandbox::{Effect, Fault};

/// The time that each effect gets.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(8);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Longer than the first retry of every account: all are pending when the application is back.
const OUTAGE: Duration = Duration::from_millis(2600);
const NOW: SignedDuration = SignedDuration::ZERO;

/// Worker id, given name and family name of the people who are hired during the outage.
const NEW_HIRES: [(&str, &str, &str); 4] = [
    ("E-1002", "Grace", "Hopper"),
    ("E-1003", "Alan", "Turing"),
    ("E-1004", "Edsger", "Dijkstra"),
    ("E-1005", "Barbara", "Liskov"),
];

struct Story<'a> {
    demo: &'a DemoEnvironment,
    begun: Instant,
    failed_steps: usize,
}

/// Runs every step; returns the number of effects that failed.
pub(super) async fn run(demo: &DemoEnvironment) -> anyhow::Result<usize> {
    let mut story = Story {
        demo,
        begun: Instant::now(),
        failed_steps: 0,
    };
    say("Acme's HR system posts signed webhooks. A SCIM application has the accounts.")?;
    say("After each step, the demo checks the accounts there.")?;

    let hire = story.hire_and_change().await?;
    story.duplicates_and_disorder().await?;
    story.forgery().await?;
    let left = story.outage().await?;
    story.dead_letter().await?;
    story.late_replay(&hire, left).await?;
    story.rehire().await?;

    let took = story.begun.elapsed().as_secs_f32();
    if story.failed_steps == 0 {
        say(&format!(
            "\nEvery step had the expected effect, in {took:.1} s."
        ))?;
    }
    Ok(story.failed_steps)
}

impl Story<'_> {
    fn step(&self, text: &str) -> anyhow::Result<()> {
        let elapsed = self.begun.elapsed().as_secs_f32();
        say(&format!("\n{elapsed:>5.1} s  {text}"))
    }

    fn effect(&mut self, reached: bool, effect: &str) -> anyhow::Result<()> {
        if reached {
            return say(&format!("         ok  {effect}"));
        }
        self.failed_steps += 1;
        say(&format!("     FAILED  expected: {effect}"))
    }

    /// Waits for an effect, and prints the write requests that led to it.
    async fn expect(
        &mut self,
        effect: &str,
        condition: impl Fn(&DemoEnvironment) -> bool,
    ) -> anyhow::Result<()> {
        let reached = self.demo.wait_until(EFFECT_TIMEOUT, condition).await;
        for request in writes(self.demo) {
            say(&format!("             {request}"))?;
        }
        self.demo.sandbox.clear_requests();
        self.effect(reached, effect)
    }

    async fn post(
        &self,
        kind: &str,
        worker: &str,
        ago: SignedDuration,
        data: Value,
    ) -> anyhow::Result<Posted> {
        let event = self.demo.hr.event(kind, worker, ago, &data);
        let posted = self.demo.hr.post(event).await?;
        anyhow::ensure!(
            posted.status == 200,
            "the intake answered {} to a signed `{kind}` event",
            posted.status
        );

        Ok(posted)
    }

    async fn hire_and_change(&mut self) -> anyhow::Result<Posted> {
        self.step("HR hires Ada Lovelace as an engineer.")?;
        let data = hire_data("Ada", "Lovelace", "Engineer");
        let hire = self.post("hired", "E-1001", NOW, data).await?;
        self.expect("Ada has an active account", |demo| {
            is_active(demo, "ada") == Some(true)
        })
        .await?;

        self.step("HR changes Ada's title.")?;
        self.post("changed", "E-1001", NOW, title_data("Principal Engineer"))
            .await?;
        self.expect("one PATCH, for the title alone", |demo| {
            title(demo, "ada") == "Principal Engineer"
        })
        .await?;
        Ok(hire)
    }

    async fn duplicates_and_disorder(&mut self) -> anyhow::Result<()> {
        self.step("HR posts one change three times. An older change arrives after it.")?;
        let hr = &self.demo.hr;
        let newer = hr.event("changed", "E-1001", NOW, &title_data("Chief Engineer"));
        for _ in 0..3 {
            hr.post(newer.clone()).await?;
        }
        self.demo
            .wait_until(EFFECT_TIMEOUT, |demo| {
                title(demo, "ada") == "Chief Engineer"
            })
            .await;

        let mut lines = self.demo.service.tail().subscribe();
        let minute = SignedDuration::from_mins(1);
        self.post("changed", "E-1001", minute, title_data("Junior Engineer"))
            .await?;
        wait_for_reconcile(&mut lines, "E-1001").await;

        let patches = writes(self.demo).len();
        self.expect("Ada is Chief Engineer, after one PATCH", |demo| {
            title(demo, "ada") == "Chief Engineer" && patches == 1
        })
        .await
    }

    async fn forgery(&mut self) -> anyhow::Result<()> {
        self.step("An attacker posts a termination of Ada with a forged signature.")?;
        let hr = &self.demo.hr;
        let forged = hr.event("terminated", "E-1001", NOW, &json!({}));
        let status = hr.post_forged(&forged).await?;
        self.effect(
            status == 401 && is_active(self.demo, "ada") == Some(true),
            "the intake answers 401, and Ada's account stays active",
        )
    }

    /// Returns the instant of Ada's termination.
    async fn outage(&mut self) -> anyhow::Result<Instant> {
        self.step("The application goes down. HR hires four people, then terminates Ada.")?;
        let demo = self.demo;
        demo.sandbox.set_faults(vec![Fault::new(Effect::Down)]);
        demo.sandbox.clear_requests();
        for (worker, given, family) in NEW_HIRES {
            self.post("hired", worker, NOW, hire_data(given, family, "Analyst"))
                .await?;
        }
        demo.wait_until(EFFECT_TIMEOUT, |demo| demo.sandbox.requests().len() >= 2)
            .await;
        self.post("terminated", "E-1001", NOW, json!({})).await?;
        let left = Instant::now();
        tokio::time::sleep(OUTAGE).await;
        self.effect(
            is_active(demo, "ada") == Some(true),
            "the intake answers 200 to every hook; five accounts are pending",
        )?;

        self.step("The application is up again.")?;
        demo.sandbox.clear_requests();
        demo.sandbox.set_faults(Vec::new());
        demo.wait_until(EFFECT_TIMEOUT, outage_is_over).await;
        let first = writes(demo).into_iter().next().unwrap_or_default();
        let leaver_first = first.starts_with("PATCH");
        self.expect(
            "Ada, the leaver, is deactivated first; then the four people get accounts",
            |demo| leaver_first && outage_is_over(demo),
        )
        .await?;
        Ok(left)
    }

    async fn dead_letter(&mut self) -> anyhow::Result<()> {
        self.step("HR changes Grace Hopper's title, and the application refuses it.")?;
        let filter = Some("title eq \"Astronaut\"".to_owned());
        self.demo
            .sandbox
            .set_faults(vec![Fault::new(Effect::Refuse {
                attribute: "title".to_owned(),
                filter,
            })]);
        let refused = self
            .post("changed", "E-1002", NOW, title_data("Astronaut"))
            .await?;
        let api = ApiClient::socket(self.demo.socket());
        let letter = first_dead_letter(&api).await?;
        let summary = letter.pointer("/summary").and_then(Value::as_str);
        let summary = summary.unwrap_or("none was filed").to_owned();
        self.effect(!letter.is_null(), &format!("a dead letter: {summary}"))?;

        self.step("A preview shows the request that a replay would send.")?;
        let previews = api.post("/api/v1/preview/acme", &refused.event).await?;
        let request = previews.pointer("/0/requests/0");
        let request = request.cloned().unwrap_or_default();
        let operations = request.pointer("/body/Operations");
        let operations = operations.cloned().unwrap_or_default();
        let method = text(&request, "/method");
        say(&format!(
            "             {method} {}",
            text(&request, "/path")
        ))?;
        say(&format!("             {operations}"))?;
        self.effect(
            method == "PATCH",
            "the PATCH of the title; the preview writes nothing",
        )?;

        self.step("The application accepts the title now. An operator replays the dead letter.")?;
        self.demo.sandbox.set_faults(Vec::new());
        self.demo.sandbox.clear_requests();
        let ids = json!({ "ids": [letter.pointer("/id")], "reason": "demo" });
        api.post("/api/v1/dead-letters/replay", &ids).await?;
        self.expect("Grace has the new title", |demo| {
            title(demo, "grace") == "Astronaut"
        })
        .await?;
        let open = open_dead_letters(&api).await?;
        self.effect(open == 0, "no dead letter is open")
    }

    async fn late_replay(&mut self, hire: &Posted, left: Instant) -> anyhow::Result<()> {
        self.step("Ada's hire from the beginning arrives again, under a new event id.")?;
        let mut event = hire.event.clone();
        if let Some(id) = event.get_mut("id") {
            *id = json!("evt-replayed");
        }
        let mut lines = self.demo.service.tail().subscribe();
        self.demo.hr.post(event).await?;
        wait_for_reconcile(&mut lines, "E-1001").await;

        let sent = writes(self.demo).len();
        let seconds = left.elapsed().as_secs();
        let unchanged = sent == 0 && is_active(self.demo, "ada") == Some(false);
        self.effect(
            unchanged,
            &format!("no request: Ada left {seconds} s ago, and stays inactive"),
        )
    }

    async fn rehire(&mut self) -> anyhow::Result<()> {
        self.step("HR rehires Ada.")?;
        self.demo.sandbox.clear_requests();
        self.post("rehired", "E-1001", NOW, title_data("Fellow"))
            .await?;

        self.expect(
            "Ada's old account is active again, with the new title",
            |demo| {
                is_active(demo, "ada") == Some(true)
                    && title(demo, "ada") == "Fellow"
                    && users(demo, "ada").len() == 1
            },
        )
        .await
    }
}

fn hire_data(given: &str, family: &str, title: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": family },
        "work_email": format!("{}@acme.example", given.to_lowercase()),
        "title": title,
        "type": "employee",
        "department": { "id": "d1", "name": "Engineering" },
    } })
}

fn title_data(title: &str) -> Value {
    json!({ "worker": { "title": title } })
}

fn outage_is_over(demo: &DemoEnvironment) -> bool {
    let all_hired = NEW_HIRES
        .iter()
        .all(|(_, given, _)| is_active(demo, given) == Some(true));
    all_hired && is_active(demo, "ada") == Some(false)
}

/// The newest open dead letter; null if none is filed in time.
async fn first_dead_letter(api: &ApiClient) -> anyhow::Result<Value> {
    let deadline = Instant::now() + EFFECT_TIMEOUT;
    loop {
        let letters = api.get("/api/v1/dead-letters").await?;
        if let Some(letter) = letters.pointer("/dead_letters/0") {
            return Ok(letter.clone());
        }
        if Instant::now() > deadline {
            return Ok(Value::Null);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until no dead letter is open; returns the number that still is.
async fn open_dead_letters(api: &ApiClient) -> anyhow::Result<u64> {
    let deadline = Instant::now() + EFFECT_TIMEOUT;
    loop {
        let letters = api.get("/api/v1/dead-letters").await?;
        let open = letters
            .pointer("/total")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        if open == 0 || Instant::now() > deadline {
            return Ok(open);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until a worker has reconciled an account of this worker id.
async fn wait_for_reconcile(lines: &mut broadcast::Receiver<TailEvent>, worker_id: &str) {
    let alias = format!("acme/{worker_id}");
    let reconciled = async {
        while let Ok(line) = lines.recv().await {
            if matches!(&line, TailEvent::Account { worker, .. } if *worker == alias) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(EFFECT_TIMEOUT, reconciled).await;
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(print(text)?)
}
