//! Macros that declare wire types: [`record!`] for objects, [`open_enum!`] for string enums that
//! keep unknown values, [`literal!`] for members with one legal value. They turn the rules for
//! absent, null and unknown members into a mark on the member instead of a set of attributes.

/// Declares a wire object. Members are written as in TypeScript:
///
/// | member | Rust | when absent | when null | written |
/// |---|---|---|---|---|
/// | `a: T` | `T` | error | error | always |
/// | `a: T \| null` | `Option<T>` | read as null | null | always |
/// | `a?: T` | `Option<T>` | `None` | `None` | if set |
/// | `a?: T \| null` | `Maybe<T>` | `Absent` | `Null` | unless absent |
/// | `a!: T` | `T` | default | error | always |
///
/// Every record gets `new`, which takes the required members in order, and a last member `other`
/// that keeps unknown members. Its values are `serde_json::Value`: 64-bit integers and doubles are
/// exact, wider numbers are not. Members that carry rows are `RawRow`, `RawData` or `RawJson`,
/// which keep the text; they are read directly, not through the buffer that `flatten` uses for
/// unknown members.
macro_rules! record {
    ($(#[$m:meta])* pub struct $name:ident $(<$g:ident = $d:ty>)? { $($body:tt)* }) => {
        $crate::record::record! { @munch [$(#[$m])*] [$name] [$($g = $d)?] [] [] [] $($body)* }
    };
    (@munch $m:tt $n:tt $g:tt [$($fields:tt)*] $req:tt [$($init:tt)*]
        $(#[$f:meta])* $a:ident ?: $t:ty | null, $($rest:tt)*) => {
        $crate::record::record! { @munch $m $n $g [$($fields)*
            $(#[$f])*
            #[serde(default = "Maybe::absent", skip_serializing_if = "Maybe::is_absent")]
            #[cfg_attr(feature = "schema", schemars(default))]
            pub $a: Maybe<$t>,
        ] $req [$($init)* $a: Maybe::Absent,] $($rest)* }
    };
    (@munch $m:tt $n:tt $g:tt [$($fields:tt)*] $req:tt [$($init:tt)*]
        $(#[$f:meta])* $a:ident ?: $t:ty, $($rest:tt)*) => {
        $crate::record::record! { @munch $m $n $g [$($fields)*
            $(#[$f])*
            #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
            #[cfg_attr(feature = "schema", schemars(default))]
            pub $a: Option<$t>,
        ] $req [$($init)* $a: None,] $($rest)* }
    };
    (@munch $m:tt $n:tt $g:tt [$($fields:tt)*] $req:tt [$($init:tt)*]
        $(#[$f:meta])* $a:ident : $t:ty | null, $($rest:tt)*) => {
        $crate::record::record! { @munch $m $n $g [$($fields)*
            $(#[$f])*
            pub $a: Option<$t>,
        ] $req [$($init)* $a: None,] $($rest)* }
    };
    (@munch $m:tt $n:tt $g:tt [$($fields:tt)*] $req:tt [$($init:tt)*]
        $(#[$f:meta])* $a:ident !: $t:ty, $($rest:tt)*) => {
        $crate::record::record! { @munch $m $n $g [$($fields)*
            $(#[$f])*
            #[serde(default = "Default::default")]
            #[cfg_attr(feature = "schema", schemars(default))]
            pub $a: $t,
        ] $req [$($init)* $a: Default::default(),] $($rest)* }
    };
    (@munch $m:tt $n:tt $g:tt [$($fields:tt)*] [$($req:tt)*] [$($init:tt)*]
        $(#[$f:meta])* $a:ident : $t:ty, $($rest:tt)*) => {
        $crate::record::record! { @munch $m $n $g [$($fields)*
            $(#[$f])*
            pub $a: $t,
        ] [$($req)* ($a: $t)] [$($init)* $a: $a.into(),] $($rest)* }
    };
    (@munch [$($m:tt)*] [$name:ident] [$($g:ident = $d:ty)?] [$($fields:tt)*] $req:tt
        [$($init:tt)*]) => {
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(transform = $crate::definition::tidy_record))]
        #[serde(rename_all = "camelCase")]
        $($m)*
        pub struct $name $(<$g = $d>)? {
            $($fields)*
            /// Members unknown to this version, in their original order; written after the known
            /// ones.
            #[serde(flatten)]
            pub other: $crate::Object,
        }

        $crate::record::record! { @new [$name] [$($g)?] $req [$($init)*] }
    };
    (@new [$name:ident] [$($g:ident)?] [] [$($init:tt)*]) => {
        impl $(<$g>)? $name $(<$g>)? {
            /// Creates the record with every member absent.
            pub fn new() -> Self {
                Self { $($init)* other: Default::default() }
            }
        }

        impl $(<$g>)? Default for $name $(<$g>)? {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@new [$name:ident] [$($g:ident)?] [$(($a:ident: $t:ty))+] [$($init:tt)*]) => {
        impl $(<$g>)? $name $(<$g>)? {
            /// Creates the record with its required members; all others are absent.
            #[allow(clippy::too_many_arguments)] // one per required member
            pub fn new($($a: impl Into<$t>),+) -> Self {
                Self { $($init)* other: Default::default() }
            }
        }
    };
}

/// Declares a string enum that keeps unknown values in `Other` and writes them back.
macro_rules! open_enum {
    ($(#[doc = $doc:literal])* pub enum $name:ident {
        $($(#[doc = $vdoc:literal])* $v:ident = $s:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $vdoc])* $v,)*
            /// A value unknown to this version, kept as received.
            Other(Box<str>),
        }

        impl $name {
            /// The values known to this version.
            pub const KNOWN: &'static [&'static str] = &[$($s),*];

            /// Returns the spelling on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$v => $s,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($s => Self::$v,)*
                    _ => Self::Other(text.into()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let visitor =
                    $crate::open::StringVisitor(stringify!($name), |text: &str| Self::from(text));
                from.deserialize_str(visitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::definition::open_enum(&[$($doc),*], Self::KNOWN)
            }
        }
    };
}

/// Declares a member with one legal value: a unit type that writes this value and rejects others.
macro_rules! literal {
    ($(#[doc = $doc:literal])* pub struct $name:ident = $s:literal;) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str($s)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let visitor = $crate::open::StringVisitor($s, |text: &str| text == $s);
                match from.deserialize_str(visitor)? {
                    true => Ok(Self),
                    false => {
                        let message = concat!("expected the string `", $s, "`");
                        Err(serde::de::Error::custom(message))
                    }
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "const": $s })
            }
        }
    };
}

pub(crate) use {literal, open_enum, record};
