//! The models.

ablo::define_schema! {
    pub schema App {
        /// A report that people and agents write.
        #[ablo(key = "reports", mutable)]
        pub struct Report {
            /// The subject of the report.
            pub title: String,
            /// Whether the report can be read.
            #[ablo(default = "draft")]
            pub status: Status,
            /// The text.
            pub body: Option<String>,
        }

        /// The state of a report.
        pub enum Status {
            /// Someone is writing it.
            Draft,
            /// It can be read.
            Ready,
        }
    }
}
