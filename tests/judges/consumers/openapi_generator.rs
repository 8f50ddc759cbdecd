//! Reads and writes a row with a client of openapi-generator.

use openapi::apis::@SNAKE_TAG@_api::{@SNAKE@_create, @SNAKE@_list};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().expect("a URL"), arguments.next().expect("a key"));
    let configuration = openapi::apis::configuration::Configuration {
        base_path: url,
        bearer_access_token: Some(key),
        ..Default::default()
    };
    let body = format!(r#"{{"id":"1","data":{}}}"#, r#"@BODY@"#);
    let body: openapi::models::@PASCAL@CreateRequest = serde_json::from_str(&body).expect("a body");
    println!("{}", serde_json::to_string(&body).expect("JSON"));
}
