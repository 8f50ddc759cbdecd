//! The macros that define generated and derived open enums.

/// ```text
/// open_enum! { pub enum Status { Pending = "pending", Ready = "ready" } }
/// ```
/// expands to the enum with a variant `Unrecognized(UnknownValue)` and to its implementations.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_open_enum {
    (
        $(#[$attr:meta])* $vis:vis enum $name:ident { $($variant:ident = $value:literal),* $(,)? }
    ) => {
        $(#[$attr])*
        #[derive(::core::clone::Clone)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis enum $name {
            $($variant,)*
            /// A value that the schema did not list when this code was generated.
            Unrecognized($crate::UnknownValue),
        }

        $crate::__private::open_enum_impls! { $name Unrecognized { $($variant = $value,)* } }

        impl ::core::cmp::Eq for $name {}

        impl ::core::cmp::PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl ::core::hash::Hash for $name {
            fn hash<__H: ::core::hash::Hasher>(&self, state: &mut __H) {
                self.as_str().hash(state)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

/// ```text
/// open_enum_impls! { Status Unrecognized { Pending = "pending", Ready = "ready", } }
/// ```
/// expands to
/// ```text
/// impl Status { pub fn as_str(&self) -> &str { match self { Self::Pending => "pending", … } } }
/// impl From<&str> for Status { … }        // the only way to create an `Unrecognized`
/// impl OpenEnum for Status { const VALUES: &[&str] = &["pending", "ready"]; … }
/// impl Display, Serialize, Deserialize for Status { one call into the runtime each }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_open_enum_impls {
    ($name:ident $other:ident { $($variant:ident = $value:literal,)* }) => {
        #[allow(dead_code, deprecated, unreachable_pub)]
        impl $name {
            /// Returns the value as on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::$other(value) => value.as_str(),
                }
            }
        }

        #[allow(deprecated)]
        impl ::core::convert::From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::$other($crate::UnknownValue::__new(value)),
                }
            }
        }

        $crate::__private::open_enum_traits! { $name [$($value),*] }
    };
}

/// ```text
/// open_enum_traits! { Status ["pending", "ready"] }
/// ```
/// expands to the implementations that need only `as_str` and `From<&str>`.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_open_enum_traits {
    ($name:ident [$($value:literal),*]) => {
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
