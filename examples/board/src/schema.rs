//! What the rows are.

use ablo::define_schema;

define_schema! {
    /// What is on the board.
    pub schema Board {
        /// A report that people and an agent write.
        #[ablo(key = "reports", mutable)]
        pub struct Report {
            /// The place it is about.
            pub title: String,
            /// The text.
            pub body: Option<String>,
            /// How far along it is.
            #[ablo(default = "draft")]
            pub status: Status,
        }

        /// How far along a report is.
        pub enum Status {
            /// Somebody is on it.
            Draft,
            /// The agent is to write it.
            Asked,
            /// It can be read.
            Ready,
        }
    }
}
