//! A model that grants its subjects a scope.

use ablo::{AbloModel, Id, Model};

#[derive(AbloModel)]
#[ablo(scope)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
#[ablo(scope = "person", entity_role(kind = "team", field = team_id))]
pub struct User {
    pub team_id: String,
}

#[derive(AbloModel)]
#[ablo(grants(subject = user, scope = desk), auto_fill(user_id = user_id), required(desk_id))]
pub struct Member {
    #[ablo(belongs_to)]
    pub user_id: Id<User>,
    #[ablo(belongs_to)]
    pub desk_id: Id<Desk>,
}

fn main() {
    assert!(Member::DESCRIPTOR.grants.is_some());
    assert_eq!(User::DESCRIPTOR.scope, Some("person"));
}
