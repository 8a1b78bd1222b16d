//! Where a value is lost between the sample application and the HPA: each hop is asked for what it has.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use setpoint_cluster::Target;
use setpoint_support::error_chain;
use tokio::time::timeout;

use super::application::{Application, Given};
use super::arrival::values;
use super::{Installed, PORT, PrometheusService};
use crate::outcome::Hop;
use crate::prometheus::encoded;
use crate::report::shortened;
use crate::request::{Identity, Limit, Question, ask_over};
use crate::sample_app::COUNTER_TOTAL;

/// Where the sample application shows its metrics.
const METRICS_PATH: &str = "/metrics";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Application {
    /// What each hop has of a value, from the application to the HPA.
    pub(super) async fn hops(&self, given: &Given, ready: &[String]) -> Vec<Hop> {
        let Installed { prometheus, .. } = &self.installed;
        let client = self.cluster.client();
        let gauge = self.installed.gauge.as_deref();
        let gauge = gauge.unwrap_or(&given.metric);
        let hop = async |at: &'static str, seen: Seen<'_>| {
            let seen = timeout(self.timeouts.evidence, seen).await;
            let seen = match seen {
                Ok(Ok(seen)) => seen,
                Ok(Err(error)) => error_chain(&*error),
                Err(_) => "no answer in time".to_owned(),
            };
            let seen = shortened(&seen.replace('\n', " "));
            Hop { at, seen }
        };
        let hops = tokio::join!(
            hop("the application", Box::pin(self.shown(given, ready, gauge))),
            hop(
                "Prometheus",
                Box::pin(series(
                    &client,
                    prometheus.as_ref(),
                    &given.namespace,
                    gauge
                ))
            ),
            hop("discovery", Box::pin(self.discovered(given))),
            hop("value", Box::pin(self.answered(given))),
            hop("the HPA", Box::pin(hpas(&client, &given.namespace))),
        );
        let (application, prometheus, discovery, value, hpa) = hops;
        vec![application, prometheus, discovery, value, hpa]
    }

    /// What the application itself shows.
    async fn shown(
        &self,
        given: &Given,
        ready: &[String],
        gauge: &str,
    ) -> Result<String, BoxError> {
        let Some(pod) = ready.first() else {
            return Ok(format!("no pod with {} is ready", given.labels()));
        };
        let target = Target::Pod {
            namespace: given.namespace.clone(),
            name: pod.clone(),
        };
        let stream = self.cluster.connect(&target, PORT).await?;
        let question = Question {
            method: http::Method::GET,
            path: METRICS_PATH.to_owned(),
            headers: Default::default(),
            identity: Identity::Nobody,
        };
        let limit = Limit::of(self.timeouts.evidence);
        let answer = ask_over(stream, "pod", &question, limit).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let is_ours = |line: &&str| {
            let name = line.split(' ').next();
            name == Some(gauge) || name == Some(COUNTER_TOTAL)
        };
        let lines: Vec<&str> = text.lines().filter(is_ours).collect();
        Ok(format!(
            "{pod} shows `{}` at {METRICS_PATH}",
            lines.join("`, `")
        ))
    }

    async fn discovered(&self, given: &Given) -> Result<String, BoxError> {
        let version = self.version().await?;
        let list = self.get(&super::application::root(&version)).await?;
        let names: Vec<&str> = list["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|resource| resource["name"].as_str())
            .collect();
        let wanted = format!("pods/{}", given.metric);
        Ok(if names.contains(&wanted.as_str()) {
            format!("{wanted} is served")
        } else {
            let of_pods = names.iter().filter(|name| name.starts_with("pods/"));
            format!(
                "{wanted} is not served; {} metrics are, {} of pods",
                names.len(),
                of_pods.count()
            )
        })
    }

    async fn answered(&self, given: &Given) -> Result<String, BoxError> {
        let list = self.values(given).await?;
        let values = values(&list);
        if values.is_empty() {
            return Ok("the adapter answers with no value".to_owned());
        }
        let values = values.iter();
        let values: Vec<String> = values
            .map(|(pod, value)| format!("{pod} {value}"))
            .collect();
        Ok(values.join(", "))
    }
}

/// The text of a hop, as it is asked for.
type Seen<'a> = std::pin::Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + 'a>>;

/// What the cluster's Prometheus has, where one was named.
async fn series(
    client: &Client,
    prometheus: Option<&PrometheusService>,
    namespace: &str,
    gauge: &str,
) -> Result<String, BoxError> {
    let Some(PrometheusService {
        namespace: of,
        name,
        port,
    }) = prometheus
    else {
        return Ok("not asked; --prometheus NAMESPACE/SERVICE names one".to_owned());
    };
    let queries = [
        ("targets up", format!("up{{namespace=\"{namespace}\"}}")),
        (
            "series",
            format!("{{__name__=~\"{gauge}|{COUNTER_TOTAL}\",namespace=\"{namespace}\"}}"),
        ),
    ];
    let mut seen = Vec::new();
    for (what, query) in queries {
        let path = format!(
            "/api/v1/namespaces/{of}/services/{name}:{port}/proxy/api/v1/query?query={}",
            encoded(&query)
        );
        let request = http::Request::get(path).body(Vec::new())?;
        let answer: Value = client.request(request).await?;
        let result = answer["data"]["result"].as_array();
        let elements = result.into_iter().flatten().map(|element| {
            let name = element["metric"]["__name__"].as_str().unwrap_or_default();
            let pod = element["metric"]["pod"].as_str().unwrap_or_default();
            let value = element["value"][1].as_str().unwrap_or_default();
            format!("{name}{{pod=\"{pod}\"}} {value}")
        });
        let elements: Vec<String> = elements.collect();
        seen.push(if elements.is_empty() {
            format!("no {what} in namespace {namespace}")
        } else {
            format!("{what}: {}", elements.join(", "))
        });
    }
    Ok(seen.join("; "))
}

async fn hpas(client: &Client, namespace: &str) -> Result<String, BoxError> {
    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let list = hpas.list(&ListParams::default()).await?;
    let told = list.iter().filter_map(|hpa| {
        let conditions = hpa.status.as_ref()?.conditions.as_ref()?;
        let active = conditions
            .iter()
            .find(|found| found.type_ == "ScalingActive")?;
        let (reason, message) = (&active.reason, &active.message);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Some(format!(
            "{} ScalingActive={} {}: {}",
            hpa.name_any(),
            active.status,
            text(reason),
            text(message)
        ))
    });
    let told: Vec<String> = told.collect();
    Ok(if told.is_empty() {
        "none was judged yet".to_owned()
    } else {
        told.join("; ")
    })
}
