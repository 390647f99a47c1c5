//! Where EC2 and STS listen.

use http::Uri;
use http::uri::Scheme;

use crate::loopback::is_loopback;

/// DNS suffixes of the AWS partitions that are not under `amazonaws.com`, by the beginning of
/// their regions' names.
const SUFFIXES: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// The longest label that DNS allows.
const MAX_LABEL: usize = 63;

/// Where EC2 and STS listen, if not where AWS has them.
///
/// ```
/// use cluster_io::ec2::Endpoints;
///
/// let variable = |name: &str| match name {
///     "AWS_ENDPOINT_URL" => Some("http://localhost:5000".to_owned()),
///     _ => None,
/// };
/// let endpoints = Endpoints::from_environment(variable)?;
/// # Ok::<(), cluster_io::ec2::EndpointError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    ec2: Option<Uri>,
    sts: Option<Uri>,
}

/// A service that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    Sts,
}

/// Why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A variable holds no such URL. Its value is not repeated: it may hold a password.
    #[error(
        "{variable} is not an http or https URL with a host and without user, query or fragment"
    )]
    NoUrl {
        /// The variable.
        variable: &'static str,
    },
    /// Keys and answers would travel over plain http.
    #[error("{variable}: http is for this machine only (localhost, 127.0.0.1): use https")]
    PlainText {
        /// The variable.
        variable: &'static str,
    },
    /// A name that AWS would not give a region. It is part of the host that is asked.
    #[error("{region:?} is no name of an AWS region")]
    NoRegion {
        /// The name.
        region: String,
    },
}

impl Endpoints {
    /// Those that the environment names, of which `variable` tells: `AWS_ENDPOINT_URL_EC2`,
    /// `AWS_ENDPOINT_URL_STS`, for both `AWS_ENDPOINT_URL`.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EndpointError> {
        let url = |name: &'static str| match variable(name) {
            Some(value) if !value.trim().is_empty() => endpoint(name, value.trim()).map(Some),
            _ => Ok(None),
        };
        let both = url("AWS_ENDPOINT_URL")?;
        Ok(Self {
            ec2: url("AWS_ENDPOINT_URL_EC2")?.or_else(|| both.clone()),
            sts: url("AWS_ENDPOINT_URL_STS")?.or(both),
        })
    }

    /// Where a service listens for a region.
    pub(super) fn of(&self, service: Service, region: &str) -> Result<Uri, EndpointError> {
        let no_region = || EndpointError::NoRegion {
            region: region.to_owned(),
        };
        if !is_label(region) {
            return Err(no_region());
        }
        let (own, name) = match service {
            Service::Ec2 => (&self.ec2, "ec2"),
            Service::Sts => (&self.sts, "sts"),
        };
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let suffix = suffix(region);
        let url = format!("https://{name}.{region}.{suffix}/");
        url.parse().map_err(|_| no_region())
    }
}

fn suffix(region: &str) -> &'static str {
    let suffix = SUFFIXES
        .iter()
        .find(|(beginning, _)| region.starts_with(beginning));
    suffix.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// Anything else could lead a signed request to a host that is not of AWS.
fn is_label(region: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&region.len())
        && region.bytes().all(letters)
        && !region.starts_with('-')
        && !region.ends_with('-')
}

fn endpoint(variable: &'static str, url: &str) -> Result<Uri, EndpointError> {
    let no_url = EndpointError::NoUrl { variable };
    let Ok(uri) = url.parse::<Uri>() else {
        return Err(no_url);
    };
    let known = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let more = url.contains(['@', '?', '#']);
    if !(known && has_host && !more) {
        return Err(no_url);
    }
    let is_plain = uri.scheme() == Some(&Scheme::HTTP);
    if is_plain && !is_loopback(uri.host().unwrap_or_default()) {
        return Err(EndpointError::PlainText { variable });
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], service: Service, region: &str, expected: &str) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let shown = Endpoints::from_environment(variable)
            .and_then(|endpoints| endpoints.of(service, region))
            .map_or_else(|error| error.to_string(), |uri| uri.to_string());
        assert_eq!(shown, expected, "{variables:?} {region}");
    }

    #[test]
    fn w_12_every_partition_has_its_suffix() {
        let check = |region: &str, expected: &str| check(&[], Service::Ec2, region, expected);
        check("us-east-1", "https://ec2.us-east-1.amazonaws.com/");
        check("us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com/");
        check("cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn/");
        check("us-iso-east-1", "https://ec2.us-iso-east-1.c2s.ic.gov/");
        check(
            "us-isob-east-1",
            "https://ec2.us-isob-east-1.sc2s.sgov.gov/",
        );
        check(
            "us-isof-south-1",
            "https://ec2.us-isof-south-1.csp.hci.ic.gov/",
        );
        check(
            "eu-isoe-west-1",
            "https://ec2.eu-isoe-west-1.cloud.adc-e.uk/",
        );
        check("eusc-de-east-1", "https://ec2.eusc-de-east-1.amazonaws.eu/");
    }

    #[test]
    fn bi_261_sts_is_asked_in_the_same_region() {
        check(
            &[],
            Service::Sts,
            "eu-west-1",
            "https://sts.eu-west-1.amazonaws.com/",
        );
    }

    #[test]
    fn a_region_leads_to_no_other_host() {
        for region in [
            "",
            "a.evil.example/",
            "x@y",
            "US-EAST-1",
            "-a",
            "a-",
            "é",
            "a b",
            "a\n",
        ] {
            let expected = format!("{region:?} is no name of an AWS region");
            check(&[], Service::Ec2, region, &expected);
            check(
                &[("AWS_ENDPOINT_URL", "https://a")],
                Service::Ec2,
                region,
                &expected,
            );
        }
        assert!(!is_label(&"a".repeat(64)));
    }

    #[test]
    fn the_environment_may_name_endpoints() {
        let both = ("AWS_ENDPOINT_URL", "http://localhost:5000");
        let ec2 = ("AWS_ENDPOINT_URL_EC2", "https://ec2.example/a");
        let sts = ("AWS_ENDPOINT_URL_STS", "https://sts.example");
        let own = "http://localhost:5000/";
        check(&[both], Service::Ec2, "a-1", own);
        check(&[both], Service::Sts, "a-1", own);
        check(&[both, ec2], Service::Ec2, "a-1", "https://ec2.example/a");
        check(&[both, ec2], Service::Sts, "a-1", own);
        check(&[sts], Service::Sts, "a-1", "https://sts.example/");
        check(
            &[sts],
            Service::Ec2,
            "a-1",
            "https://ec2.a-1.amazonaws.com/",
        );
        check(
            &[("AWS_ENDPOINT_URL", " ")],
            Service::Ec2,
            "a-1",
            "https://ec2.a-1.amazonaws.com/",
        );
        let plain =
            "AWS_ENDPOINT_URL: http is for this machine only (localhost, 127.0.0.1): use https";
        for url in [
            "http://a",
            "http://10.0.0.1:80",
            "http://localhost.example/",
        ] {
            check(&[("AWS_ENDPOINT_URL", url)], Service::Ec2, "a-1", plain);
        }
        let bad = "AWS_ENDPOINT_URL is not an http or https URL with a host and without user, \
                   query or fragment";
        for url in [
            "localhost",
            "ftp://a",
            "/a",
            "http://u:pw@a",
            "http://a?b",
            "http://",
            "é",
        ] {
            check(&[("AWS_ENDPOINT_URL", url)], Service::Ec2, "a-1", bad);
        }
    }
}
