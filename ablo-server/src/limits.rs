//! The limits of what clients may use, in one table: names, defaults and meanings.

use std::time::Duration;

/// A limit as documentation shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitInfo {
    /// The name, for [`Limits::set`].
    pub name: &'static str,
    /// The default, in the form that [`Limits::set`] reads.
    pub default: String,
    /// The meaning, and the effect of reaching it.
    pub about: &'static str,
}

/// A value of a limit.
trait Value: Sized {
    fn parse(text: &str) -> Option<Self>;
    fn print(&self) -> String;
}

const UNITS: [(&str, usize); 2] = [("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Value for usize {
    fn parse(text: &str) -> Option<Self> {
        let unit = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
        let (number, size) = unit.unwrap_or((text, &1));
        number.trim().parse::<usize>().ok()?.checked_mul(*size).filter(|number| *number > 0)
    }

    fn print(&self) -> String {
        let unit = UNITS.iter().find(|(_, size)| self.is_multiple_of(*size));
        match unit {
            Some((unit, size)) => format!("{} {unit}", self / size),
            None => self.to_string(),
        }
    }
}

impl Value for Duration {
    fn parse(text: &str) -> Option<Self> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
        let (number, scale) =
            units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
        let number = number.trim().parse::<u64>().ok()?.checked_mul(*scale)?;
        (number > 0).then(|| Duration::from_millis(number))
    }

    fn print(&self) -> String {
        match self.as_millis() {
            ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
            ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
            ms => format!("{ms} ms"),
        }
    }
}

macro_rules! limits {
    ($($name:ident: $type:ty = $default:expr, $about:literal;)*) => {
        /// Limits of what clients may use of a coordinator.
        ///
        /// ```
        /// let mut limits = ablo_server::Limits::default();
        /// limits.set("read_time", "20s")?;
        /// limits.set("row_bytes", "2 MiB")?;
        /// assert_eq!(limits.row_bytes, 2 << 20);
        /// # Ok::<(), String>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $about] pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Returns all limits with their defaults.
            #[must_use]
            pub fn table() -> Vec<LimitInfo> {
                let default = Self::default();
                vec![$(LimitInfo {
                    name: stringify!($name),
                    default: default.$name.print(),
                    about: $about,
                },)*]
            }

            /// Sets a limit: a number, optionally in `KiB` or `MiB`, or a time in `ms`, `s`, `m` or
            /// `h`.
            ///
            /// # Errors
            /// Returns what is wrong with the name or the value.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = <$type>::parse(value).ok_or_else(|| {
                        format!(
                            "`{value}` is no value of `{name}`, which is {} by default",
                            self.$name.print()
                        )
                    })?,)*
                    _ => {
                        let names: Vec<&str> =
                            Self::table().iter().map(|limit| limit.name).collect();
                        return Err(format!("no limit `{name}`; there are {}", names.join(", ")));
                    }
                }
                Ok(())
            }
        }
    };
}

limits! {
    connections: usize = 60_000,
        "Open TCP connections of the process. Further ones are answered 503 \
         `instance_at_capacity` and closed.";
    header_time: Duration = Duration::from_secs(30),
        "Time from the opening of a connection, or from its previous answer, to the end of a \
         request's headers. Then the connection is closed.";
    header_bytes: usize = 64 << 10,
        "Size of a request's line and headers. Larger ones are answered 431.";
    body_time: Duration = Duration::from_secs(30),
        "Time for a request's body. Slower ones are answered 408 `invalid_body`.";
    body_bytes: usize = 4 << 20,
        "Size of a request's body and of a WebSocket message. Larger bodies are answered 413 \
         `invalid_body`; larger messages close the socket with 1009.";
    unfinished_bytes: usize = 256 << 20,
        "Bytes of unfinished request bodies in the process. Further ones are answered 503 \
         `instance_at_capacity`.";
    write_stall: Duration = Duration::from_secs(20),
        "Time for which a client may read nothing of what it is sent. Then the connection is \
         closed.";
    sockets: usize = 50_000,
        "WebSockets of the process. Further ones are closed with 1013.";
    organization_sockets: usize = 20_000,
        "WebSockets of an organisation. Further ones are answered 429 \
         `connection_limit_exceeded`.";
    participant_sockets: usize = 1000,
        "WebSockets of a participant. Further ones are answered 429 \
         `connection_limit_exceeded`.";
    socket_age: Duration = Duration::from_hours(24),
        "Age of a WebSocket. Then it is closed with 1012, and the client reconnects.";
    frames_per_second: usize = 2000,
        "Frames per second of a WebSocket, on average. Further ones are read later.";
    relays_per_second: usize = 100,
        "Relayed frames per second of a WebSocket, on average. Further ones are dropped.";
    presence_bytes: usize = 4096,
        "Size of a presence report. Larger ones are refused with `limit_exceeded`, or dropped on \
         a WebSocket.";
    requests_per_second: usize = 2000,
        "Requests per second of a participant, on average, and four times as many at once. \
         Further ones are answered 429 `quota_exceeded`.";
    tokens_per_minute: usize = 6000,
        "Tokens that a participant may create per minute. Further requests are answered 429 \
         `quota_exceeded`.";
    participant_reports: usize = 100,
        "Programs of a participant that report presence over HTTP at once. Reports of further ones \
         are refused with `limit_exceeded`.";
    claims_held: usize = 1000,
        "Claims that a participant may hold. Further ones are refused with `limit_exceeded`.";
    claims_queued: usize = 1000,
        "Claims for which a participant may wait. Further ones are refused with \
         `limit_exceeded`.";
    claim_queue: usize = 100,
        "Claims that may wait for a row. Further ones are refused with `queue_too_deep`.";
    row_bytes: usize = 1 << 20,
        "Size of the values of a row. Writes that make a larger one are refused with \
         `limit_exceeded`.";
    read_time: Duration = Duration::from_secs(15),
        "Time for a read, including the time for which it waits. Then it is cancelled and \
         answered 504 `database_timeout`, or 503 `instance_at_capacity` if it never began.";
    write_time: Duration = Duration::from_secs(10),
        "Time for a write, including the time for which it waits. Then it is rolled back and \
         answered 504 `database_timeout`, or 503 `instance_at_capacity` if it never began.";
    lock_time: Duration = Duration::from_secs(4),
        "Time for which a write waits for a lock of another program. Then it is refused with \
         `row_locked`.";
    waiting_work: usize = 2000,
        "Reads, and as many writes, of an organisation that may wait for the database. Further \
         ones are answered 503 `instance_at_capacity`.";
    waiting_work_total: usize = 20_000,
        "Reads, and as many writes, of all organisations that may wait for the database. Further \
         ones are answered 503 `instance_at_capacity`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_set_as_it_is_shown() {
        for limit in Limits::table() {
            let mut limits = Limits::default();
            limits.set(limit.name, &limit.default).expect("a value");
            assert_eq!(limits, Limits::default(), "{}", limit.name);
        }
    }

    #[test]
    fn wrong_names_and_values_are_refused() {
        let mut limits = Limits::default();
        for (name, value) in
            [("nothing", "1"), ("row_bytes", "0"), ("row_bytes", "1s"), ("read_time", "7")]
        {
            assert!(limits.set(name, value).is_err(), "{name}={value}");
        }
        assert_eq!(limits, Limits::default());
    }
}
