//! Errors in an attribute, a type and an enum of one schema.

ablo::define_schema! {
    pub schema App {
        #[ablo(lode = lazy)]
        pub struct Task {
            pub title: &'static str,
            pub state: State,
        }
        #[ablo(rename_all = "Kebab")]
        pub enum State { Open, Done }
    }
    roles { org: organization_id, org: team_ids[] }
}

fn main() {}
