//! The same role twice.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task }
    roles { org: organization_id, org: team_ids[] }
}

fn main() {}
