//! Reads and writes a row with a client of progenitor.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().expect("a URL"), arguments.next().expect("a key"));
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let http = reqwest::Client::builder().default_headers(headers).build().expect("a client");
    let client = client::Client::new_with_client(&url, http);
    let data: client::types::@TYPE@Create =
        serde_json::from_str(r#"@BODY@"#).expect("a create");
    let body = serde_json::json!({ "id": "1", "data": data });
    let body: client::types::@SNAKE_PASCAL@CreateBody = serde_json::from_value(body).expect("a body");
    let written = client.@SNAKE@_create().body(body).send().await.expect("a receipt");
    assert!(written.success);
    let listed = client.@SNAKE@_list().limit(5).send().await.expect("a page");
    let row = &listed.data[0];
    let field = serde_json::to_value(&row.@SNAKE_FIELD@).expect("JSON");
    println!("{}", serde_json::json!({ "field": field, "row": row }));
}
