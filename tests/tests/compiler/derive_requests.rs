//! Patches and creates as the bodies of requests: handlers of axum take `Json<TaskPatch>`.

use ablo::AbloModel;
use axum::Json;
use axum::body::Body;
use axum::extract::FromRequest;
use axum::http::{Request, StatusCode, header};
use serde::de::DeserializeOwned;

#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "tasks", mutable)]
pub(crate) struct Task {
    pub(crate) title: String,
    pub(crate) note: Option<String>,
}

async fn body<T: DeserializeOwned>(text: &'static str) -> Result<T, StatusCode> {
    let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Body::from(text)).expect("a request");
    let read = Json::<T>::from_request(request, &()).await;
    read.map(|Json(body)| body).map_err(|rejection| rejection.status())
}

#[tokio::test]
async fn a_handler_reads_the_three_states_of_a_patch() {
    let absent = body::<TaskPatch>("{}").await.expect("no field is changed");
    assert_eq!(absent, Task::patch());
    let cleared = body::<TaskPatch>(r#"{"note":null}"#).await.expect("a field is cleared");
    assert_eq!(cleared, Task::patch().note(None));
    let set = body::<TaskPatch>(r#"{"title":"Write","note":"now"}"#).await.expect("both are set");
    assert_eq!(set, Task::patch().title("Write").note("now"));
    assert_ne!(absent, cleared);
    for refused in [r#"{"title":null}"#, r#"{"titel":"Write"}"#, r#"{"id":"t"}"#, "[]"] {
        let status = body::<TaskPatch>(refused).await.expect_err(refused);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    }
}

#[tokio::test]
async fn a_handler_reads_a_create() {
    let read = body::<ablo::Create<Task>>(r#"{"id":"t","title":"Write"}"#).await;
    assert_eq!(read, Ok(Task::create(TaskCreate { title: "Write".into() }).id("t")));
    let incomplete = body::<ablo::Create<Task>>(r#"{"note":"now"}"#).await;
    assert_eq!(incomplete, Err(StatusCode::UNPROCESSABLE_ENTITY));
}
