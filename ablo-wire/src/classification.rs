//! The columns of the registry of codes (docs/protocol/errors.md).

/// A registry entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code.
    pub code: &'static str,
    /// The category.
    pub category: Category,
    /// Its canonical HTTP status.
    pub status: u16,
    /// Whether repeating the same request can succeed.
    pub retryable: bool,
    /// The recovery for clients.
    pub recovery: Recovery,
    /// The class of an error with this code and its canonical status.
    pub class: ErrorClass,
    /// A short explanation.
    pub meaning: &'static str,
}

macro_rules! closed {
    ($(#[$m:meta])* pub enum $name:ident { $($(#[$vm:meta])* $v:ident = $s:literal,)* }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vm])* $v,)*
        }

        impl $name {
            /// Returns the spelling in the contract.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$v => $s,)*
                }
            }
        }
    };
}

closed! {
    /// The category of a code.
    pub enum Category {
        /// Authentication.
        Auth = "auth",
        /// The rights of the capability.
        Capability = "capability",
        /// The rights of the participant.
        Permission = "permission",
        /// The holder of the row.
        Claim = "claim",
        /// A conflict between writes or with stored rows.
        Conflict = "conflict",
        /// The request.
        Validation = "validation",
        /// A missing row or resource.
        NotFound = "not_found",
        /// The models of the organisation.
        Tenant = "tenant",
        /// The schema.
        Schema = "schema",
        /// Claims by id.
        Intent = "intent",
        /// The bootstrap.
        Bootstrap = "bootstrap",
        /// The network.
        Transport = "transport",
        /// Rate limits and quotas.
        RateLimit = "rate_limit",
        /// The coordinator.
        Server = "server",
    }
}

closed! {
    /// The recovery of a client from a code (docs/protocol/errors.md §3).
    pub enum Recovery {
        /// Mint a new token and reconnect; never sign out.
        AccessCredentialExpiry = "access_credential_expiry",
        /// The login has ended: sign out and drop local data.
        SessionExpiry = "session_expiry",
        /// Stop; retrying with the same credential does not help.
        AuthBlocked = "auth_blocked",
        /// Stop; the participant lacks the right.
        Permission = "permission",
        /// Retry.
        Transient = "transient",
        /// No specific recovery.
        None = "none",
    }
}

closed! {
    /// The class of an error in a client (docs/protocol/errors.md §2).
    pub enum ErrorClass {
        /// The capability does not permit this; a kind of permission error.
        Capability = "CapabilityError",
        /// Another participant holds the row.
        Claimed = "AbloClaimedError",
        /// The row has changed since it was read.
        StaleContext = "AbloStaleContextError",
        /// The credential is missing, unknown or expired.
        Authentication = "AbloAuthenticationError",
        /// The credential does not permit this.
        Permission = "AbloPermissionError",
        /// Any other conflict.
        Idempotency = "AbloIdempotencyError",
        /// The request is invalid.
        Validation = "AbloValidationError",
        /// Too many requests or connections.
        RateLimit = "AbloRateLimitError",
        /// The coordinator or the network failed.
        Server = "AbloServerError",
        /// Any other error.
        Base = "AbloError",
    }
}
