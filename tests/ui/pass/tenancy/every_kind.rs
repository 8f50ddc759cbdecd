//! Tenancy by column, by parent and none.

use ablo::{AbloModel, Model, Tenancy};

#[derive(AbloModel)]
#[ablo(tenancy = none)]
pub struct Country {
    pub name: String,
}

#[derive(AbloModel)]
#[ablo(tenancy(column = "org_id"))]
pub struct Team {
    pub name: String,
}

#[derive(AbloModel)]
#[ablo(tenancy(parent(local_key = "team_id", table = "team", key = "id", org_column = "org_id")))]
pub struct Task {
    pub team_id: String,
}

fn main() {
    assert!(matches!(Country::DESCRIPTOR.tenancy, Tenancy::None));
    assert!(matches!(Team::DESCRIPTOR.tenancy, Tenancy::Column { column: "org_id" }));
    assert!(matches!(Task::DESCRIPTOR.tenancy, Tenancy::Parent { local_key: "team_id", .. }));
}
