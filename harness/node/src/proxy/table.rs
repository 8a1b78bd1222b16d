//! Which addresses have to answer, and by whom: a pure function of Services and EndpointSlices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// The label by which an EndpointSlice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// For each ClusterIP and port that has an endpoint, all endpoints that it leads to. One without endpoints
/// is not in the table.
pub(super) type Table = BTreeMap<SocketAddr, BTreeSet<SocketAddr>>;

/// The table for these objects, which need not be in any order.
///
/// As kube-proxy (`pkg/proxy/topology.go`, `CategorizeEndpoints`): the ready endpoints, or where there is
/// none those that are terminating but still serving. `publishNotReadyAddresses` needs no care: the
/// EndpointSlice controller then says that the endpoints are ready. Traffic policies need none either:
/// there is one node, and all pods are on it.
pub(super) fn table<'a>(
    services: impl IntoIterator<Item = &'a Service>,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> Table {
    let mut slices_of: BTreeMap<(&str, &str), Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        if let Some(key) = service_of(slice) {
            slices_of.entry(key).or_default().push(slice);
        }
    }
    let mut table = Table::new();
    for service in services {
        let Some(spec) = &service.spec else { continue };
        let slices = key_of(service).and_then(|key| slices_of.get(&key));
        let Some(slices) = slices else { continue };
        for address in cluster_ips(spec) {
            for port in spec.ports.iter().flatten() {
                let Ok(number) = u16::try_from(port.port) else {
                    continue;
                };
                if !is_tcp(port.protocol.as_deref()) {
                    continue;
                }
                let name = port.name.as_deref().unwrap_or_default();
                let endpoints = endpoints(slices, name, address.is_ipv4());
                if !endpoints.is_empty() {
                    table.insert(SocketAddr::new(address, number), endpoints);
                }
            }
        }
    }
    table
}

/// The addresses that a Service answers at; none for headless and ExternalName Services
/// (`pkg/proxy/util/utils.go`, `ShouldSkipService`).
pub(super) fn cluster_ips(spec: &ServiceSpec) -> BTreeSet<IpAddr> {
    if spec.type_.as_deref() == Some("ExternalName") {
        return BTreeSet::new();
    }
    // `None` as an address doesn't parse, so headless Services have none.
    spec.cluster_ips
        .iter()
        .flatten()
        .chain(&spec.cluster_ip)
        .filter_map(|address| address.parse().ok())
        .collect()
}

fn key_of(service: &Service) -> Option<(&str, &str)> {
    let metadata = &service.metadata;
    Some((metadata.namespace.as_deref()?, metadata.name.as_deref()?))
}

fn service_of(slice: &EndpointSlice) -> Option<(&str, &str)> {
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some((slice.metadata.namespace.as_deref()?, name))
}

fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

/// Where connections to the port of this name may lead, within one address family.
fn endpoints(slices: &[&EndpointSlice], port_name: &str, ipv4: bool) -> BTreeSet<SocketAddr> {
    let (mut ready, mut terminating) = (BTreeSet::new(), BTreeSet::new());
    for slice in slices {
        let ports: Vec<u16> = slice
            .ports
            .iter()
            .flatten()
            .filter(|port| port.name.as_deref().unwrap_or_default() == port_name)
            .filter(|port| is_tcp(port.protocol.as_deref()))
            .filter_map(|port| u16::try_from(port.port?).ok())
            .collect();
        for endpoint in slice.endpoints.iter().flatten() {
            let group = match Usability::of(endpoint) {
                Usability::Ready => &mut ready,
                Usability::ServingUntilItEnds => &mut terminating,
                Usability::None => continue,
            };
            // Only the first address counts (`pkg/proxy/endpointslicecache.go`); others are copies.
            let address = endpoint.addresses.first().and_then(|a| a.parse().ok());
            let address = address.filter(|address: &IpAddr| address.is_ipv4() == ipv4);
            if let Some(address) = address {
                group.extend(ports.iter().map(|port| SocketAddr::new(address, *port)));
            }
        }
    }
    if ready.is_empty() { terminating } else { ready }
}

enum Usability {
    Ready,
    ServingUntilItEnds,
    None,
}

