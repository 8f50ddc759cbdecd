//! Dates in the stored format.

use jiff::fmt::temporal::DateTimePrinter;

/// Converts a date to the stored format.
pub(super) fn date(text: &str) -> Result<String, String> {
    let expected =
        || "a date in ISO 8601 with a time zone, such as 2026-06-10T09:00:00.000Z".to_owned();
    // `jiff::Timestamp` ends before 9999-12-31T23:59:59, which many schemas use for "never".
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| expected())?;
    let (time, offset) = pieces.time().zip(pieces.to_numeric_offset()).ok_or_else(expected)?;
    let offset = jiff::SignedDuration::from_secs(offset.seconds().into());
    let at = pieces.date().to_datetime(time).checked_sub(offset).map_err(|_| expected())?;
    // Year 0 and negative years do not sort as text and fit no column.
    if at.year() >= 1 { Ok(at.strftime(STORED).to_string()) } else { Err(expected()) }
}

/// The stored format of dates.
const STORED: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";

const STORED_DATE: usize = "2026-06-10T09:00:00.000000Z".len();

/// Formats a point in time in the stored date format.
#[must_use]
pub fn stored_date(at: jiff::Timestamp) -> String {
    PRINTER.timestamp_to_string(&at)
}

/// Prints what [`STORED`] describes, in a third of the time.
static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Formats a stored date for clients: with milliseconds unless it has more digits.
#[must_use]
pub fn shown_date(text: &str) -> String {
    match text.strip_suffix("000Z") {
        Some(short) if text.len() == STORED_DATE => {
            let mut shown = String::with_capacity(short.len() + 1);
            shown.push_str(short);
            shown.push('Z');
            shown
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_printed_in_the_stored_format() {
        let times = [
            "2026-06-10T09:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "0001-01-01T00:00:00.000001999Z",
            "9999-12-30T22:00:00.9Z",
        ];
        for text in times {
            let at: jiff::Timestamp = text.parse().expect("a time");
            assert_eq!(stored_date(at), at.strftime(STORED).to_string());
            assert_eq!(stored_date(at).len(), STORED_DATE);
        }
    }
}
