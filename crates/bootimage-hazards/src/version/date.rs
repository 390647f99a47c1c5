//! When an image was built, as far as its version says.

use std::fmt;

/// A calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// 2026
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Day {
    /// Reads the day at the start of `2026-02-10` or `2026-02-10T12:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        if !(rest.is_empty() || rest.starts_with('T')) {
            return None;
        }
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let well_formed = year.len() == 4 && month.len() == 2 && day.len() == 2;
        let day = Self {
            year: digits(year)?,
            month: digits(month)?,
            day: digits(day)?,
        };
        (well_formed && day.exists()).then_some(day)
    }

    /// Whether the calendar may have it; the length of months is not looked at.
    fn exists(self) -> bool {
        (1..=12).contains(&self.month) && (1..=31).contains(&self.day)
    }

    /// The same day so many years later.
    pub(crate) fn plus_years(self, years: u16) -> Self {
        Self {
            year: self.year.saturating_add(years),
            ..self
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// When an image was built: the year alone, the day, or the day with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Built {
    pub(crate) year: u16,
    /// Month and day.
    pub(crate) day: Option<(u8, u8)>,
    /// Four digits: hour and minute; `None` where the version has no time, or only the hour of it.
    pub(crate) time: Option<u16>,
}

impl Built {
    /// Reads `2025`, `20250122`, `2025012213` or `202501221327`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        /// Images of these systems were built in no other years.
        const YEARS: std::ops::RangeInclusive<u16> = 2018..=2099;
        let (year, rest) = text.split_at_checked(4)?;
        let year = digits(year).filter(|year| YEARS.contains(year))?;
        if rest.is_empty() {
            let (day, time) = (None, None);
            return Some(Self { year, day, time });
        }
        let (month, rest) = rest.split_at_checked(2)?;
        let (day, time) = rest.split_at_checked(2)?;
        let (month, day) = (digits(month)?, digits(day)?);
        Day { year, month, day }.exists().then_some(())?;
        let time = match time.len() {
            0 => None,
            2 => {
                digits::<u8>(time).filter(|hour| *hour < 24)?;
                None
            }
            4 => Some(digits::<u16>(time).filter(|time| time / 100 < 24 && time % 100 < 60)?),
            _ => return None,
        };
        Some(Self {
            year,
            day: Some((month, day)),
            time,
        })
    }

    /// The day, where it is known.
    pub(crate) fn day(self) -> Option<Day> {
        let (month, day) = self.day?;
        Some(Day {
            year: self.year,
            month,
            day,
        })
    }
}

/// A number of decimal digits alone.
pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_others_refused() {
        let cases = [
            ("2026-02-10", Some("2026-02-10")),
            ("2026-02-10T12:00:00.000Z", Some("2026-02-10")),
            ("2026-2-10", None),
            ("2026-13-10", None),
            ("2026-02-1x", None),
            ("2026-02-10 12", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = Day::parse(text).map(|day| day.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_build_date_is_a_date() {
        for text in ["2025", "20250122", "2025012213", "202501221327"] {
            assert!(Built::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "1999",
            "20251322",
            "20250100",
            "202501222460",
            "2025012",
            "2025012224",
            "20250122132700",
            "2025０122",
        ] {
            assert_eq!(Built::parse(text), None, "{text}");
        }
    }
}
