//! The macros that define generated models and the schema's descriptor.
//!
//! A model's table has one line per field; `?` marks optional fields. Everything beside names and
//! type is `member = value` of the descriptor, so that descriptors can grow without changes here.
//!
//! The expansion per field costs compile time in the user's crate. It has no generics, loops,
//! branches or formatting; everything else is in the runtime and compiled once.

/// ```text
/// model! { pub WeatherReport, WeatherReportPatch, WeatherReportCreate,
///     key = "weatherReports", mutable = true;
///     create(location: String = 0)
///     fields {
///         0 location: String, LOCATION "location" "location";
///         1 forecast?: String, FORECAST "forecast" "forecast", indexed = true;
///     }
///     relations { "station" BelongsTo Station "stationId", parent = true; }
///     relative { increment_views = Increment i32, "views"; }
/// }
/// ```
/// expands as follows. If fields of the struct could not be read, `unread = unreachable!();` stands
/// for them.
/// ```text
/// pub struct WeatherReportPatch(Changes);
/// pub struct WeatherReportCreate { pub location: String }
/// impl WeatherReport {
///     pub const LOCATION: Field<Self, String> = …;
///     pub const FORECAST: Field<Self, Option<String>> = …;
///     pub fn create(required: WeatherReportCreate) -> Create<Self> { … }
///     pub fn patch() -> WeatherReportPatch { … }
/// }
/// impl WeatherReport {
///     pub fn increment_views(by: impl Into<i64>) -> Adjustment<Self> { … }
/// }
/// impl WeatherReportPatch {
///     pub fn location(self, value: impl Into<FieldUpdate<String>>) -> Self { … }
///     pub fn forecast(self, value: impl Into<Patch<String>>) -> Self { … }
/// }
/// const _: () = {
///     static DESCRIPTOR: ModelDescriptor = …;
///     impl Model for WeatherReport { … }
///     impl Codec for WeatherReport { fn decode(…) { Self { location: String::next(…), … } } }
///     impl Members for WeatherReport {
///         fn members(…) { visit(&[self.location.to_value_ref(), …]) }
///     }
///     impl Clone, Default, PartialEq, Debug, Serialize, Deserialize, ModelPatch
///     for WeatherReportPatch {
///         one call into the runtime each
///     }
/// };
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_model {
    (
        $vis:vis $model:ident, $patch:ident, $create:ident $(, $facet:ident = $value:expr)*;
        create($($arg:ident: $arg_type:ty = $arg_at:literal),*)
        $(base {$(
            $base:literal $base_column:literal $base_kind:ident
                $(, $base_facet:ident = $base_value:expr)*;
        )*})?
        fields {$(
            $(#[$attr:meta])* $at:literal $name:ident $(: $req:ty,)? $(?: $opt:ty,)?
                $token:ident $wire:literal $column:literal
                $(, $field_facet:ident = $field_value:expr)*;
        )*}
        relations {$(
            $relation:literal $relation_kind:ident $target:ty, $foreign_key:literal
                $(, $option:ident = $option_value:expr)*;
        )*}
        $(relative {$(
            $change:ident = $operation:ident $of:ty, $changed:literal;
        )*})?
        $(unread = $rest:expr;)?
    ) => {
        #[doc = ::core::concat!(
            "A change of a [`", ::core::stringify!($model), "`]. By default it keeps every field."
        )]
        #[derive(::core::clone::Clone, ::core::default::Default, ::core::cmp::PartialEq)]
        $vis struct $patch($crate::__private::Changes);

        #[doc = ::core::concat!(
            "The required fields of a new [`", ::core::stringify!($model), "`]."
        )]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis struct $create {
            $(pub $arg: $arg_type,)*
        }

        #[allow(
            clippy::self_named_constructors,
            dead_code,
            deprecated,
            missing_docs,
            unreachable_pub
        )]
        impl $model {
            $(
                $(#[$attr])*
                pub const $token:
                    $crate::Field<$model, $($req)? $(::core::option::Option<$opt>)?> =
                    $crate::Field::__declared($at, $wire);
            )*

            /// Starts a create with the required fields.
            #[must_use]
            pub fn create(_required: $create) -> $crate::Create<$model> {
                $crate::Create::__new()$(.__set(
                    $arg_at,
                    <$arg_type as $crate::__private::Value>::into_value(_required.$arg),
                ))*
            }

            /// Starts a change that keeps every field.
            #[must_use]
            pub fn patch() -> $patch {
                ::core::default::Default::default()
            }
        }

        #[allow(dead_code, deprecated, missing_docs, unreachable_pub)]
        impl $patch {$(
            $(#[$attr])*
            #[must_use]
            pub fn $name(
                self,
                value: impl ::core::convert::Into<
                    $($crate::FieldUpdate<$req>)? $($crate::Patch<$opt>)?
                >,
            ) -> Self {
                Self(self.0.set(
                    $at,
                    $(<$req as $crate::__private::Value>::update)?
                    $(<$opt as $crate::__private::Value>::patch)?
                    (value.into()),
                ))
            }
        )*}

        $(
            #[allow(dead_code, deprecated, missing_docs, unreachable_pub)]
            impl $model {$(
                #[must_use]
                pub fn $change(
                    by: impl ::core::convert::Into<<$of as $crate::Adjustable>::By>,
                ) -> $crate::Adjustment<$model> {
                    $crate::Adjustment::__new::<$of>(
                        $changed,
                        $crate::RelativeOperation::$operation,
                        by,
                    )
                }
            )*}
        )?

        #[allow(deprecated, unreachable_code, unused_imports)]
        const _: () = {
            // Tables contain `Some`, which the user may have shadowed.
            use ::core::option::Option::Some;

            static DESCRIPTOR: $crate::ModelDescriptor = $crate::ModelDescriptor {
                $($facet: $value,)*
                $(base_fields: &[$($crate::FieldDescriptor {
                    $($base_facet: $base_value,)*
                    ..$crate::__private::base_field(
                        $base,
                        $base_column,
                        $crate::FieldKind::$base_kind,
                    )
                },)*],)?
                fields: &[$($crate::FieldDescriptor {
                    name: $wire,
                    column: $column,
                    $($field_facet: $field_value,)*
                    key: $crate::__private::Key::padded(
                        $wire,
                        ::core::concat!(
                            "\"", $wire, "\":",
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                        ),
                    ),
                    ..$(<$req as $crate::__private::Value>::FIELD)?
                    $(<$opt as $crate::__private::Value>::OPTIONAL_FIELD)?
                },)*],
                relations: &[$($crate::RelationDescriptor {
                    $($option: $option_value,)*
                    ..$crate::RelationDescriptor::__to::<$target>(
                        $relation,
                        $crate::RelationKind::$relation_kind,
                        $foreign_key,
                    )
                },)*],
                ..$crate::ModelDescriptor::DEFAULT
            };

            impl $crate::Model for $model {
                type Patch = $patch;
                const DESCRIPTOR: &'static $crate::ModelDescriptor = &DESCRIPTOR;
            }

            impl $crate::__private::Codec for $model {
                fn decode(_values: &mut $crate::__private::FieldValues) -> Self {
                    Self {
                        $($name:
                            $(<$req as $crate::__private::Value>::next)?
                            $(<$opt as $crate::__private::Value>::next_optional)?
                            (_values),
                        )*
                        $(..$rest)?
                    }
                }
            }

            impl $crate::__private::Members for $model {
                fn members(
                    &self,
                    visit: &mut dyn ::core::ops::FnMut(&[$crate::__private::ValueRef<'_>]),
                ) {
                    visit(&[$(
                        $(<$req as $crate::__private::Value>::to_value_ref)?
                        $(<$opt as $crate::__private::Value>::optional_ref)?
                        (&self.$name),
                    )*])
                }
            }

            impl $crate::__private::ModelPatch for $patch {
                type Model = $model;

                fn into_changes(self) -> $crate::__private::Changes {
                    self.0
                }

                fn from_changes(changes: $crate::__private::Changes) -> Self {
                    Self(changes)
                }
            }

            impl ::core::fmt::Debug for $patch {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    self.0.debug(
                        f,
                        ::core::stringify!($patch),
                        &DESCRIPTOR,
                        ::core::option::Option::None,
                    )
                }
            }

            impl $crate::__private::serde::Serialize for $patch {
                fn serialize<__S: $crate::__private::serde::Serializer>(
                    &self,
                    serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error> {
                    self.0.serialize(serializer, &DESCRIPTOR)
                }
            }

            impl<'de> $crate::__private::serde::Deserialize<'de> for $patch {
                fn deserialize<__D: $crate::__private::serde::Deserializer<'de>>(
                    deserializer: __D,
                ) -> ::core::result::Result<Self, __D::Error> {
                    $crate::__private::deserialize_patch(deserializer, &DESCRIPTOR).map(Self)
                }
            }
        };
    };
}

/// ```text
/// schema! { pub static SCHEMA: "1f2e3d4c" "…"; deltas SchemaDelta;
///     models { WeatherReport: WeatherReport, }
///     identity_roles { "org" "organizationId" false, } }
/// ```
/// expands to a `static` with the hashes, the models in schema order and the identity roles.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_schema {
    (
        $(#[$attr:meta])* $vis:vis static $name:ident: $schema_hash:literal $content_hash:literal;
        deltas $delta:ident;
        models { $($variant:ident: $model:ident),* $(,)? }
        identity_roles { $($kind:literal $field:literal $multi:literal),* $(,)? }
    ) => {
        $crate::__private::deltas! { $vis $delta { $($variant: $model,)* } }

        $(#[$attr])*
        #[allow(dead_code, unreachable_pub)]
        $vis static $name: $crate::SchemaDescriptor = $crate::SchemaDescriptor::__new(
            ::core::option::Option::Some(($schema_hash, $content_hash)),
            &[$(<$model as $crate::Model>::DESCRIPTOR),*],
            &[$($crate::RoleDescriptor { kind: $kind, field: $field, multi: $multi }),*],
        );
    };
}

/// ```text
/// define! { pub App "1f2e3d4c" "…"; deltas AppDelta; client AppClient;
///     models { stations Station: crate::Station, }
///     identity_roles { "org" "organizationId" false, } }
/// ```
/// expands to a type with the schema as a constant. Missing hashes are computed on first use.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_define {
    (
        $(#[$attr:meta])* $vis:vis $name:ident $($schema_hash:literal $content_hash:literal)?;
        deltas $delta:ident;
        client $client:ident;
        models { $($accessor:ident $variant:ident: $model:ty),* $(,)? }
        identity_roles { $($kind:literal $field:literal $multi:literal),* $(,)? }
    ) => {
        $crate::__private::deltas! { $vis $delta { $($variant: $model,)* } }
        $crate::__private::connect! { $vis $name $client { $($accessor: $model,)* } }
        $crate::__private::define_embedded! { $name }

        $(#[$attr])*
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis struct $name;

        #[allow(dead_code, unreachable_pub)]
        impl $name {
            /// The schema's descriptor.
            pub const SCHEMA: &'static $crate::SchemaDescriptor = {
                static SCHEMA: $crate::SchemaDescriptor = $crate::SchemaDescriptor::__new(
                    $crate::__private::hashes!($($schema_hash $content_hash)?),
                    &[$(<$model as $crate::Model>::DESCRIPTOR),*],
                    &[$($crate::RoleDescriptor { kind: $kind, field: $field, multi: $multi }),*],
                );
                &SCHEMA
            };

            /// Returns the schema, validated as a whole: for a coordinator, migrations or hashes.
            ///
            /// # Errors
            /// Returns the faults of the schema.
            pub fn schema() -> ::core::result::Result<$crate::Schema, $crate::SchemaError> {
                Self::SCHEMA.schema()
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_hashes {
    () => {
        ::core::option::Option::None
    };
    ($schema_hash:literal $content_hash:literal) => {
        ::core::option::Option::Some(($schema_hash, $content_hash))
    };
}

/// ```text
/// deltas! { pub SchemaDelta { WeatherReport: WeatherReport, Station: crate::Station } }
/// ```
/// expands to an enum with a variant per model and a conversion that matches on the model's
/// position.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_deltas {
    ($vis:vis $delta:ident { $($variant:ident: $model:ty),* $(,)? }) => {
        /// A delta, by its model.
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis enum $delta<'b, 'a> {
            $($variant($crate::TypedDelta<'b, 'a, $model>),)*
            /// A delta of a model that the schema did not have when this was generated.
            Unrecognized($crate::DeltaRef<'b, 'a>),
        }

        impl<'b, 'a> ::core::convert::From<$crate::DeltaRef<'b, 'a>> for $delta<'b, 'a> {
            fn from(delta: $crate::DeltaRef<'b, 'a>) -> Self {
                #[allow(dead_code, clippy::enum_variant_names)]
                enum Position { $($variant,)* }
                match delta.__model_position() {
                    $(
                        at if at == Position::$variant as usize => {
                            Self::$variant($crate::TypedDelta::__new(delta))
                        }
                    )*
                    _ => Self::Unrecognized(delta),
                }
            }
        }
    };
}
