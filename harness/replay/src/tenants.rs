//! Series of tenants: a header says whose series a request sees, as in Mimir, Cortex and Thanos.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::remote_write::{self, WriteError};
use crate::world::MAX_SAMPLES_IN_ALL;
use crate::{ClockMap, Script, ScriptError, ScriptedSeries, World};

/// The label that tells the series of several tenants apart; Mimir's.
const TENANT_LABEL: &str = "__tenant_id__";

/// Series that requests see whose header names the tenant. The script's other series are seen by all tenants.
///
/// A request without tenant is refused by 401, a tenant without series sees none of its own, and a request of several,
/// such as `shop|billing`, sees the series of each with the label `__tenant_id__`, as Mimir answers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenants {
    /// The header: `X-Scope-OrgID` of Mimir and Cortex without it, `THANOS-TENANT` of Thanos.
    #[serde(default = "scope_org_id")]
    pub header: String,
    /// The tenant of requests without the header; without it they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The series from the start, by the name of the tenant.
    #[serde(default)]
    pub series: BTreeMap<String, Vec<ScriptedSeries>>,
}

fn scope_org_id() -> String {
    "X-Scope-OrgID".to_owned()
}

impl Default for Tenants {
    fn default() -> Self {
        Self {
            header: scope_org_id(),
            default: None,
            series: BTreeMap::new(),
        }
    }
}

impl Tenants {
    /// The header's name.
    ///
    /// # Errors
    /// If no header can have this name.
    pub fn header_name(&self) -> Result<HeaderName, ScriptError> {
        self.header.parse().map_err(|source| ScriptError::Header {
            name: self.header.clone(),
            source,
        })
    }
}

/// A request that names no tenant; the text is that of Mimir and Cortex.
#[derive(Debug, Error)]
#[error("no org id")]
pub(crate) struct NoTenant;

/// What requests see: the world of all, or that of their tenant.
#[derive(Debug)]
pub(crate) struct Worlds {
    all: World,
    tenancy: Option<Tenancy>,
}

#[derive(Debug, Clone)]
struct Tenancy {
    header: HeaderName,
    default: Option<String>,
    /// What each tenant sees, with the series of all.
    worlds: BTreeMap<String, World>,
}

impl Worlds {
    /// Those of a script; see [`World::new`].
    pub(crate) fn new(script: &Script, started: i64) -> Result<Self, ScriptError> {
        let all = World::new(script, started)?;
        let tenancy = script.tenants.as_ref();
        let tenancy = tenancy.map(|tenants| Tenancy::new(tenants, &all));
        let tenancy = tenancy.transpose()?;
        Ok(Self { all, tenancy })
    }

    /// The same with more series, for all tenants.
    pub(crate) fn with(&self, more: &[ScriptedSeries]) -> Result<Self, ScriptError> {
        let all = self.all.with(more)?;
        let mut tenancy = self.tenancy.clone();
        let worlds = tenancy
            .iter_mut()
            .flat_map(|tenancy| tenancy.worlds.values_mut());
        for world in worlds {
            *world = world.with(more)?;
        }
        Ok(Self { all, tenancy })
    }

    /// The same with what was sent to the remote write endpoint added to the series of the request's tenant.
    pub(crate) fn received(&self, headers: &HeaderMap, body: &[u8]) -> Result<Self, WriteError> {
        let (mut all, mut tenancy) = (self.all.clone(), self.tenancy.clone());
        match (&mut tenancy, &self.tenants(headers)?[..]) {
            (Some(tenancy), [tenant]) => {
                let world = remote_write::received(self.of(tenant), body)?;
                tenancy.worlds.insert((*tenant).to_owned(), world);
            }
            (None, _) => all = remote_write::received(&all, body)?,
            (Some(_), _) => return Err(WriteError::SeveralTenants),
        }
        Ok(Self { all, tenancy })
    }

    pub(crate) fn clock(&self) -> ClockMap {
        self.all.clock
    }

    /// What is known whoever asks.
    pub(crate) fn of_all(&self) -> &World {
        &self.all
    }

    /// What a request with these headers sees.
    pub(crate) fn seen(&self, headers: &HeaderMap) -> Result<Cow<'_, World>, NoTenant> {
        Ok(match &self.tenants(headers)?[..] {
            [] => Cow::Borrowed(&self.all),
            [tenant] => Cow::Borrowed(self.of(tenant)),
            several => {
                let worlds = several.iter().map(|tenant| (*tenant, self.of(tenant)));
                Cow::Owned(self.all.labelled(TENANT_LABEL, worlds))
            }
        })
    }

    /// The tenants of a request as its header names them; none where there are no tenants or it names none.
    pub(crate) fn tenant<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let tenancy = self.tenancy.as_ref()?;
        let named = headers.get(&tenancy.header);
        let named = named.and_then(|value| value.to_str().ok());
        let named = named.filter(|named| !named.is_empty());
        named.or(tenancy.default.as_deref())
    }

    /// Each tenant of a request once; none where there are no tenants.
    fn tenants<'a>(&'a self, headers: &'a HeaderMap) -> Result<Vec<&'a str>, NoTenant> {
        if self.tenancy.is_none() {
            return Ok(Vec::new());
        }
        let named = self.tenant(headers).ok_or(NoTenant)?;
        let mut tenants: Vec<&str> = named.split('|').collect();
        tenants.sort_unstable();
        tenants.dedup();
        Ok(tenants)
    }

    fn of(&self, tenant: &str) -> &World {
        let tenancy = self.tenancy.as_ref();
        let world = tenancy.and_then(|tenancy| tenancy.worlds.get(tenant));
        world.unwrap_or(&self.all)
    }
}

