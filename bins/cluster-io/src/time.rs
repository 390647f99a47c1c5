//! What time it is, as Kubernetes' API writes it: RFC 3339 in UTC.

use jiff::Timestamp;

/// Now, in seconds: a `Time` of the API.
pub fn now() -> String {
    in_seconds(Timestamp::now())
}

/// Now, in microseconds: a `MicroTime` of the API, as Events and Leases have it.
pub fn now_in_microseconds() -> String {
    in_microseconds(Timestamp::now())
}

/// A moment in seconds: a `Time` of the API.
pub fn in_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn in_microseconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_length_that_the_api_expects() {
        let time = Timestamp::from_microsecond(1_700_000_000_000_042).unwrap();
        assert_eq!(in_seconds(time), "2023-11-14T22:13:20Z");
        assert_eq!(in_microseconds(time), "2023-11-14T22:13:20.000042Z");
        let whole = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(in_microseconds(whole), "2023-11-14T22:13:20.000000Z");
    }
}
