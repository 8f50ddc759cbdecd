//! The macro behind generated enums.

/// ```text
/// open_enum! { pub enum Status { Pending = "pending", Ready = "ready" } }
/// ```
/// expands to
/// ```text
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// pub enum Status { Pending, Ready, Unrecognized(UnknownValue) }
/// impl Status { pub fn as_str(&self) -> &str { match self { Self::Pending => "pending", … } } }
/// impl From<&str> for Status { … }        // the only way to an `Unrecognized`
/// impl OpenEnum for Status { const VALUES: &[&str] = &["pending", "ready"]; … }
/// impl Display, Serialize, Deserialize, Show, Value for Status { one call of the runtime each }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_open_enum {
    ($(#[$attr:meta])* $vis:vis enum $name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        $(#[$attr])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis enum $name {
            $($variant,)*
            /// A value that the schema did not list when this was generated.
            Unrecognized($crate::UnknownValue),
        }

        #[allow(dead_code, unreachable_pub)]
        impl $name {
            /// The value as the wire has it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unrecognized(value) => value.as_str(),
                }
            }
        }

        impl ::core::convert::From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::Unrecognized($crate::UnknownValue::__new(value)),
                }
            }
        }

        impl $crate::OpenEnum for $name {
            const VALUES: &'static [&'static str] = &[$($value),*];

            fn as_str(&self) -> &str {
                Self::as_str(self)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(Self::as_str(self))
            }
        }

        impl $crate::__private::Show for $name {
            fn show(&self) -> $crate::__private::Shown<'_> {
                $crate::__private::Shown::Text(Self::as_str(self))
            }
        }

        impl $crate::__private::Value for $name {
            fn read(
                source: &mut dyn $crate::__private::Source,
                slot: &mut ::core::option::Option<Self>,
            ) -> ::core::result::Result<(), $crate::__private::Stop> {
                $crate::__private::read_enum(source, slot)
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<__S>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error>
            where
                __S: $crate::__private::serde::Serializer,
            {
                serializer.serialize_str(Self::as_str(self))
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<__D>(deserializer: __D) -> ::core::result::Result<Self, __D::Error>
            where
                __D: $crate::__private::serde::Deserializer<'de>,
            {
                $crate::__private::deserialize_enum(deserializer)
            }
        }
    };
}
