//! Bounds of the table: `rhcos >=4.13 <4.15`, `okd >=4.22.0-okd-scos.6`, and what is inside them.

use std::cmp::Ordering;

use crate::version::Distribution;
use crate::{BootImageVersion, ClusterRelease, Day, Release};

/// Whether something lies inside bounds. In this order a conjunction is the least of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It does not.
    No,
    /// What would have to be compared is not known.
    Unknown,
    /// It is a range, and a part of it does.
    Possible,
    /// It does.
    Yes,
}

/// A text that is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no bound")]
pub struct BoundError(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// `>=4.13`. A value with fewer numbers than what is compared with it looks at no more numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limit {
    operator: Operator,
    value: Vec<u64>,
    /// The value as it is written.
    text: String,
}

/// What is compared: every number sequence from `low` to `high`; open where there is no `high`.
struct Range {
    low: Vec<u64>,
    high: Option<Vec<u64>>,
}

impl Range {
    fn one(value: Vec<u64>) -> Self {
        Self {
            low: value.clone(),
            high: Some(value),
        }
    }
}

impl Limit {
    fn parse(text: &str) -> Option<Self> {
        let operators = [
            (">=", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
        ];
        let (value, operator) = operators
            .into_iter()
            .find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, operator)))?;
        let numbers = value.replace("-okd-scos", "");
        let numbers = numbers.split(['.', '-']).map(|part| part.parse().ok());
        Some(Self {
            operator,
            value: numbers.collect::<Option<_>>()?,
            text: value.to_owned(),
        })
    }

    fn fit(&self, range: &Range) -> Fit {
        let value = self.value.as_slice();
        let low = resized(&range.low, value.len(), 0);
        let high = range
            .high
            .as_ref()
            .map(|high| resized(high, value.len(), u64::MAX));
        // Whether all of the range lies below or above something.
        let high_is = |test: fn(&[u64], &[u64]) -> bool| {
            high.as_deref().is_some_and(|high| test(high, value))
        };
        let low = low.as_slice();
        let (all, none) = match self.operator {
            Operator::Less => (high_is(|high, value| high < value), low >= value),
            Operator::LessOrEqual => (high_is(|high, value| high <= value), low > value),
            Operator::GreaterOrEqual => (low >= value, high_is(|high, value| high < value)),
            Operator::Greater => (low > value, high_is(|high, value| high <= value)),
            Operator::Equal => (
                low == value && high_is(|high, value| high == value),
                low > value || high_is(|high, value| high < value),
            ),
        };
        match (all, none) {
            (true, _) => Fit::Yes,
            (_, true) => Fit::No,
            _ => Fit::Possible,
        }
    }
}

fn resized(numbers: &[u64], length: usize, fill: u64) -> Vec<u64> {
    let mut numbers = numbers.to_vec();
    numbers.resize(length, fill);
    numbers
}

fn limits<'t>(words: impl Iterator<Item = &'t str>) -> Option<Vec<Limit>> {
    let mut words = words.peekable();
    if words.next_if_eq(&"any").is_some() {
        return words.next().is_none().then(Vec::new);
    }
    let limits: Vec<_> = words.map(Limit::parse).collect::<Option<_>>()?;
    (!limits.is_empty()).then_some(limits)
}

fn all(limits: &[Limit], range: &Range) -> Fit {
    limits
        .iter()
        .map(|limit| limit.fit(range))
        .min()
        .unwrap_or(Fit::Yes)
}

/// What an image is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// Any image.
    Any,
    /// Release of OpenShift or OKD, of images of one distribution.
    Release(Distribution),
    /// Release of Fedora.
    Fedora,
    /// Version of RHEL or CentOS Stream.
    Rhel,
    /// The numbers of the build.
    Build,
    /// Older than the image that the cluster's own release would boot.
    OlderThanRelease,
    /// Years since it was built.
    Age,
}

/// Which images a case of a hazard is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageBound {
    axis: Axis,
    limits: Vec<Limit>,
}

/// What an image is compared with.
pub(crate) struct ComparedWith<'a> {
    pub(crate) cluster: Option<&'a ClusterRelease>,
    pub(crate) release_image: Option<&'a BootImageVersion>,
    pub(crate) today: Option<Day>,
}

