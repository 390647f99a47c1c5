//! The log: lines on standard error.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::flags::{LogFormat, LogLevel};

/// Libraries whose lines below a warning are left out at every level: they may show what was sent
/// and received, and that may be a Secret.
const QUIET: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "kube",
    "kube_client",
    "rustls",
    "tokio_rustls",
    "tower",
];

/// Sends everything that is logged from now on to standard error. The second call does nothing.
pub fn init(format: LogFormat, level: LogLevel) {
    let quiet = QUIET.iter().map(|target| (*target, LevelFilter::WARN));
    let filter = Targets::new()
        .with_default(LevelFilter::from(level))
        .with_targets(quiet.map(|(target, most)| (target, most.min(level.into()))));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .ok();
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}