impl Tenancy {
    fn new(tenants: &Tenants, all: &World) -> Result<Self, ScriptError> {
        let mut samples = all.samples();
        let mut worlds = BTreeMap::new();
        for (tenant, series) in &tenants.series {
            let world = all.with(series)?;
            samples += world.samples() - all.samples();
            if samples > MAX_SAMPLES_IN_ALL {
                return Err(ScriptError::TooManySamples { samples });
            }
            worlds.insert(tenant.clone(), world);
        }
        Ok(Self {
            header: tenants.header_name()?,
            default: tenants.default.clone(),
            worlds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> ScriptedSeries {
        ScriptedSeries {
            series: name.to_owned(),
            values: "1".parse().unwrap(),
            interval: 1.0,
            from: 0.0,
            hold: true,
        }
    }

    fn script(tenants: Tenants) -> Script {
        Script {
            series: vec![series("up")],
            tenants: Some(tenants),
            ..Script::default()
        }
    }

    fn two() -> Tenants {
        let series = [
            ("shop", vec![series("queue"), series("cart")]),
            ("billing", vec![series("queue")]),
        ];
        Tenants {
            series: series.map(|(name, of)| (name.to_owned(), of)).into(),
            ..Tenants::default()
        }
    }

    /// The series that a request with this header sees; none is a refusal.
    fn seen(worlds: &Worlds, name: &'static str, value: &str) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let world = worlds.seen(&headers).ok()?;
        Some(world.series().map(|one| one.labels.to_string()).collect())
    }

    const HEADER: &str = "x-scope-orgid";

    #[test]
    fn a_request_sees_the_series_of_its_tenant_and_those_of_all() {
        let worlds = Worlds::new(&script(two()), 0).unwrap();
        let seen = |tenant| seen(&worlds, HEADER, tenant).unwrap();
        let up = r#"{__name__="up"}"#;
        let queue = r#"{__name__="queue"}"#;
        assert_eq!(seen("shop"), [r#"{__name__="cart"}"#, queue, up]);
        assert_eq!(seen("billing"), [queue, up]);
        assert_eq!(seen("other"), [up]);
    }

    #[test]
    fn a_request_of_several_tenants_sees_the_series_of_each_by_a_label() {
        let worlds = Worlds::new(&script(two()), 0).unwrap();
        let of_both = [
            r#"{__name__="cart", __tenant_id__="shop"}"#,
            r#"{__name__="queue", __tenant_id__="billing"}"#,
            r#"{__name__="queue", __tenant_id__="shop"}"#,
            r#"{__name__="up", __tenant_id__="billing"}"#,
            r#"{__name__="up", __tenant_id__="shop"}"#,
        ];
        assert_eq!(seen(&worlds, HEADER, "shop|billing").unwrap(), of_both);
        let of_one = seen(&worlds, HEADER, "shop");
        assert_eq!(seen(&worlds, HEADER, "shop|shop"), of_one);
    }

    #[test]
    fn a_request_without_the_header_is_of_the_default_tenant_or_refused() {
        let worlds = Worlds::new(&script(two()), 0).unwrap();
        assert_eq!(seen(&worlds, "other", "shop"), None);
        assert_eq!(seen(&worlds, HEADER, ""), None);
        let tenants = Tenants {
            header: "THANOS-TENANT".to_owned(),
            default: Some("billing".to_owned()),
            ..two()
        };
        let worlds = Worlds::new(&script(tenants), 0).unwrap();
        assert_eq!(seen(&worlds, HEADER, "shop").unwrap().len(), 2);
        assert_eq!(seen(&worlds, "thanos-tenant", "shop").unwrap().len(), 3);
    }

    #[test]
    fn series_that_are_added_are_seen_by_all_tenants() {
        let worlds = Worlds::new(&script(two()), 0).unwrap();
        let worlds = worlds.with(&[series("more")]).unwrap();
        for (tenant, count) in [("shop", 4), ("billing", 3), ("other", 2)] {
            assert_eq!(seen(&worlds, HEADER, tenant).unwrap().len(), count);
        }
    }

    #[test]
    fn the_samples_of_all_tenants_are_limited_together() {
        let mut long = series("long");
        long.values = "1x999999".parse().unwrap();
        let tenants = |names: &[&str]| Tenants {
            series: names
                .iter()
                .map(|name| ((*name).to_owned(), vec![long.clone()]))
                .collect(),
            ..Tenants::default()
        };
        let seven = tenants(&["a", "b", "c", "d", "e", "f", "g"]);
        assert!(Worlds::new(&script(seven), 0).is_ok());
        let eight = tenants(&["a", "b", "c", "d", "e", "f", "g", "h"]);
        let error = Worlds::new(&script(eight), 0).unwrap_err();
        assert!(matches!(error, ScriptError::TooManySamples { .. }));
    }
}
