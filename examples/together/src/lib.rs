//! A person and agents edit one report: the scenario that the coordinator is for.
//!
//! [`play`] takes clients of a coordinator, plays everyone, and says what each of them saw. It fails where anything is not as it
//! should be.

use ablo::client::{Connect, ErrorKind, Presence, What};
use ablo::define_schema;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::time::Duration;

define_schema! {
    /// What is edited together.
    pub schema App {
        /// A report that people and agents write.
        #[ablo(key = "reports", mutable)]
        pub struct Report {
            /// What it is about.
            pub title: String,
            /// How far along it is.
            pub status: Status,
            /// The text.
            pub body: Option<String>,
        }

        /// How far along a report is.
        pub enum Status {
            /// Somebody is on it.
            Draft,
            /// It can be read.
            Ready,
        }
    }
}

/// Why the scenario did not go as it should.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The report that everyone is at.
const REPORT: &str = "report_stockholm";
/// How long anything may take.
const SOON: Duration = Duration::from_secs(20);

/// Plays the scenario with clients that `connect` begins, and tells `say` what everyone sees. The report must not be there yet.
///
/// # Errors
/// The first thing that is not as it should be.
pub async fn play<C>(connect: C, mut say: impl FnMut(String)) -> Result<(), Fault>
where
    C: Fn() -> Connect + Clone + Send + 'static,
{
    let (ada, observer) = (connect().user("ada").await?, connect().await?);
    let (hasty, patient) = (connect().agent("hasty").await?, connect().agent("patient").await?);
    let create = Report::create("Stockholm", Status::Draft).id(REPORT);
    let created = ada.model::<Report>().create(create).await?;
    let mut watching = observer.presence()?;
    let mut changes = observer.model::<Report>().changes().from(created.receipt.stamp).await?;

    let thought = hasty.model::<Report>().retrieve(REPORT).await?;
    let held = ada.model::<Report>().claim(REPORT).action("typing").await?;
    until(&mut watching, |seen| {
        seen.holder::<Report>(REPORT).is_some_and(|claim| claim.action == "typing")
    })
    .await?;
    say("observer: ada is typing".to_owned());

    match hasty.model::<Report>().claim(REPORT).wait(false).await {
        Err(error) => match error.kind() {
            ErrorKind::Claimed(holder) => {
                say(format!("hasty: {} is at it, I yield", name(holder.held_by.as_deref())))
            }
            _ => return Err(error.into()),
        },
        Ok(_) => return Err("two hold one report".into()),
    }

    let waits = tokio::spawn({
        let reports = patient.model::<Report>();
        async move { reports.claim(REPORT).await }
    });
    until(&mut watching, |seen| seen.queue::<Report>(REPORT).len() == 1).await?;
    say("observer: somebody waits for ada".to_owned());
    held.update(Report::patch().body("Rain in the morning.")).await?;
    held.release().await?;
    let granted = soon(waits).await???;
    say(format!(
        "patient: it is mine, and reads {:?}",
        granted.row().body.as_deref().unwrap_or_default()
    ));
    granted.update(Report::patch().status(Status::Ready)).await?;
    granted.release().await?;

    let stale = hasty
        .model::<Report>()
        .update(REPORT, Report::patch().body("Sun all day."))
        .read_at(thought.stamp)
        .await;
    let Err(error) = stale else {
        return Err("a write that was based on an old read went through".into());
    };
    let ErrorKind::Stale(why) = error.kind() else { return Err(error.into()) };
    let conflict = why.conflicts.first().ok_or("no conflict is told")?;
    let now = conflict.row::<Report>()?.ok_or("the row is not told")?;
    say(format!(
        "hasty: refused, {} is {:?} by now",
        conflict.conflicting_fields.join(", "),
        now.body.as_deref().unwrap_or_default()
    ));

    crash(connect.clone()).await?;
    until(&mut watching, |seen| seen.holder::<Report>(REPORT).is_some()).await?;
    say("observer: an agent holds it, and crashed".to_owned());
    let next = soon(patient.model::<Report>().claim(REPORT).into_future()).await??;
    next.update(Report::patch().title("Stockholm, Tuesday")).await?;
    say("patient: its time was over, and it is mine again".to_owned());
    next.release().await?;

    let seen: Vec<String> =
        soon(changes.by_ref().take(3).map_ok(|change| told(&change.what)).try_collect()).await??;
    say(format!("observer: {}", seen.join("; ")));
    Ok(())
}

fn name(holder: Option<&str>) -> &str {
    holder.unwrap_or("somebody")
}

fn told(what: &What<Report>) -> String {
    match what.row() {
        Some(row) => format!(
            "{}, {:?}, {:?}",
            row.title,
            row.status,
            row.body.as_deref().unwrap_or_default()
        ),
        None => "it is gone".to_owned(),
    }
}

async fn soon<T>(what: impl Future<Output = T> + Send) -> Result<T, Fault> {
    Ok(tokio::time::timeout(SOON, what).await?)
}

/// Waits until what is seen of others is so.
async fn until(
    watching: &mut Presence,
    so: impl Fn(&Presence) -> bool + Send,
) -> Result<(), Fault> {
    let seen = async {
        while !so(watching) {
            watching.changed().await?;
        }
        Ok::<_, Fault>(())
    };
    tokio::time::timeout(SOON, seen).await?
}

/// An agent claims the report and is gone without a word: everything of it ran in a runtime of its own, which is no more.
async fn crash<C: Fn() -> Connect + Send + 'static>(connect: C) -> Result<(), Fault> {
    let (done, crashed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let held = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Fault::from)
            .and_then(|own| {
                let held = own.block_on(async {
                    let agent = connect().agent("fragile").await?;
                    Ok::<_, Fault>(
                        agent.model::<Report>().claim(REPORT).ttl(Duration::from_secs(2)).await?,
                    )
                })?;
                own.shutdown_background();
                // Nobody is left to give it up.
                drop(held);
                Ok(())
            });
        // Who asked may be gone.
        let _ = done.send(held);
    });
    crashed.await?
}
