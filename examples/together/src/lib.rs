//! A person and several agents edit one report through a coordinator.
//!
//! [`run`] connects all of them, runs the scenario and reports what each one observes. It fails if
//! anything differs from the expected course.

use ablo::client::{ChangeKind, Connect, ErrorKind, Presence};
use ablo::define_schema;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::time::Duration;

define_schema! {
    /// The schema of the scenario.
    pub schema App {
        /// A report that people and agents write.
        #[ablo(key = "reports", mutable)]
        pub struct Report {
            /// The title of the report.
            pub title: String,
            /// The progress of the report.
            pub status: Status,
            /// The text of the report.
            pub body: Option<String>,
        }

        /// The progress of a report.
        pub enum Status {
            /// The report is being written.
            Draft,
            /// The report is finished.
            Ready,
        }
    }
}

/// The error of a failed scenario.
pub type ScenarioError = Box<dyn std::error::Error + Send + Sync>;

/// The id of the report that all of them edit.
const REPORT: &str = "report_stockholm";
/// The time limit of every step.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the scenario with clients from `connect` and passes the observations to `report`. The
/// report row must not exist yet.
///
/// # Errors
/// Returns the first deviation from the expected course.
pub async fn run<C>(connect: C, mut report: impl FnMut(String)) -> Result<(), ScenarioError>
where
    C: Fn() -> Connect + Clone + Send + 'static,
{
    let (ada, observer) = (connect().user("ada").await?, connect().await?);
    let (hasty, patient) = (connect().agent("hasty").await?, connect().agent("patient").await?);
    let required = ReportCreate { title: "Stockholm".into(), status: Status::Draft };
    let create = Report::create(required).id(REPORT);
    let created = ada.model::<Report>().create(create).await?;
    let mut watching = observer.presence()?;
    let mut changes = observer.model::<Report>().changes().from(created.receipt.stamp).await?;

    let early_read = hasty.model::<Report>().retrieve(REPORT).await?;
    let held = ada.model::<Report>().claim(REPORT).action("typing").await?;
    wait_until(&mut watching, |presence| {
        presence.holder::<Report>(REPORT).is_some_and(|claim| claim.action == "typing")
    })
    .await?;
    report("observer: ada is typing".to_owned());

    match hasty.model::<Report>().claim(REPORT).wait(false).await {
        Err(error) => match error.kind() {
            ErrorKind::Claimed(holder) => {
                report(format!("hasty: {} holds it, I yield", name(holder.held_by.as_deref())))
            }
            _ => return Err(error.into()),
        },
        Ok(_) => return Err("two participants hold one report".into()),
    }

    let waiting = tokio::spawn({
        let reports = patient.model::<Report>();
        async move { reports.claim(REPORT).await }
    });
    wait_until(&mut watching, |presence| presence.queue::<Report>(REPORT).len() == 1).await?;
    report("observer: one participant waits for ada".to_owned());
    held.update(Report::patch().body("Rain in the morning.")).await?;
    held.release().await?;
    let granted = within_limit(waiting).await???;
    report(format!(
        "patient: I hold it, and its text is {:?}",
        granted.row().body.as_deref().unwrap_or_default()
    ));
    granted.update(Report::patch().status(Status::Ready)).await?;
    granted.release().await?;

    let stale = hasty
        .model::<Report>()
        .update(REPORT, Report::patch().body("Sun all day."))
        .read_at(early_read.stamp)
        .await;
    let Err(error) = stale else {
        return Err("a write based on an old read was accepted".into());
    };
    let ErrorKind::Stale(stale) = error.kind() else { return Err(error.into()) };
    let conflict = stale.conflicts.first().ok_or("the error has no conflict")?;
    let current = conflict.row::<Report>()?.ok_or("the conflict has no row")?;
    report(format!(
        "hasty: refused, {} is now {:?}",
        conflict.conflicting_fields.join(", "),
        current.body.as_deref().unwrap_or_default()
    ));

    crash(connect.clone()).await?;
    wait_until(&mut watching, |presence| presence.holder::<Report>(REPORT).is_some()).await?;
    report("observer: an agent holds it and has crashed".to_owned());
    let next = within_limit(patient.model::<Report>().claim(REPORT).into_future()).await??;
    next.update(Report::patch().title("Stockholm, Tuesday")).await?;
    report("patient: that claim expired, and I hold it again".to_owned());
    next.release().await?;

    let seen = changes.by_ref().take(3).map_ok(|change| describe(&change.kind)).try_collect();
    let seen: Vec<String> = within_limit(seen).await??;
    report(format!("observer: {}", seen.join("; ")));
    Ok(())
}

fn name(holder: Option<&str>) -> &str {
    holder.unwrap_or("another participant")
}

fn describe(kind: &ChangeKind<Report>) -> String {
    match kind.row() {
        Some(row) => format!(
            "{}, {:?}, {:?}",
            row.title,
            row.status,
            row.body.as_deref().unwrap_or_default()
        ),
        None => "deleted".to_owned(),
    }
}

async fn within_limit<T>(step: impl Future<Output = T> + Send) -> Result<T, ScenarioError> {
    Ok(tokio::time::timeout(STEP_TIMEOUT, step).await?)
}

/// Waits until presence satisfies a condition.
async fn wait_until(
    presence: &mut Presence,
    condition: impl Fn(&Presence) -> bool + Send,
) -> Result<(), ScenarioError> {
    let satisfied = async {
        while !condition(presence) {
            presence.changed().await?;
        }
        Ok::<_, ScenarioError>(())
    };
    tokio::time::timeout(STEP_TIMEOUT, satisfied).await?
}

/// Simulates a crash: an agent claims the report in its own runtime, which then shuts down without
/// releasing the claim.
async fn crash<C: Fn() -> Connect + Send + 'static>(connect: C) -> Result<(), ScenarioError> {
    let (done, crashed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let held = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ScenarioError::from)
            .and_then(|runtime| {
                let held = runtime.block_on(async {
                    let agent = connect().agent("fragile").await?;
                    Ok::<_, ScenarioError>(
                        agent.model::<Report>().claim(REPORT).ttl(Duration::from_secs(2)).await?,
                    )
                })?;
                runtime.shutdown_background();
                // The task that would release the claim has stopped.
                drop(held);
                Ok(())
            });
        // The receiver may have timed out.
        let _ = done.send(held);
    });
    crashed.await?
}
