#![doc = include_str!("../README.md")]

mod answer;
mod attempts;
pub mod config;
mod destination;
mod duration;
mod expression;
mod external;
mod file;
mod findings;
mod headers;
mod metrics;
mod origins;
mod path;
mod place;
mod query;
mod resources;
mod rule;
mod rules;
#[cfg(test)]
mod schema_tests;
mod selector;
mod series;
mod template;
mod upstream;
mod usage;
mod yaml_error;

pub use answer::{
    ExternalMetricValue, ExternalMetricValueList, MetricValueList, NodeMetrics, PodMetrics,
    cause_for_clients, internal_error, refused_query,
};
pub use attempts::{Attempts, Given};
pub use destination::{Destination, DestinationError, SeriesQuery};
pub use duration::{DURATION_UNITS, duration_millis};
pub use expression::{ResultLabels, Unreadable};
pub use external::{ExternalError, ExternalMetrics, ExternalValues, ResolvedExternal};
pub use file::{RuleFile, yaml_documents};
pub use findings::{
    At, Expected, Finding, KINDS, Kind, NOT_YAML, REFUSED, Severity, leaves_nothing,
};
pub use headers::HeaderError;
pub use metrics::{Items, MetricError, MetricInfo, Metrics, Remark, ResolvedQuery, Values};
pub use origins::Yield;
pub use path::{ApiPath, InvalidPath, ResourcePath, percent_decoded};
pub use place::{Embedded, Place};
pub use query::{ExternalQuery, InvalidQuery, MetricQuery, Objects, UsageQuery, is_object_name};
pub use resources::{GroupResource, Resource, RestMapper};
pub use rule::{LabelError, PromqlError, Rule, RuleError};
pub use rules::{ConfigError, Rules};
pub use selector::{Condition, ParseSelectorError, Requirement, Selector};
pub use series::{Sample, SeriesCollector, SeriesNames, TooManyNames};
pub use template::TemplateError;
pub use upstream::{ParseUrlError, Upstream, UpstreamError, parse_prometheus_url};
pub use usage::{
    Consumer, Consumers, Measure, Measured, UsageDocument, UsageError, UsageRules, of_namespaces,
};
pub use yaml_error::{YamlError, error_place, error_without_place};
