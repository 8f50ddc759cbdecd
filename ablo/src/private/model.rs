//! The macros behind generated models and the schema's descriptor.
//!
//! A model's table has one line for each field; a `?` marks an optional one. What a line says beside name, column and kind
//! is `member = value` of the descriptor, so that the descriptor can grow without a change here.
//!
//! What is expanded for each field is what a user's crate is checked for: it names every type, is generic over nothing, and
//! leaves loops, errors and formats to the runtime.

/// ```text
/// model! { pub WeatherReport, WeatherReportCreate, WeatherReportPatch, key = "weatherReports", mutable = true;
///     fields {
///         0 location: String, LOCATION "location" "location" String;
///         1 forecast?: String, FORECAST "forecast" "forecast" String, indexed = true;
///     }
///     relations { "station" BelongsTo Station "stationId", parent = true; }
/// }
/// ```
/// expands to
/// ```text
/// pub struct WeatherReportCreate { pub id: Option<Id<WeatherReport>>, pub location: String, pub forecast: Option<String> }
/// pub struct WeatherReportPatch { pub location: Change<String>, pub forecast: Patch<String> }
/// impl WeatherReport {
///     pub const LOCATION: Field<Self, String> = …;
///     pub const FORECAST: Field<Self, Option<String>> = …;
///     pub fn create(location: impl Into<String>) -> WeatherReportCreate { … }
///     pub fn patch() -> WeatherReportPatch { … }
/// }
/// impl WeatherReportCreate { pub fn id(…) -> Self; pub fn forecast(mut self, value: impl Into<String>) -> Self { … } }
/// impl WeatherReportPatch {
///     pub fn location(mut self, value: impl Into<Change<String>>) -> Self { … }
///     pub fn forecast(mut self, value: impl Into<Patch<String>>) -> Self { … }
/// }
/// const _: () = {
///     static DESCRIPTOR: ModelDescriptor = …;
///     impl Model for WeatherReport { … }
///     impl Codec for WeatherReport { fn decode(…) { match on the field's position, straight into its place } }
///     impl Members for WeatherReport { fn member(&self, at: usize) -> Shown<'_> { match at { 0 => …, 1 => … } } }
///     impl Members for WeatherReportCreate, WeatherReportPatch { … }
///     impl Debug, PartialEq, Serialize for WeatherReportCreate, WeatherReportPatch { one call of the runtime each }
///     impl Default for WeatherReportPatch { … }
/// };
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_model {
    (
        $vis:vis $model:ident, $create:ident, $patch:ident $(, $facet:ident = $value:expr)*;
        fields {$(
            $(#[$attr:meta])* $at:literal $name:ident $(: $req:ty,)? $(?: $opt:ty,)?
                $token:ident $wire:literal $column:literal $kind:ident $(($enum:ty))? $(, $field_facet:ident = $field_value:expr)*;
        )*}
        relations {$(
            $relation:literal $relation_kind:ident $target:ident $foreign_key:literal $(, $option:ident = $option_value:expr)*;
        )*}
    ) => {
        #[doc = ::core::concat!("What creating a [`", ::core::stringify!($model), "`] takes.")]
        #[derive(Clone)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis struct $create {
            /// The row's id; without one, it is chosen for you.
            pub id: ::core::option::Option<$crate::Id<$model>>,
            $($(#[$attr])* pub $name: $($req)? $(::core::option::Option<$opt>)?,)*
        }

        #[doc = ::core::concat!("A change of a [`", ::core::stringify!($model), "`]; by default it keeps every field.")]
        #[derive(Clone)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis struct $patch {
            $($(#[$attr])* pub $name: $($crate::Change<$req>)? $($crate::Patch<$opt>)?,)*
        }

        #[allow(dead_code, deprecated, missing_docs, unreachable_pub)]
        impl $model {
            $($(#[$attr])* pub const $token: $crate::Field<$model, $($req)? $(::core::option::Option<$opt>)?> =
                $crate::Field::__declared($at, $wire);)*

            /// Starts a create with every field that must have a value.
            #[must_use]
            #[allow(clippy::too_many_arguments)]
            pub fn create($($($name: impl ::core::convert::Into<$req>,)?)*) -> $create {
                $create {
                    id: ::core::option::Option::None,
                    $($name: $(::core::convert::Into::<$req>::into($name))? $(::core::option::Option::<$opt>::None)?,)*
                }
            }

            /// Starts a change that keeps every field.
            #[must_use]
            pub fn patch() -> $patch {
                <$patch as ::core::default::Default>::default()
            }
        }

        #[allow(dead_code, deprecated, missing_docs, unreachable_pub)]
        impl $create {
            /// Chooses the row's id.
            #[must_use]
            pub fn id(mut self, id: impl ::core::convert::Into<$crate::Id<$model>>) -> Self {
                self.id = ::core::option::Option::Some(id.into());
                self
            }

            $($(#[must_use]
            pub fn $name(mut self, value: impl ::core::convert::Into<$opt>) -> Self {
                self.$name = ::core::option::Option::Some(value.into());
                self
            })?)*
        }

        #[allow(dead_code, deprecated, missing_docs, unreachable_pub)]
        impl $patch {$(
            $(#[$attr])*
            #[must_use]
            pub fn $name(mut self, value: impl ::core::convert::Into<$($crate::Change<$req>)? $($crate::Patch<$opt>)?>) -> Self {
                self.$name = value.into();
                self
            }
        )*}

        #[allow(deprecated)]
        const _: () = {
            static DESCRIPTOR: $crate::ModelDescriptor = $crate::ModelDescriptor {
                $($facet: $value,)*
                fields: &[$($crate::FieldDescriptor {
                    name: $wire,
                    key: $crate::__private::Key::new($wire),
                    column: $column,
                    kind: $crate::FieldKind::$kind $((<$enum as $crate::OpenEnum>::VALUES))?,
                    $($field_facet: $field_value,)*
                    ..$($crate::__private::required::<$req>())? $($crate::__private::optional::<$opt>())?
                },)*],
                relations: &[$($crate::RelationDescriptor {
                    $($option: $option_value,)*
                    ..$crate::RelationDescriptor::__to::<$target>($relation, $crate::RelationKind::$relation_kind, $foreign_key)
                },)*],
                ..$crate::ModelDescriptor::DEFAULT
            };

            impl $crate::Model for $model {
                type Create = $create;
                type Patch = $patch;
                const DESCRIPTOR: &'static $crate::ModelDescriptor = &DESCRIPTOR;
            }

            impl ::core::default::Default for $patch {
                fn default() -> Self {
                    Self { $($name: $($crate::Change::<$req>::Keep)? $($crate::Patch::<$opt>::Keep)?,)* }
                }
            }

            impl $crate::__private::Codec for $model {
                fn decode(source: &mut dyn $crate::__private::Source) -> ::core::result::Result<Self, $crate::__private::Stop> {
                    $(let mut $name = ::core::option::Option::<$($req)? $($opt)?>::None;)*
                    while let ::core::option::Option::Some(at) = source.next_field()? {
                        match at {
                            $($at => <$($req)? $($opt)? as $crate::__private::Value>::read(source, &mut $name),)*
                            _ => ::core::result::Result::Ok(()),
                        }?;
                    }
                    #[allow(irrefutable_let_patterns)]
                    let ($($(::core::option::Option::<$req>::Some($name),)?)*) = ($($($crate::__private::slot::<$req>($name),)?)*) else {
                        return ::core::result::Result::Err(source.missing());
                    };
                    ::core::result::Result::Ok(Self { $($name,)* })
                }
            }

            impl $crate::__private::Members for $model {
                fn member(&self, at: usize) -> $crate::__private::Shown<'_> {
                    match at {
                        $($at => <$($req)? $(::core::option::Option<$opt>)? as $crate::__private::Show>::show(&self.$name),)*
                        _ => $crate::__private::Shown::Absent,
                    }
                }
            }

            impl $crate::__private::Members for $create {
                fn member(&self, at: usize) -> $crate::__private::Shown<'_> {
                    match at {
                        $($at => <$($req)? $(::core::option::Option<$opt>)? as $crate::__private::Show>::show(&self.$name),)*
                        _ => $crate::__private::Shown::Absent,
                    }
                }
            }

            impl $crate::__private::Members for $patch {
                fn member(&self, at: usize) -> $crate::__private::Shown<'_> {
                    match at {
                        $($at => <$($crate::Change<$req>)? $($crate::Patch<$opt>)? as $crate::__private::Show>::show(&self.$name),)*
                        _ => $crate::__private::Shown::Absent,
                    }
                }
            }

            impl ::core::fmt::Debug for $create {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    let id = ::core::option::Option::map(self.id.as_ref(), $crate::Id::as_str);
                    $crate::__private::debug(f, ::core::stringify!($create), &DESCRIPTOR, id, self)
                }
            }

            impl ::core::fmt::Debug for $patch {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    $crate::__private::debug(f, ::core::stringify!($patch), &DESCRIPTOR, ::core::option::Option::None, self)
                }
            }

            impl ::core::cmp::PartialEq for $create {
                fn eq(&self, other: &Self) -> bool {
                    self.id == other.id && $crate::__private::same(&DESCRIPTOR, self, other)
                }
            }

            impl ::core::cmp::PartialEq for $patch {
                fn eq(&self, other: &Self) -> bool {
                    $crate::__private::same(&DESCRIPTOR, self, other)
                }
            }

            impl $crate::__private::serde::Serialize for $create {
                fn serialize<__S: $crate::__private::serde::Serializer>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                    $crate::__private::serialize_create(serializer, &DESCRIPTOR, self)
                }
            }

            impl $crate::__private::serde::Serialize for $patch {
                fn serialize<__S: $crate::__private::serde::Serializer>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                    $crate::__private::serialize_patch(serializer, &DESCRIPTOR, self)
                }
            }
        };
    };
}