impl ImageBound {
    pub(crate) fn parse(text: &str) -> Result<Self, BoundError> {
        let error = || BoundError(text.to_owned());
        let mut words = text.split(' ');
        let axis = match words.next().unwrap_or_default() {
            "any" => Axis::Any,
            "rhcos" => Axis::Release(Distribution::Rhcos),
            "scos" => Axis::Release(Distribution::Scos),
            "fcos" => Axis::Fedora,
            "rhel" => Axis::Rhel,
            "build" => Axis::Build,
            "older-than-release" => Axis::OlderThanRelease,
            "age" => Axis::Age,
            _ => return Err(error()),
        };
        let limits = match axis {
            Axis::Any | Axis::OlderThanRelease => words.next().is_none().then(Vec::new),
            _ => limits(words),
        };
        let limits = limits.ok_or_else(error)?;
        Ok(Self { axis, limits })
    }

    /// Whether it is about every image, so that nothing has to be known of it.
    pub(crate) fn is_any(&self) -> bool {
        self.axis == Axis::Any
    }

    pub(crate) fn fit(&self, version: &BootImageVersion, with: &ComparedWith<'_>) -> Fit {
        match self.axis {
            Axis::Any => Fit::Yes,
            Axis::Release(distribution) => self.release(version, distribution),
            Axis::Fedora => match version.fedora() {
                Some(fedora) => all(&self.limits, &Range::one(vec![fedora.into()])),
                None => Fit::No,
            },
            Axis::Rhel => self.rhel(version),
            Axis::Build => {
                let numbers = version.numbers().to_vec();
                let range = Range {
                    low: numbers.clone(),
                    high: Some(numbers),
                };
                all(&self.limits, &range)
            }
            Axis::OlderThanRelease => older_than_release(version, with),
            Axis::Age => self.age(version, with.today),
        }
    }

    fn release(&self, version: &BootImageVersion, distribution: Distribution) -> Fit {
        if version.distribution() != distribution {
            return Fit::No;
        }
        if self.limits.is_empty() {
            return Fit::Yes;
        }
        let Ok(releases) = version.releases() else {
            return Fit::Unknown;
        };
        let numbers = |release: Release| vec![release.major.into(), release.minor.into()];
        let range = Range {
            low: numbers(releases.from),
            high: releases.to.map(numbers),
        };
        all(&self.limits, &range)
    }

    fn rhel(&self, version: &BootImageVersion) -> Fit {
        if version.distribution() == Distribution::Fcos {
            return Fit::No;
        }
        let Some(os) = version.os() else {
            return Fit::Unknown;
        };
        let major = u64::from(os.major);
        let range = match os.minor {
            Some(minor) => Range::one(vec![major, minor.into()]),
            None => Range::one(vec![major]),
        };
        all(&self.limits, &range)
    }

    fn age(&self, version: &BootImageVersion, today: Option<Day>) -> Fit {
        let (Some(built), Some(today)) = (version.built(), today) else {
            return Fit::Unknown;
        };
        let years = (1..=u16::MAX)
            .take_while(|years| built.plus_years(*years) <= today)
            .count();
        all(
            &self.limits,
            &Range::one(vec![years.try_into().unwrap_or(u64::MAX)]),
        )
    }
}

/// Compared with the image of the release; without it, by the releases of both.
fn older_than_release(version: &BootImageVersion, with: &ComparedWith<'_>) -> Fit {
    if let Some(newest) = with.release_image {
        // Distributions among each other have an order for lists alone.
        if version.distribution() != newest.distribution() {
            return Fit::Unknown;
        }
        return match version.order_as_far_as_known(newest) {
            Some(Ordering::Less) => Fit::Yes,
            Some(Ordering::Equal | Ordering::Greater) => Fit::No,
            None => Fit::Possible,
        };
    }
    let (Ok(releases), Some(cluster)) = (version.releases(), with.cluster) else {
        return Fit::Unknown;
    };
    if cluster.is_okd == (version.distribution() == Distribution::Rhcos) {
        return Fit::Unknown;
    }
    let numbers = |release: Release| vec![release.major.into(), release.minor.into()];
    let range = Range {
        low: numbers(releases.from),
        high: releases.to.map(numbers),
    };
    let fit = |operator| {
        let release = cluster.release();
        let limit = Limit {
            operator,
            value: numbers(release),
            text: release.to_string(),
        };
        limit.fit(&range)
    };
    match fit(Operator::Less) {
        // Of the same release, and perhaps an older build of it.
        Fit::No if fit(Operator::LessOrEqual) != Fit::No => Fit::Possible,
        fit => fit,
    }
}

