//! Sends due webhooks. Each endpoint has its own task, so that a slow one does not delay others.

use super::WebhookOptions;
use super::address::{PublicResolver, check_url};
use crate::engine::webhooks::{self, Endpoint, Message};
use crate::error::Result;
use crate::service::Service;
use crate::store::{Notification, Tenant, Tx};
use ablo_source::sign_webhook;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;

/// The maximum number of concurrent delivery attempts of a process.
const MAX_CONCURRENT_ATTEMPTS: usize = 128;
/// The interval at which all endpoints are checked, in case a notification was lost.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The number of characters of a failed response that are stored.
const MAX_ERROR_CHARS: usize = 200;

/// Spawns a task that delivers webhooks until the coordinator closes.
pub(crate) fn start(service: &Arc<Service>) {
    let client = match client(&service.options.webhooks) {
        Ok(client) => client,
        Err(error) => {
            return tracing::error!(%error, "webhooks are disabled: no HTTP client");
        }
    };
    tokio::spawn(run(Arc::downgrade(service), client, service.options.webhooks.poll));
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
        .timeout(options.timeout)
        .user_agent("ablo-webhooks");
    let builder = if options.private_hosts {
        builder
    } else {
        builder.dns_resolver(Arc::new(PublicResolver))
    };
    Ok(builder.build()?)
}

/// The organisations whose log has grown since the last check.
#[derive(Debug, Default)]
struct Dirty {
    organizations: BTreeSet<String>,
    /// Set if notifications may have been missed: all organisations are checked.
    all: bool,
}

impl Dirty {
    fn mark(&mut self, notification: Result<Notification, RecvError>) {
        match notification {
            Ok(Notification::LogGrown { organization }) => {
                self.organizations.insert(organization);
            }
            Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => self.all = true,
            Ok(_) | Err(RecvError::Closed) => {}
        }
    }
}

async fn run(service: Weak<Service>, client: reqwest::Client, poll: Duration) {
    let slots = Arc::new(Semaphore::new(MAX_CONCURRENT_ATTEMPTS));
    let receivers = service.upgrade().map(|service| (service.store.subscribe(), service.closing()));
    let Some((mut notifications, mut closing)) = receivers else { return };
    let mut dirty = Dirty { all: true, ..Dirty::default() };
    let (mut tick, mut last_sweep) = (tokio::time::interval(poll), Instant::now());
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            notification = notifications.recv() => match notification {
                Err(RecvError::Closed) => return,
                notification => {
                    dirty.mark(notification);
                    continue;
                }
            },
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
        if last_sweep.elapsed() > SWEEP_INTERVAL {
            (dirty.all, last_sweep) = (true, Instant::now());
        }
        let Some(service) = service.upgrade() else { return };
        let checked = std::mem::take(&mut dirty);
        if let Err(failure) = deliver_due(&service, &client, &slots, checked).await {
            tracing::warn!(%failure, "failed to look up due webhooks");
            dirty.all = true;
        }
    }
}

/// Spawns a delivery task for each endpoint with a due message.
async fn deliver_due(
    service: &Arc<Service>,
    client: &reqwest::Client,
    slots: &Arc<Semaphore>,
    dirty: Dirty,
) -> Result<()> {
    let find =
        move |tx: &mut Tx<'_>| Ok(webhooks::due(tx, (!dirty.all).then_some(&dirty.organizations))?);
    for endpoint in service.store.reading(Tenant::Global, find).await? {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return Ok(()) };
        let Some(message) = take_message(service, &endpoint).await? else { continue };
        let (service, client) = (Arc::clone(service), client.clone());
        tokio::spawn(async move {
            let mut next = Some((endpoint, message));
            // Send further messages of this endpoint without waiting for the next tick.
            while let Some((endpoint, message)) = next.take() {
                match attempt(&service, &client, &endpoint, &message).await {
                    Ok(following) => next = following,
                    Err(failure) => {
                        tracing::warn!(%failure, "failed to record the outcome of a webhook");
                    }
                }
            }
            drop(slot);
        });
    }
    Ok(())
}

async fn take_message(service: &Service, endpoint: &Endpoint) -> Result<Option<Message>> {
    let owned = endpoint.clone();
    service
        .writing(&endpoint.organization, move |engine, tx| {
            webhooks::next_message(&engine.models, tx, &owned)
        })
        .await
}

/// Makes one delivery attempt. If it succeeds, returns the endpoint's next message, if any.
async fn attempt(
    service: &Service,
    client: &reqwest::Client,
    endpoint: &Endpoint,
    message: &Message,
) -> Result<Option<(Endpoint, Message)>> {
    let result = send(client, &service.options.webhooks, endpoint, message).await;
    let schedule = &service.options.webhooks.schedule;
    let (receiver, sent) = (endpoint.clone(), message.clone());
    let organization = endpoint.organization.clone();
    let Err(error) = result else {
        service.metrics.webhooks_delivered.inc();
        let next = service.writing(&organization, move |engine, tx| {
            webhooks::delivered(tx, &receiver, &sent)?;
            let updated = webhooks::find(tx, &receiver.organization, &receiver.id)?;
            let next = if updated.enabled {
                webhooks::next_message(&engine.models, tx, &updated)?
            } else {
                None
            };
            Ok(next.map(|next| (updated, next)))
        });
        return next.await;
    };
    service.metrics.webhooks_failed.inc();
    tracing::info!(organization, endpoint = endpoint.id, error, "a webhook attempt failed");
    let attempts = usize::try_from(endpoint.attempts).unwrap_or(usize::MAX).saturating_add(1);
    let retry_in = schedule.get(attempts).and_then(|wait| SignedDuration::try_from(*wait).ok());
    service
        .writing(&organization, move |_, tx| {
            webhooks::failed(tx, &receiver, &sent, &error, retry_in)
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
    let url = check_url(&endpoint.url, options.private_hosts)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let signature = sign_webhook(&endpoint.secret, &message.id, now, message.body.as_bytes())
        .ok_or("the endpoint's secret is invalid")?;
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
    let mut response = request.send().await.map_err(failed)?;
    if response.status().is_success() {
        return Ok(());
    }
    let status = response.status().as_u16();
    let body = response.chunk().await.ok().flatten().unwrap_or_default();
    let body: String = String::from_utf8_lossy(&body).chars().take(MAX_ERROR_CHARS).collect();
    Err(format!("status {status}: {body}"))
}
