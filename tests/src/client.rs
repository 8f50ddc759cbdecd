//! A coordinator in this process and clients of it, for the tests of the Rust client.

use ablo::client::{Client, Presence};
use ablo::define_schema;
use ablo_server::store::{DbPath, Sqlite};
use ablo_server::{Coordinator, CoordinatorOptions};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

define_schema! {
    /// The schema of the tests.
    pub schema App {
        /// A weather report.
        #[ablo(key = "weatherReports", mutable)]
        pub struct WeatherReport {
            /// The place that the report is about.
            pub location: String,
            /// The progress of the report.
            pub status: Status,
            /// The expected weather.
            pub forecast: Option<String>,
            /// The author's confidence, from 0 to 1.
            pub confidence: Option<f64>,
        }

        /// A weather station.
        #[ablo(key = "stations", mutable)]
        pub struct Station {
            /// The name of the station.
            pub name: String,
        }

        /// The progress of a report.
        pub enum Status {
            /// The report is being written.
            Pending,
            /// The report is finished.
            Ready,
        }
    }
}

/// The counters of the programs in `tests/typescript/`.
pub mod counting {
    use ablo::JsonValue as Value;

    ablo::define_schema! {
        /// The schema of the programs, as far as Rust tests need it.
        pub schema Counting {
            /// A counter with a log of its increments.
            #[ablo(key = "counters", mutable)]
            pub struct Counter {
                /// The number of entries in the log.
                #[ablo(relative(increment))]
                pub value: f64,
                /// The entries.
                #[ablo(relative(append, add))]
                pub log: Option<Value>,
            }
        }
    }
}

/// The time limit of every step.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A coordinator on a local port, with its secret key.
pub struct World {
    /// The address of the coordinator.
    pub url: String,
    /// A secret key.
    pub key: String,
    /// The coordinator.
    pub coordinator: Coordinator,
}

impl World {
    /// Starts a coordinator on an empty database in memory.
    pub async fn start() -> Self {
        let document = App::SCHEMA.to_json().expect("a schema");
        let schema = ablo_schema::front::json::read(&document).schema.expect("a schema");
        let store = Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("a store"));
        let coordinator = Coordinator::new(&schema, store, CoordinatorOptions::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = coordinator.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let key = coordinator.issue_secret_key("acme", "test").await.expect("a key");
        Self { url, key, coordinator }
    }

    /// Connects with the secret key.
    pub async fn system(&self) -> Client {
        Client::connect(&self.url, self.key.as_str()).await.expect("connects")
    }

    /// Connects as an agent.
    pub async fn agent(&self, id: &str) -> Client {
        Client::connect(&self.url, self.key.as_str()).agent(id).await.expect("connects")
    }

    /// Connects as a user.
    pub async fn user(&self, id: &str) -> Client {
        Client::connect(&self.url, self.key.as_str()).user(id).await.expect("connects")
    }
}

/// Creates the weather report `stockholm`.
pub async fn create_stockholm(client: &Client) {
    let required = WeatherReportCreate { location: "Stockholm".into(), status: Status::Pending };
    let create = WeatherReport::create(required).id("stockholm");
    client.model::<WeatherReport>().create(create).await.expect("created");
}

/// Awaits a step and panics if it exceeds the time limit.
pub async fn in_time<T>(step: impl IntoFuture<Output = T>) -> T {
    timeout(STEP_TIMEOUT, step).await.expect("the step exceeded its time limit")
}

/// Waits until presence satisfies a condition.
pub async fn wait_for(presence: &mut Presence, condition: impl Fn(&Presence) -> bool) {
    while !condition(presence) {
        presence.changed().await.expect("a connection");
    }
}

/// Polls a condition until it holds.
pub async fn poll_until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
