//! The client method of a listed model is its plural, which has to agree with the key.

#[derive(ablo::AbloModel)]
#[ablo(key = "people")]
pub struct Person {
    pub name: String,
}

ablo::define_schema! {
    pub schema App { Person }
    roles { org: organization_id }
}

fn main() {}
