//! Prometheus metrics of a coordinator.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The metrics of one coordinator.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram>,
    refusals: Family<Code, Counter>,
    limits: Family<LimitLabel, Counter>,
    source_requests: Family<SourceOutcome, Counter>,
    source_lag: Family<SourceLabel, Gauge<f64, AtomicU64>>,
    source_up: Family<SourceLabel, Gauge>,
    /// Webhook messages accepted by their endpoint.
    pub(crate) webhooks_delivered: Counter,
    /// Failed webhook delivery attempts.
    pub(crate) webhooks_failed: Counter,
    /// Commits confirmed, including repeated ones.
    pub(crate) commits: Counter,
    /// Deltas sent on sockets.
    pub(crate) delivered: Counter,
    /// Open sockets.
    pub(crate) sockets: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    organization: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceOutcome {
    organization: String,
    outcome: &'static str,
}

/// Buckets from 0.25 ms to 8 s.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("ablo");
        let requests = Family::default();
        registry.register("http_requests", "HTTP requests answered", requests.clone());
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register("http_request_seconds", "HTTP response time in seconds", seconds.clone());
        let refusals = Family::default();
        registry.register(
            "refusals",
            "Requests and commits refused, by error code",
            refusals.clone(),
        );
        let limits = Family::default();
        registry.register("limits_reached", "Times that a limit was reached", limits.clone());
        let (commits, delivered, sockets) =
            (Counter::default(), Counter::default(), Gauge::default());
        registry.register("commits", "Commits confirmed", commits.clone());
        registry.register("deltas_delivered", "Deltas sent on sockets", delivered.clone());
        registry.register("sockets", "Open sockets", sockets.clone());
        let (source_requests, source_lag, source_up) =
            (Family::default(), Family::default(), Family::default());
        registry.register(
            "source_requests",
            "Requests to data sources, by outcome",
            source_requests.clone(),
        );
        registry.register(
            "source_lag_seconds",
            "Age of the newest outbox event when it was read, in seconds",
            source_lag.clone(),
        );
        registry.register(
            "source_up",
            "1 if the last request to the data source was answered, else 0",
            source_up.clone(),
        );
        let (webhooks_delivered, webhooks_failed) = (Counter::default(), Counter::default());
        registry.register(
            "webhooks_delivered",
            "Webhook messages accepted by their endpoint",
            webhooks_delivered.clone(),
        );
        registry.register(
            "webhooks_failed",
            "Failed webhook delivery attempts",
            webhooks_failed.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            refusals,
            limits,
            source_requests,
            source_lag,
            source_up,
            webhooks_delivered,
            webhooks_failed,
            commits,
            delivered,
            sockets,
        }
    }

    /// Counts a response. `route` is the route's pattern, so that requests cannot create labels.
    pub(crate) fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        let request = Request { route: route.to_owned(), method: method.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.seconds.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, code: &str) {
        self.refusals.get_or_create(&Code { code: code.to_owned() }).inc();
    }

    /// Counts that a limit was reached, a member of `Limits`.
    pub(crate) fn limited(&self, limit: &str) {
        self.limits.get_or_create(&LimitLabel { limit: limit.to_owned() }).inc();
    }

    /// Records the state of a data source: its requests since the start that were answered,
    /// refused and failed, the age of the newest event, and whether the last request was answered.
    pub(crate) fn source(
        &self,
        organization: &str,
        requests: [u64; 3],
        lag: Option<Duration>,
        up: bool,
    ) {
        for (outcome, total) in ["answered", "refused", "failed"].into_iter().zip(requests) {
            let label = SourceOutcome { organization: organization.to_owned(), outcome };
            let counter = self.source_requests.get_or_create(&label);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        let label = SourceLabel { organization: organization.to_owned() };
        if let Some(lag) = lag {
            self.source_lag.get_or_create(&label).set(lag.as_secs_f64());
        }
        self.source_up.get_or_create(&label).set(i64::from(up));
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut out, &self.registry);
        out
    }
}
