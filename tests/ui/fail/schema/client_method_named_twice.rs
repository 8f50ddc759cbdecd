//! Two models cannot have the same client method.

#[derive(ablo::AbloModel)]
#[ablo(key = "people")]
pub struct Person {
    pub name: String,
}

#[derive(ablo::AbloModel)]
#[ablo(key = "staff")]
pub struct Employee {
    pub name: String,
}

ablo::define_schema! {
    pub schema App { people: Person, people: Employee }
}

fn main() {}
