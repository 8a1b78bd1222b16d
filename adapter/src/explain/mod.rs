//! `setpoint-adapter explain`: how a request is answered. The answer is made as the server makes it, and what it is made
//! of is shown.

mod objects;
mod recorder;
mod shown;

use std::process::ExitCode;
use std::sync::Arc;

use kube::Client;
use setpoint_metrics_api::{custom, external, resource};
use setpoint_rules::{
    ApiPath, At, ExternalQuery, MetricQuery, MetricValueList, Objects, ResourcePath, RuleFile,
    UsageQuery,
};

use crate::args::ExplainArgs;
use crate::check::{Checked, Discovered, Unanswered, discover_by, resources};
use crate::custom::CustomMetrics;
use crate::external::ExternalMetrics;
use crate::kubernetes::{ANSWER_TIMEOUT, object_names, unfollowed_client};
use crate::metrics::RuleEvents;
use crate::provider::{
    CustomMetricsProvider as _, ExternalMetricsProvider as _, ProviderError, UsageProvider as _,
};
use crate::queries::Queries;
use crate::registry::{Registry, Snapshot};
use crate::usage::ObjectUsage;
use recorder::{Asked, Recorder};
use shown::Shown;

/// Answers a request and shows how; the exit code says whether there are values.
pub(crate) async fn run(args: &ExplainArgs) -> ExitCode {
    match explained(args).await {
        Ok(shown) => {
            anstream::print!("{}", shown.text);
            ExitCode::from(shown.exit_code())
        }
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// What answers a request.
struct Explained {
    rules: RuleFile,
    path: String,
    /// Rules whose metrics aren't known.
    unanswered: Vec<Unanswered>,
    registry: Arc<Registry>,
    recorder: Arc<Recorder>,
    queries: Queries,
    kubernetes: Client,
    /// Whether it is known which objects there are.
    has_objects: bool,
}

async fn explained(args: &ExplainArgs) -> anyhow::Result<Shown> {
    let (path, query_string) = args.path.split_once('?').unwrap_or((&args.path, ""));
    let ApiPath::Resource(path) = ApiPath::parse(path)? else {
        anyhow::bail!(
            "{path} is no path of a metric, such as /apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/http_requests"
        );
    };
    let explained = Explained::new(args).await?;
    match path.group.as_str() {
        custom::GROUP => explained.custom(&path, query_string).await,
        external::GROUP => explained.external(&path, query_string).await,
        resource::GROUP => explained.usage(&path, query_string).await,
        group => anyhow::bail!("the adapter serves no group {group}"),
    }
}

const NO_OBJECTS: &str = "the request is for objects of a cluster: name it by --lister-kubeconfig, or the objects by --object";

impl Explained {
    async fn new(args: &ExplainArgs) -> anyhow::Result<Self> {
        let mut file = Checked::of(&args.config)?;
        let mapper = Arc::new(resources(&args.upstream).await?);
        let prometheus = args
            .upstream
            .prometheus(args.prometheus_url.clone(), args.at)?;
        if let Some(rules) = &file.rules {
            args.upstream.check_upstreams([rules])?;
            prometheus.replace(rules.rules().upstreams())?;
        }
        let recorder = Arc::new(Recorder::new(Arc::new(prometheus)));
        let max_age = args.upstream.metrics_max_age;
        let discovered = discover_by(&mut file, &*recorder, mapper.clone(), max_age).await;
        let config = args.config.display().to_string();
        let (Some(rules), Some(discovered)) = (file.rules, discovered) else {
            let first = file.findings.first().map(ToString::to_string);
            let first = first.unwrap_or_default();
            anyhow::bail!("{config} has no rules that can be used: {first}");
        };
        let Discovered {
            custom,
            external,
            unanswered,
            ..
        } = discovered;
        let kubernetes = match &args.upstream.lister_kubeconfig {
            Some(kubeconfig) => unfollowed_client(kubeconfig).await?,
            None => objects::named(&args.object),
        };
        let snapshot = Snapshot {
            custom,
            external,
            usage: rules.rules().usage().cloned(),
            mapper,
        };
        let registry = Registry::of(snapshot, recorder.clone(), kubernetes.clone());
        Ok(Self {
            path: config,
            rules,
            unanswered,
            registry: Arc::new(registry),
            queries: Queries::new(recorder.clone(), RuleEvents::default()),
            recorder,
            kubernetes,
            has_objects: args.upstream.lister_kubeconfig.is_some() || !args.object.is_empty(),
        })
    }

    async fn custom(&self, path: &ResourcePath, query_string: &str) -> anyhow::Result<Shown> {
        let versions = MetricValueList::VERSIONS;
        anyhow::ensure!(
            versions.contains(&path.version.as_str()),
            "{} has the versions {}",
            custom::GROUP,
            versions.join(" and ")
        );
        let query = MetricQuery::new(path, query_string)?;
        let mut shown = Shown::default();
        let snapshot = self.registry.snapshot();
        let candidates = match snapshot.custom.resolve(&query) {
            Ok(candidates) => candidates,
            Err(error) => {
                self.expect_series("rules")?;
                shown.fails(&error.into());
                shown.known(snapshot.custom.iter(), &query.metric);
                return Ok(shown);
            }
        };
        shown.unanswered(&self.path, &self.unanswered);
        let names = match (&query.objects, candidates.first()) {
            (Objects::Named(name), _) => vec![name.clone()],
            (Objects::Selected(_), _) if !self.has_objects => anyhow::bail!(NO_OBJECTS),
            (Objects::Selected(selector), Some(candidate)) => {
                let (client, resource) = (&self.kubernetes, candidate.resource());
                let namespace = query.namespace.as_deref();
                let names = object_names(client, resource, namespace, selector, ANSWER_TIMEOUT);
                let names = names.await;
                names.map_err(|error| ProviderError::list(resource, error))?
            }
            (Objects::Selected(_), None) => Vec::new(),
        };
        shown.line(format!("objects: {}", shown::names(&names)));
        let provider = CustomMetrics::new(
            self.registry.clone(),
            self.queries.clone(),
            self.kubernetes.clone(),
            ANSWER_TIMEOUT,
        );
        let (answer, asked) = self.recorded(provider.values(&query)).await;
        for candidate in &candidates {
            shown.rule(&self.place("rules", candidate.rule().position()));
            shown.of_rule(candidate.rule());
            match candidate.promql(&names) {
                Err(error) => shown.fails(&error.into()),
                Ok(promql) => {
                    let to = candidate.asks()?;
                    let asked = asked
                        .iter()
                        .find(|asked| asked.promql == promql && asked.to == to);
                    shown.asked(&promql, asked);
                    if let Some(asked) = asked {
                        shown.remarks(candidate, &names, asked);
                    }
                }
            }
        }
        let version = path.version.as_str();
        let answer = answer.map(|values| MetricValueList::new(version, values));
        shown.answer(answer.map(shown::items));
        Ok(shown)
    }

    async fn external(&self, path: &ResourcePath, query_string: &str) -> anyhow::Result<Shown> {
        let query = ExternalQuery::new(path, query_string)?;
        let mut shown = Shown::default();
        let snapshot = self.registry.snapshot();
        let candidates = match snapshot.external.resolve(&query) {
            Ok(candidates) => candidates,
            Err(error) => {
                self.expect_series("externalRules")?;
                shown.fails(&error.into());
                shown.known(snapshot.external.iter(), &query.metric);
                return Ok(shown);
            }
        };
        shown.unanswered(&self.path, &self.unanswered);
        let provider = ExternalMetrics::new(self.registry.clone(), self.queries.clone());
        let (answer, asked) = self.recorded(provider.values(&query)).await;
        for candidate in &candidates {
            shown.rule(&self.place("externalRules", candidate.rule().position()));
            shown.of_rule(candidate.rule());
            match candidate.promql() {
                Err(error) => shown.fails(&error.into()),
                Ok(promql) => {
                    let to = candidate.asks()?;
                    let asked = asked
                        .iter()
                        .find(|asked| asked.promql == promql && asked.to == to);
                    shown.asked(&promql, asked);
                }
            }
        }
        shown.answer(answer);
        Ok(shown)
    }

    async fn usage(&self, path: &ResourcePath, query_string: &str) -> anyhow::Result<Shown> {
        let query = UsageQuery::new(path, query_string)?;
        anyhow::ensure!(self.has_objects, NO_OBJECTS);
        let provider = ObjectUsage::new(
            self.registry.clone(),
            self.queries.clone(),
            self.kubernetes.clone(),
            ANSWER_TIMEOUT,
        );
        let asked = async {
            match query.resource {
                "nodes" => provider.nodes(&query).await.map(shown::documents),
                _ => provider.pods(&query).await.map(shown::documents),
            }
        };
        let (answer, asked) = self.recorded(asked).await;
        let mut shown = Shown::default();
        shown.rule(&format!("{}: resourceRules", self.path));
        if let Some(rules) = self.rules.rules().usage() {
            shown.upstream(rules.upstream(), rules.header_names());
        }
        for asked in asked {
            shown.asked(&asked.promql, Some(&asked));
        }
        shown.answer(answer);
        Ok(shown)
    }

    /// An answer, and what Prometheus was asked for it.
    async fn recorded<T>(&self, answer: impl Future<Output = T>) -> (T, Vec<Asked>) {
        let before = self.recorder.asked().len();
        let answer = answer.await;
        (answer, self.recorder.asked().split_off(before))
    }

    /// Fails where the series of rules of a list aren't known: a metric that isn't found may be theirs.
    fn expect_series(&self, list: &str) -> anyhow::Result<()> {
        let of_list = |rule: &&Unanswered| rule.list == list;
        let mut rules = self.unanswered.iter().filter(of_list);
        let Some(first) = rules.next() else {
            return Ok(());
        };
        let (path, (line, column)) = (&self.path, first.place);
        let further = match rules.count() {
            0 => String::new(),
            count => format!(" (and so it is with {count} more)"),
        };
        anyhow::bail!(
            "it isn't known whether there is such a metric, because Prometheus doesn't give the series of a rule: {path}:{line}:{column}: {first}{further}"
        );
    }

    /// Where a rule stands.
    fn place(&self, list: &'static str, position: usize) -> String {
        let (line, column) = self.rules.place(&At::rule(list, position, "metricsQuery"));
        format!("{}:{line}:{column}: {list}[{position}]", self.path)
    }
}

#[cfg(test)]
mod tests;