/// Which clusters a case of a hazard is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterBound {
    /// OKD alone, or OpenShift Container Platform alone.
    okd: Option<bool>,
    limits: Vec<Limit>,
}

impl ClusterBound {
    pub(crate) fn parse(text: &str) -> Result<Self, BoundError> {
        let mut words = text.split(' ').peekable();
        let okd = match words.peek() {
            Some(&"okd") => Some(true),
            Some(&"ocp") => Some(false),
            _ => None,
        };
        if okd.is_some() {
            words.next();
        }
        let limits = limits(words).ok_or_else(|| BoundError(text.to_owned()))?;
        Ok(Self { okd, limits })
    }

    pub(crate) fn fit(&self, cluster: Option<&ClusterRelease>) -> Fit {
        let Some(cluster) = cluster else {
            return if self.okd.is_none() && self.limits.is_empty() {
                Fit::Yes
            } else {
                Fit::Unknown
            };
        };
        if !self.is_for(cluster) {
            return Fit::No;
        }
        let version = cluster.version;
        let mut numbers = vec![version.major, version.minor, version.patch];
        numbers.extend(cluster.scos_build);
        all(&self.limits, &Range::one(numbers))
    }

    fn is_for(&self, cluster: &ClusterRelease) -> bool {
        self.okd.is_none_or(|okd| okd == cluster.is_okd)
    }