impl Usability {
    /// Unsaid conditions count as ready, serving and not terminating (`pkg/proxy/endpointslicecache.go`).
    fn of(endpoint: &Endpoint) -> Self {
        let conditions = endpoint.conditions.as_ref();
        let said = |condition: Option<bool>, unsaid| condition.unwrap_or(unsaid);
        if said(conditions.and_then(|c| c.ready), true) {
            Self::Ready
        } else if said(conditions.and_then(|c| c.serving), true)
            && said(conditions.and_then(|c| c.terminating), false)
        {
            Self::ServingUntilItEnds
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn service(spec: Value) -> Service {
        let object = json!({"metadata": {"namespace": "prom", "name": "web"}, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    fn slice(ports: Value, endpoints: Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "metadata": {"namespace": "prom", "name": "web-x", "labels": {SERVICE_NAME: "web"}},
            "addressType": "IPv4", "ports": ports, "endpoints": endpoints,
        }))
        .unwrap()
    }

    fn rendered(services: &[Service], slices: &[EndpointSlice]) -> Vec<String> {
        table(services, slices)
            .iter()
            .map(|(at, to)| {
                let to: Vec<_> = to.iter().map(ToString::to_string).collect();
                format!("{at} -> {}", to.join(" "))
            })
            .collect()
    }

    fn one_port() -> Service {
        service(json!({"clusterIP": "10.96.0.9", "ports": [{"port": 80}]}))
    }

    #[test]
    fn a_port_leads_to_the_slice_port_of_the_same_name_with_its_resolved_number() {
        let service = service(
            json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [
                {"name": "https", "port": 443, "targetPort": "tls"},
                {"name": "metrics", "port": 9090},
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "nobody", "port": 1},
            ]}),
        );
        let slice = slice(
            json!([{"name": "https", "port": 6443, "protocol": "TCP"}, {"name": "metrics", "port": 9091},
                   {"name": "dns", "port": 53, "protocol": "UDP"}]),
            json!([{"addresses": ["10.244.0.7", "10.244.0.8"], "conditions": {"ready": true}},
                   {"addresses": ["10.244.0.9"]}]),
        );
        assert_eq!(
            rendered(&[service], &[slice]),
            [
                "10.96.0.9:443 -> 10.244.0.7:6443 10.244.0.9:6443",
                "10.96.0.9:9090 -> 10.244.0.7:9091 10.244.0.9:9091",
            ]
        );
    }

    #[test]
    fn a_port_without_ready_endpoints_is_not_in_the_table() {
        let not_ready = json!([{"addresses": ["10.244.0.7"], "conditions": {"ready": false, "serving": false}}]);
        let slice = slice(json!([{"port": 8080}]), not_ready);
        assert!(rendered(&[one_port()], &[slice]).is_empty());
        assert!(rendered(&[one_port()], &[]).is_empty());
    }

    #[test]
    fn a_terminating_endpoint_that_serves_counts_only_where_no_other_is_ready() {
        let terminating = json!({"addresses": ["10.244.0.7"],
            "conditions": {"ready": false, "serving": true, "terminating": true}});
        let ready = json!({"addresses": ["10.244.0.8"], "conditions": {"ready": true}});
        let ports = json!([{"port": 8080}]);
        assert_eq!(
            rendered(&[one_port()], &[slice(ports.clone(), json!([terminating]))]),
            ["10.96.0.9:80 -> 10.244.0.7:8080"]
        );
        assert_eq!(
            rendered(&[one_port()], &[slice(ports, json!([terminating, ready]))]),
            ["10.96.0.9:80 -> 10.244.0.8:8080"]
        );
    }

    #[test]
    fn headless_and_external_name_services_answer_nowhere() {
        let slice = slice(
            json!([{"port": 8080}]),
            json!([{"addresses": ["10.244.0.7"]}]),
        );
        for spec in [
            json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}),
            json!({"type": "ExternalName", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}),
            json!({"ports": [{"port": 80}]}),
        ] {
            assert!(rendered(&[service(spec)], std::slice::from_ref(&slice)).is_empty());
        }
    }

    #[test]
    fn a_slice_of_another_namespace_or_service_does_not_count() {
        let ours = slice(
            json!([{"port": 8080}]),
            json!([{"addresses": ["10.244.0.7"]}]),
        );
        let mut elsewhere = ours.clone();
        elsewhere.metadata.namespace = Some("other".to_owned());
        let mut another = ours.clone();
        let label = (SERVICE_NAME.to_owned(), "api".to_owned());
        another.metadata.labels = Some([label].into());
        assert!(rendered(&[one_port()], &[elsewhere, another]).is_empty());
        assert_eq!(rendered(&[one_port()], &[ours]).len(), 1);
    }

    type Conditions = (Option<bool>, Option<bool>, Option<bool>);

    proptest! {
        #[test]
        fn how_endpoints_are_spread_over_slices_makes_no_difference(
            endpoints in proptest::collection::vec((1_u8..9, any::<Conditions>()), 0..8),
            cut in 0_usize..8,
        ) {
            let as_json = |(host, (ready, serving, terminating)): &(u8, Conditions)| json!({
                "addresses": [format!("10.244.0.{host}")],
                "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
            });
            let all: Vec<Value> = endpoints.iter().map(as_json).collect();
            let ports = json!([{"port": 8080}]);
            let whole = slice(ports.clone(), json!(all));
            let (left, right) = all.split_at(cut.min(all.len()));
            let parts = [slice(ports.clone(), json!(right)), slice(ports, json!(left))];
            let services = [one_port()];
            let table = table(&services, [&whole]);
            prop_assert_eq!(&table, &super::table(&services, &parts));

            let hosts = |wanted: fn(&Conditions) -> bool| -> BTreeSet<SocketAddr> {
                endpoints.iter().filter(|(_, conditions)| wanted(conditions))
                    .map(|(host, _)| SocketAddr::from(([10, 244, 0, *host], 8080))).collect()
            };
            let ready = hosts(|(ready, ..)| *ready != Some(false));
            let serving = hosts(|(_, serving, terminating)| *serving != Some(false) && *terminating == Some(true));
            let expected = if ready.is_empty() { serving } else { ready };
            let found = table.into_values().next().unwrap_or_default();
            prop_assert_eq!(found, expected);
        }
    }
}
