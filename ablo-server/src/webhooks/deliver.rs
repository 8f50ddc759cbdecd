//! Sending what is due: each endpoint on its own, so that a slow one holds up nobody else.

use super::WebhookOptions;
use super::address::{Public, check};
use crate::app::App;
use crate::engine::webhooks::{self, Endpoint, Message};
use crate::error::Result;
use crate::store::{Notification, Tenant, Tx};
use ablo::source::sign_webhook;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;

/// Attempts of one process at a time.
const AT_A_TIME: usize = 128;
/// How often every endpoint is looked at, whether anything was heard of its organisation or not.
const SWEEP: Duration = Duration::from_secs(30);
/// Characters of an answer that are shown where it is no success.
const SHOWN: usize = 200;

/// Delivers until the coordinator closes.
pub(crate) fn start(app: &Arc<App>) {
    let client = match client(&app.options.webhooks) {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "no webhook can be sent"),
    };
    tokio::spawn(follow(Arc::downgrade(app), client, app.options.webhooks.poll));
}

fn client(options: &WebhookOptions) -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(options.within)
        .user_agent("ablo-webhooks");
    let builder =
        if options.private_hosts { builder } else { builder.dns_resolver(Arc::new(Public)) };
    Ok(builder.build()?)
}

/// Whose log may have something for an endpoint.
#[derive(Debug, Default)]
struct Grown {
    organizations: BTreeSet<String>,
    /// All of them, where nobody knows.
    all: bool,
}

impl Grown {
    fn hear(&mut self, heard: Result<Notification, RecvError>) {
        match heard {
            Ok(Notification::LogGrown { organization }) => {
                self.organizations.insert(organization);
            }
            Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => self.all = true,
            Ok(_) | Err(RecvError::Closed) => {}
        }
    }
}

async fn follow(app: Weak<App>, client: reqwest::Client, poll: Duration) {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let Some((mut news, mut closing)) =
        app.upgrade().map(|app| (app.store.subscribe(), app.closing()))
    else {
        return;
    };
    let mut grown = Grown { all: true, ..Grown::default() };
    let (mut tick, mut swept) = (tokio::time::interval(poll), Instant::now());
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            heard = news.recv() => match heard {
                Err(RecvError::Closed) => return,
                heard => {
                    grown.hear(heard);
                    continue;
                }
            },
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
        if swept.elapsed() > SWEEP {
            (grown.all, swept) = (true, Instant::now());
        }
        let Some(app) = app.upgrade() else { return };
        match due(&app, &client, &slots, std::mem::take(&mut grown)).await {
            Ok(()) => {}
            Err(failure) => {
                tracing::warn!(%failure, "webhooks cannot be looked up");
                grown.all = true;
            }
        }
    }
}

/// Starts an attempt for each endpoint that has something to hear.
async fn due(
    app: &Arc<App>,
    client: &reqwest::Client,
    slots: &Arc<Semaphore>,
    grown: Grown,
) -> Result<()> {
    let find =
        move |tx: &mut dyn Tx| webhooks::due(tx, (!grown.all).then_some(&grown.organizations));
    for endpoint in app.store.reading(Tenant::Global, find).await? {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return Ok(()) };
        let Some(message) = taken(app, &endpoint).await? else { continue };
        let (app, client) = (Arc::clone(app), client.clone());
        tokio::spawn(async move {
            let mut next = Some((endpoint, message));
            // What lies ready goes out without waiting for the next look.
            while let Some((endpoint, message)) = next.take() {
                match attempt(&app, &client, &endpoint, &message).await {
                    Ok(again) => next = again,
                    Err(failure) => {
                        tracing::warn!(%failure, "what became of a webhook cannot be written down")
                    }
                }
            }
            drop(slot);
        });
    }
    Ok(())
}

async fn taken(app: &App, endpoint: &Endpoint) -> Result<Option<Message>> {
    let taker = endpoint.clone();
    app.writing(&endpoint.organization, move |_, tx| webhooks::next_message(tx, &taker)).await
}

/// One attempt; where it succeeds, what comes next.
async fn attempt(
    app: &App,
    client: &reqwest::Client,
    endpoint: &Endpoint,
    message: &Message,
) -> Result<Option<(Endpoint, Message)>> {
    let sent = send(client, &app.options.webhooks, endpoint, message).await;
    let schedule = &app.options.webhooks.schedule;
    let (at, sent_message) = (endpoint.clone(), message.clone());
    let organization = endpoint.organization.clone();
    let Err(error) = sent else {
        app.metrics.webhooks_delivered.inc();
        let done = app.writing(&organization, move |_, tx| {
            webhooks::delivered(tx, &at, &sent_message)?;
            let now = webhooks::find(tx, &at.organization, &at.id)?;
            let next = if now.enabled { webhooks::next_message(tx, &now)? } else { None };
            Ok(next.map(|next| (now, next)))
        });
        return done.await;
    };
    app.metrics.webhooks_failed.inc();
    tracing::info!(organization, endpoint = endpoint.id, error, "a webhook was not taken");
    let attempts = usize::try_from(endpoint.attempts).unwrap_or(usize::MAX).saturating_add(1);
    let again = schedule.get(attempts).and_then(|wait| SignedDuration::try_from(*wait).ok());
    app.writing(&organization, move |_, tx| {
        webhooks::failed(tx, &at, &sent_message, &error, again)
    })
    .await?;
    Ok(None)
}

async fn send(
    client: &reqwest::Client,
    options: &WebhookOptions,
    endpoint: &Endpoint,
    message: &Message,
) -> Result<(), String> {
    let url = check(&endpoint.url, options.private_hosts)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let signature = sign_webhook(&endpoint.secret, &message.id, now, message.body.as_bytes())
        .ok_or("the secret of the endpoint cannot be read")?;
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", now.to_string())
        .header("webhook-signature", signature)
        .body(message.body.clone());
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let cause = std::error::Error::source(&error)
            .map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{error}{cause}")
    };
    let mut answer = request.send().await.map_err(failed)?;
    if answer.status().is_success() {
        return Ok(());
    }
    let status = answer.status().as_u16();
    let body = answer.chunk().await.ok().flatten().unwrap_or_default();
    let body: String = String::from_utf8_lossy(&body).chars().take(SHOWN).collect();
    Err(format!("answered with {status}: {body}"))
}