    /// The release from which on all are inside, in numbers and as it is written; `None` where a
    /// later one is outside again.
    pub(crate) fn since(&self, cluster: &ClusterRelease) -> Option<(&[u64], &str)> {
        match self.limits.as_slice() {
            [limit] if limit.operator == Operator::GreaterOrEqual && self.is_for(cluster) => {
                Some((&limit.value, &limit.text))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: &str, version: &str, expected: Fit) {
        let version = BootImageVersion::parse(version).unwrap();
        let cluster = ClusterRelease::parse("4.20.3");
        let with = ComparedWith {
            cluster: cluster.as_ref(),
            release_image: None,
            today: Day::parse("2026-11-30"),
        };
        let found = ImageBound::parse(bound).unwrap().fit(&version, &with);
        assert_eq!(found, expected, "{bound} {version}");
    }

    #[test]
    fn a_bound_inside_the_range_of_an_image_is_possible() {
        let rhcos_9_6 = "9.6.20250523-0";
        check("rhcos <4.19", rhcos_9_6, Fit::No);
        check("rhcos <4.20", rhcos_9_6, Fit::Possible);
        check("rhcos <4.22", rhcos_9_6, Fit::Yes);
        check("rhcos >=4.19", rhcos_9_6, Fit::Yes);
        check("rhcos >=4.21", rhcos_9_6, Fit::Possible);
        check("rhcos >=4.22", rhcos_9_6, Fit::No);
        check("rhcos =4.20", rhcos_9_6, Fit::Possible);
        check("rhcos >4.19 <4.21", rhcos_9_6, Fit::Possible);
        check("rhcos <=4.21", rhcos_9_6, Fit::Yes);
        check("scos >=4.30", "10.0.20251103-0", Fit::Possible);
        check("rhel <9.6", "9.0.20250510-0", Fit::Possible);
        check("rhel >=9.0 <10.0", "9.0.20250510-0", Fit::Yes);
    }

    #[test]
    fn each_axis_looks_at_its_own_images() {
        check("rhcos any", "418.94.202501221327-0", Fit::Yes);
        check("rhcos any", "9.0.20250510-0", Fit::No);
        check("scos any", "9.0.20250510-0", Fit::Yes);
        check("fcos <=38", "38.20230414.3.0", Fit::Yes);
        check("fcos >=39", "38.20230414.3.0", Fit::No);
        check("fcos any", "9.0.20250510-0", Fit::No);
        check("rhcos <4.13", "9.4.20250101-0", Fit::Unknown);
        check("rhel <9.6", "9.4.20250101-0", Fit::Yes);
        check("rhel <9.6", "4.22.2026031114", Fit::Unknown);
        check("any", "4.22.2026031114", Fit::Yes);
        check("age >=2", "418.94.202501221327-0", Fit::No);
        check("age >=2", "416.94.202411291327-0", Fit::Yes);
        check("age >=2", "9.6.2025", Fit::Unknown);
        check(
            "build >=414.92.0 <414.92.202310170514-0",
            "414.92.202310170514-0",
            Fit::No,
        );
        check(
            "build >=414.92.0 <414.92.202310170514-0",
            "414.92.202310160514-0",
            Fit::Yes,
        );
        check("build =9.6.20250826", "9.6.20250826-1", Fit::Yes);
        check("older-than-release", "418.94.202501221327-0", Fit::Yes);
        check("older-than-release", "9.6.20250523-0", Fit::Possible);
        check("older-than-release", "9.8.20260403-0", Fit::No);
        check("older-than-release", "38.20230414.3.0", Fit::Unknown);
    }

    #[test]
    fn a_version_that_says_less_is_not_older_for_that() {
        let check = |version: &str, newest: &str, expected: Fit| {
            let version = BootImageVersion::parse(version).unwrap();
            let newest = BootImageVersion::parse(newest).unwrap();
            let with = ComparedWith {
                cluster: None,
                release_image: Some(&newest),
                today: None,
            };
            let found = older_than_release(&version, &with);
            assert_eq!(found, expected, "{version} and {newest}");
        };
        check("9.6.20251015", "9.6.20251015-1", Fit::Possible);
        check("9.6.2025", "9.6.20251015-1", Fit::Possible);
        check("9.6.2024", "9.6.20251015-1", Fit::Yes);
        check("9.6.20251014", "9.6.20251015-1", Fit::Yes);
        check("9.6.20251016", "9.6.20251015-1", Fit::No);
        check("9.6.20251015-1", "9.6.20251015-1", Fit::No);
        check("9.6.20251015-0", "9.6.20251015-1", Fit::Yes);
        check("418.94.20250122", "418.94.202501221327-0", Fit::Possible);
        check("418.94.20250121", "418.94.202501221327-0", Fit::Yes);
        check("418.94.202501221327-0", "9.6.20251015-1", Fit::Yes);
        check("4.18.2025012213", "418.94.202501221327-0", Fit::Possible);
        check("9.0.20250510-0", "9.6.20251015-1", Fit::Unknown);
        check("38.20230414.3.0", "10.0.20251103-0", Fit::Unknown);
    }

    fn check_cluster(bound: &str, release: &str, expected: Fit) {
        let cluster = ClusterRelease::parse(release).unwrap();
        let found = ClusterBound::parse(bound).unwrap().fit(Some(&cluster));
        assert_eq!(found, expected, "{bound} {release}");
    }

    #[test]
    fn clusters_are_inside_or_not() {
        check_cluster(">=4.22", "4.22.0-rc.1", Fit::Yes);
        check_cluster(">=4.16.0 <4.17.34", "4.17.33", Fit::Yes);
        check_cluster(">=4.16.0 <4.17.34", "4.17.34", Fit::No);
        check_cluster("<4.20", "4.19.21", Fit::Yes);
        check_cluster("okd <4.20", "4.19.21", Fit::No);
        check_cluster("ocp >=4.22", "5.0.0", Fit::Yes);
        check_cluster("okd any", "4.19.0-okd-scos.1", Fit::Yes);
        check_cluster("okd =4.19.0-okd-scos.1", "4.19.0-okd-scos.1", Fit::Yes);
        check_cluster("okd =4.19.0-okd-scos.1", "4.19.0-okd-scos.10", Fit::No);
        check_cluster(
            "okd >=4.22.0-okd-scos.6",
            "4.22.0-okd-scos.ec.3",
            Fit::Possible,
        );
    }

    #[test]
    fn what_is_no_bound_is_an_error() {
        for text in [
            "",
            "rhcos",
            "rhcos 4.13",
            "rhcos <x",
            "any <1",
            "rhcos any <1",
            "ubuntu any",
        ] {
            assert!(ImageBound::parse(text).is_err(), "{text}");
        }
        for text in ["", "okd", "4.13", "okd <", "rhcos any"] {
            assert!(ClusterBound::parse(text).is_err(), "{text}");
        }
    }
}
