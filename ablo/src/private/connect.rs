//! The macro that defines the client type of a schema, if the feature `client` is enabled.

/// ```text
/// connect! { pub App AppClient { stations: crate::Station, } }
/// ```
/// expands to `App::connect` and to a client type with `stations()` that dereferences to
/// [`Client`].
///
/// [`Client`]: crate::Client
#[cfg(feature = "client")]
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_connect {
    ($vis:vis $name:ident $client:ident { $($accessor:ident: $model:ty,)* }) => {
        /// A client of a coordinator that serves this schema.
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code, unreachable_pub)]
        $vis struct $client($crate::Client);

        #[allow(dead_code, unreachable_pub)]
        impl $name {
            /// Connects to a coordinator with a key or a token.
            pub fn connect(
                url: impl ::core::convert::Into<::std::string::String>,
                credential: impl ::core::convert::Into<$crate::client::Credential>,
            ) -> $crate::client::Connect<$client> {
                $crate::client::Connect::new(url, credential)
            }
        }

        #[allow(dead_code, missing_docs, unreachable_pub)]
        impl $client {$(
            #[must_use]
            pub fn $accessor(&self) -> $crate::client::ModelClient<$model> {
                self.0.model()
            }
        )*}

        impl ::core::convert::From<$crate::Client> for $client {
            fn from(client: $crate::Client) -> Self {
                Self(client)
            }
        }

        impl ::core::ops::Deref for $client {
            type Target = $crate::Client;

            fn deref(&self) -> &$crate::Client {
                &self.0
            }
        }
    };
}

/// ```text
/// check_key! { crate::Person, "persons", "person" }
/// ```
/// fails to compile unless the key of the model is one of the two.
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_check_key {
    ($model:ty, $plural:literal, $default:literal) => {
        const _: () = ::core::assert!(
            $crate::__private::is_one_of(
                <$model as $crate::Model>::DESCRIPTOR.key,
                &[$plural, $default],
            ),
            ::core::concat!(
                "the key of `",
                ::core::stringify!($model),
                "` is neither `",
                $plural,
                "` nor `",
                $default,
                "`, so the schema has to name its client method: `key_in_snake_case: ",
                ::core::stringify!($model),
                "`",
            )
        );
    };
}

/// Returns whether a text is one of these.
#[must_use]
pub const fn is_one_of(text: &str, texts: &[&str]) -> bool {
    let mut at = 0;
    while at < texts.len() {
        if is_equal(text.as_bytes(), texts[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(not(feature = "client"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __ablo_connect {
    ($($tokens:tt)*) => {};
}
