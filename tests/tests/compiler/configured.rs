//! A schema with `#[cfg]`, compiled by the test and read from this text.

ablo::define_schema! {
    pub schema App {
        #[ablo(key = "tasks", mutable)]
        #[cfg_attr(unix, ablo(table = "unix_tasks"))]
        #[cfg_attr(windows, ablo(table = "windows_tasks"))]
        pub struct Task {
            #[cfg_attr(all(), cfg_attr(not(any()), ablo(indexed, default = "none")))]
            pub title: String,
            #[cfg(any(windows, feature = "never"))]
            pub gone: String,
            #[cfg(not(feature = "never"))]
            pub kept: Option<String>,
            pub state: State,
        }
        #[cfg(feature = "never")]
        pub struct Ghost { pub name: Unknown }
        #[cfg(not(feature = "never"))]
        pub struct Note { #[cfg(any(unix, windows))] pub text: Text }
        #[cfg(feature = "never")]
        pub struct Note { pub text: f64 }
        pub enum State {
            Open,
            #[cfg(feature = "never")]
            Gone,
            #[cfg_attr(unix, ablo(value = "x"))]
            Done,
        }
        #[cfg(unix)]
        pub type Text = String;
        #[cfg(not(unix))]
        pub type Text = f64;
    }
    roles { org: organization_id, #[cfg(feature = "never")] team: team_ids[] }
}
