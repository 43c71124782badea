//! Moments as the services write them.

use jiff::Timestamp;
use serde_json::Value;

/// Writes a moment as the query services do, such as `2026-01-02T03:04:05Z`.
pub(crate) fn iso(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or_default();
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

/// Writes a moment as EC2 does, with milliseconds.
pub(crate) fn iso_millis(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or_default();
    let stamp = Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{stamp:.3}")
}

/// Writes a moment as the JSON services do: seconds since the epoch.
pub(crate) fn seconds(ms: u64) -> Value {
    let whole = ms / 1000;
    serde_json::from_str(&format!("{whole}.{:03}", ms % 1000)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(iso(1_767_323_045_678), "2026-01-02T03:04:05Z");
        assert_eq!(iso_millis(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
        assert_eq!(iso_millis(1_767_323_045_000), "2026-01-02T03:04:05.000Z");
        assert_eq!(seconds(1_500).to_string(), "1.5");
    }
}
