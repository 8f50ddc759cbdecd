//! The macro that defines `App::embedded`, if the feature `embedded` is enabled.

/// ```text
/// define_embedded! { App }
/// ```
/// expands to `App::embedded`.
#[cfg(feature = "embedded")]
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_embedded {
    ($name:ident) => {
        #[allow(dead_code, unreachable_pub)]
        impl $name {
            /// Starts an empty in-memory coordinator of this schema on the current tokio runtime.
            ///
            /// # Errors
            /// Returns the faults of the schema, or why the tables cannot be created.
            pub async fn embedded()
            -> ::core::result::Result<$crate::Embedded, $crate::EmbeddedError> {
                $crate::__private::embedded(Self::SCHEMA).await
            }
        }
    };
}

#[cfg(not(feature = "embedded"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_embedded {
    ($($tokens:tt)*) => {};
}