/// ```text
/// schema! { pub static SCHEMA: "1f2e3d4c" "…"; WeatherReport, Station; "org" "organizationId" false, }
/// ```
/// expands to the `static` of that name: the hashes, the models in schema order, the identity roles.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_schema {
    (
        $(#[$attr:meta])* $vis:vis static $name:ident: $schema_hash:literal $content_hash:literal;
        deltas $delta:ident;
        models { $($model:ident),* $(,)? }
        $($rest:tt)*
    ) => {
        $crate::__ablo_schema! {
            $(#[$attr])* $vis static $name: $schema_hash $content_hash;
            models { $($model),* }
            $($rest)*
        }
        $crate::__ablo_deltas! { $vis $delta { $($model),* } }
    };
    (
        $(#[$attr:meta])* $vis:vis static $name:ident: $schema_hash:literal $content_hash:literal;
        models { $($model:ident),* $(,)? }
        identity_roles { $($kind:literal $field:literal $multi:literal),* $(,)? }
    ) => {
        $(#[$attr])*
        #[allow(dead_code, unreachable_pub)]
        $vis static $name: $crate::SchemaDescriptor = $crate::SchemaDescriptor {
            schema_hash: $schema_hash,
            content_hash: $content_hash,
            models: &[$(<$model as $crate::Model>::DESCRIPTOR),*],
            identity_roles: &[$($crate::RoleDescriptor { kind: $kind, field: $field, multi: $multi }),*],
        };
    };
}

/// ```text
/// deltas! { pub SchemaDelta { WeatherReport, Station } }
/// ```
/// expands to an enum with a variant for the deltas of each model, and a match on the model's position that makes it.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_deltas {
    ($vis:vis $delta:ident { $($model:ident),* }) => {
        /// A delta, by its model.
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code, missing_docs, unreachable_pub)]
        $vis enum $delta<'b, 'a> {
            $($model($crate::TypedDelta<'b, 'a, $model>),)*
            /// A delta of a model that the schema did not have when this was generated.
            Unrecognized($crate::DeltaRef<'b, 'a>),
        }

        impl<'b, 'a> ::core::convert::From<$crate::DeltaRef<'b, 'a>> for $delta<'b, 'a> {
            fn from(delta: $crate::DeltaRef<'b, 'a>) -> Self {
                enum Position { $($model),* }
                match delta.__model_position() {
                    $(at if at == Position::$model as usize => Self::$model($crate::TypedDelta::__new(delta)),)*
                    _ => Self::Unrecognized(delta),
                }
            }
        }
    };
}
