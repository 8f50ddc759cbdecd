//! The schema of the board.

use ablo::define_schema;

define_schema! {
    /// The board.
    pub schema Board {
        /// A report that users and an agent edit.
        #[ablo(key = "reports", mutable)]
        pub struct Report {
            /// The location of the report.
            pub title: String,
            /// The text.
            pub body: Option<String>,
            /// The status of the report.
            #[ablo(default = "draft")]
            pub status: Status,
        }

        /// The status of a report.
        pub enum Status {
            /// A user is editing the report.
            Draft,
            /// The agent was asked to write the report.
            Asked,
            /// The report is complete.
            Ready,
        }
    }
}
