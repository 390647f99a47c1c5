//! How long is waited between attempts.

use std::time::Duration;

/// Nobody waits longer; times of this size can be added.
const LONGEST: Duration = Duration::from_hours(24);

/// The wait behind an attempt: `first` behind the first one, twice as long behind each later one.
/// Attempts are counted from 1.
pub fn doubled(first: Duration, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1));
    let wait = first.saturating_mul(factor.unwrap_or(u32::MAX));
    wait.min(LONGEST)
}

/// A random part of a wait, so that clients that were turned away together do not come back
/// together.
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_do_not_overflow() {
        let first = Duration::from_millis(400);
        let waits = [1, 2, 3].map(|attempt| doubled(first, attempt).as_millis());
        assert_eq!(waits, [400, 800, 1600]);
        assert_eq!(doubled(first, u32::MAX), LONGEST);
        assert_eq!(doubled(Duration::MAX, 1), LONGEST);
        assert!((0..100).all(|_| jittered(first) <= first));
    }
}
