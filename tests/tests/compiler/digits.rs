//! Sends numbers that a double cannot hold from Rust through JSON, JavaScript and PostgreSQL back
//! to Rust.
#![allow(missing_docs, unreachable_pub)]

use ablo::{AbloModel, Decimal, Row, Uuid, define_schema};
use ablo_tests::postgres::{Server, provision_silently, schema};
use std::io::Write;
use std::process::{Command, Stdio};

#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "amounts", mutable)]
pub struct Amount {
    pub total: i64,
    pub natural: u64,
    pub price: Decimal,
    pub token: Uuid,
    pub ratio: f64,
    pub least: Option<i64>,
}

define_schema! { pub schema Ledger { Amount } }

/// Parses and prints a row as a TypeScript client does.
fn through_javascript(text: &str) -> String {
    let program =
        "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))";
    let mut node = Command::new("node")
        .args(["-e", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is installed");
    node.stdin
        .take()
        .expect("stdin is piped")
        .write_all(text.as_bytes())
        .expect("Node.js reads stdin");
    let output = node.wait_with_output().expect("Node.js exits");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

#[test]
fn exact_numbers_survive_the_round_trip() {
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(
        &mut session,
        &schema(&Ledger::SCHEMA.to_json().expect("the schema is valid")),
    );
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    let token = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let cases = [
        (
            i64::MAX,
            u64::MAX,
            "12345678901234567890123456789012345678.90",
            0.1 + 0.2,
            Some(i64::MIN),
        ),
        (
            i64::MIN,
            9_007_199_254_740_993,
            "-0.000000000000000000000000000001",
            1.498_643_035_240_754_6e-115,
            None,
        ),
        (9_007_199_254_740_993, 0, "0.10", f64::MAX, Some(-1)),
    ];
    for (at, (total, natural, price, ratio, least)) in cases.into_iter().enumerate() {
        let amount = Amount {
            total,
            natural,
            price: price.parse().expect("the price is a decimal"),
            token: token.parse().expect("the token is a UUID"),
            ratio,
            least,
        };
        let patch = Amount::patch().total(total).natural(natural).price(amount.price.clone());
        let patch = patch.token(amount.token).ratio(ratio).least(least);
        let fields = serde_json::to_string(&patch).expect("the patch serialises");
        let base = format!(
            r#""id":"a_{at}","createdAt":"2026-06-01T08:00:00.000Z",
              "updatedAt":"2026-06-01T08:00:00.000Z""#
        );
        let row = format!("{{{base},{}", &fields[1..]);
        let read: Row<Amount> = serde_json::from_str(&row).expect("the row parses");
        assert_eq!(read.data, amount);
        let sent = through_javascript(&serde_json::to_string(&read).expect("the row serialises"));
        let insert = format!(
            "INSERT INTO amounts (id, organization_id, total, \"natural\", price, token, ratio, \
             least)
             SELECT id, 'acme', total, \"natural\", price, token, ratio, least \
             FROM jsonb_populate_record(null::amounts, '{sent}')"
        );
        session.run(&insert).expect("PostgreSQL accepts the row");
        let stored = session.texts(&format!(
            "SELECT json_build_object('id', id, 'createdAt', '2026-06-01T08:00:00.000Z', \
             'updatedAt', '2026-06-01T08:00:00.000Z',
               'total', total::text, 'natural', \"natural\"::text, 'price', price::text, 'token', \
               token, 'ratio', ratio,
               'least', least::text)::text FROM amounts WHERE id = 'a_{at}'"
        ));
        let back: Row<Amount> = serde_json::from_str(&stored[0]).expect("the row parses");
        assert_eq!(back.data, amount, "{}", stored[0]);
    }
}
