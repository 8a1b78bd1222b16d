//! Each lie of `setpoint scripted`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum as _;
use libtest_mimic::{Failed, Trial};
use setpoint::outcome::{Kind, RequestFailure};
use setpoint::scripted::Lie;

use crate::prediction::{Prediction, run, scenario};
use crate::report::{Reports, Row};

/// What must catch a lie: scenarios, and the kind of the finding.
fn caught_by(lie: Lie) -> &'static [(&'static str, Kind)] {
    match lie {
        Lie::TrustsIdentityHeaders => &[(
            "authentication/headers-without-certificate",
            Kind::UnexpectedStatus,
        )],
        Lie::IgnoresAllowedNames => &[(
            "authentication/name-outside-allowed-names",
            Kind::UnexpectedStatus,
        )],
        Lie::BadCredentialsAreAnonymous => {
            &[("authentication/unknown-authority", Kind::UnexpectedStatus)]
        }
        Lie::SkipsAuthorization => &[(
            "authorization/refused-by-the-adapter",
            Kind::UnexpectedStatus,
        )],
        Lie::AllowsWhenReviewsFail => &[("authorization/review-fails", Kind::UnexpectedStatus)],
        Lie::UnsortedDiscovery => &[("discovery/sorted-and-equal", Kind::DiscoveryUnsorted)],
        Lie::ConstantValue => &[
            ("hpa/scales-up", Kind::UnexpectedReplicas),
            ("convergence/rising-pods", Kind::DidNotSettle),
        ],
        Lie::WholeNumbers => &[
            ("hpa/holds-within-tolerance", Kind::UnexpectedValue),
            ("convergence/noisy-pods", Kind::Overshoot),
            ("custom-metrics/small-values", Kind::UnexpectedBody),
        ],
        Lie::ZeroWhilePrometheusFails => &[
            ("hpa/holds-while-prometheus-fails", Kind::DidNotStay),
            ("convergence/failing-pods", Kind::WentBelow),
        ],
        Lie::HtmlBody | Lie::WrongKind => &[("hpa/scales-up", Kind::UnexpectedValue)],
        Lie::WrongSan => &[("tls/wrong-san", Kind::UnexpectedCondition)],
        Lie::OneCertificate => &[(
            "tls/by-the-name-that-is-asked-for",
            Kind::UnexpectedCertificate,
        )],
        Lie::KeepsServingPair => &[("tls/serving-pair-rotates", Kind::UnexpectedCertificate)],
        Lie::TakesAnyPair => &[("tls/broken-pair-changes-nothing", Kind::RequestsFailed)],
        Lie::ReadyWithoutTrust => &[(
            "availability/authentication-config-unreadable",
            Kind::DidNotStay,
        )],
        Lie::Redirects => &[(
            "authentication/front-proxy-speaks-for-others",
            Kind::Redirect,
        )],
        Lie::HoldsRequests => &[
            // The HPA controller's first sync doesn't end.
            ("hpa/scales-up", Kind::NotJudged),
            (
                "authentication/bearer-token",
                Kind::Request(RequestFailure::TimeOut),
            ),
        ],
        Lie::IgnoresLabelSelector => &[("values/of-selected-pods", Kind::UnexpectedValue)],
        Lie::IgnoresMetricLabelSelector => &[("values/of-selected-series", Kind::UnexpectedValue)],
        Lie::IgnoresNamespace => &[("values/of-one-namespace", Kind::UnexpectedValue)],
        Lie::OmitsSelector => &[(
            "values/with-the-selector-of-the-request",
            Kind::UnexpectedBody,
        )],
        Lie::OldTimestamps => &[("values/with-fresh-timestamps", Kind::UnexpectedBody)],
        Lie::IgnoresVersion => &[("custom-metrics/answers-by-version", Kind::UnexpectedBody)],
        Lie::ThirtyTwoBits => &[("custom-metrics/large-values", Kind::UnexpectedBody)],
        Lie::NoSigns => &[("custom-metrics/small-values", Kind::UnexpectedBody)],
        Lie::NoNamespaceMetrics => &[("custom-metrics/of-a-namespace", Kind::UnexpectedStatus)],
        Lie::LosesTheLastItem | Lie::NamesOneObject => {
            &[("custom-metrics/whole-lists", Kind::UnexpectedBody)]
        }
        Lie::RepeatsTheFirstItem => &[
            ("custom-metrics/whole-lists", Kind::UnexpectedBody),
            ("values/of-one-namespace", Kind::UnexpectedBody),
        ],
        Lie::AbsentIsEmpty => &[("custom-metrics/absent", Kind::UnexpectedStatus)],
        Lie::BareErrors => &[("custom-metrics/absent", Kind::UnexpectedBody)],
        Lie::SwallowsBadSelectors => &[("http/unreadable-selectors", Kind::UnexpectedStatus)],
        Lie::WrongContentType => &[("http/media-types", Kind::UnexpectedHeader)],
        Lie::IgnoresAccept => &[("http/unwritable-media-types", Kind::UnexpectedStatus)],
        Lie::TakesAnyMethod => &[("http/methods", Kind::UnexpectedStatus)],
        Lie::OpensPaths => &[("authorization/paths-need-rights", Kind::UnexpectedStatus)],
        Lie::ReviewsMasters => &[(
            "authorization/masters-need-no-review",
            Kind::UnexpectedStatus,
        )],
        Lie::EmptyUserIsSomebody => &[(
            "authentication/front-proxy-without-a-user",
            Kind::UnexpectedStatus,
        )],
        Lie::KeepsFirstDiscovery => &[("discovery/follows-the-metrics", Kind::UnexpectedBody)],
        Lie::FailsWithPrometheus => &[("hpa/holds-while-prometheus-fails", Kind::UnexpectedStatus)],
        Lie::HtmlDiscovery => &[("discovery/sorted-and-equal", Kind::UnexpectedBody)],
        Lie::FailsDiscovery | Lie::OlderDiscovery | Lie::SeldomDiscovery | Lie::NeverChanged => {
            &[("discovery/sorted-and-equal", Kind::UnexpectedStatus)]
        }
        Lie::MixedScopes => &[("discovery/sorted-and-equal", Kind::UnexpectedStatus)],
        Lie::OtherScopes => &[("discovery/sorted-and-equal", Kind::DiscoveryDiffers)],
        Lie::HoldsDiscovery => &[("discovery/sorted-and-equal", Kind::UnexpectedCondition)],
        Lie::SlowDiscovery => &[(
            "discovery/ten-thousand-metrics",
            Kind::Request(RequestFailure::TimeOut),
        )],
        Lie::RedirectsValues => &[("custom-metrics/whole-lists", Kind::UnexpectedStatus)],
        Lie::Crashes => &[("custom-metrics/whole-lists", Kind::AdapterEnded)],
        Lie::BreaksOff => &[("http/media-types", Kind::UnexpectedStatus)],
        Lie::OneAtATime => &[
            ("load/hundred-hpas", Kind::UnexpectedValue),
            (
                "authorization/reviews-take-their-time",
                Kind::Request(RequestFailure::TimeOut),
            ),
        ],
        Lie::WarmsUp => &[("load/restart-under-load", Kind::RequestsFailed)],
        Lie::HundredItems => &[("load/thousand-pods", Kind::UnexpectedBody)],
        Lie::ShufflesItems => &[("custom-metrics/in-the-same-order", Kind::UnexpectedBody)],
        Lie::GoesRound => &[("custom-metrics/beyond-thousandths", Kind::UnexpectedBody)],
        Lie::NeverZero => &[("custom-metrics/small-values", Kind::UnexpectedBody)],
        Lie::NoHead => &[("http/methods", Kind::UnexpectedStatus)],
        Lie::TakesAnyAudience => &[("authentication/bad-bearer-token", Kind::UnexpectedStatus)],
        Lie::TakesTheProxyForItself => &[(
            "authentication/front-proxy-speaks-for-others",
            Kind::UnexpectedStatus,
        )],
        Lie::KnowsNoTokens | Lie::CertificatesFirst => {
            &[("authentication/bearer-token", Kind::UnexpectedStatus)]
        }
        Lie::FailsWithReviews => &[(
            "authentication/token-that-cannot-be-reviewed",
            Kind::UnexpectedStatus,
        )],
        Lie::ImpatientReviews => &[
            (
                "authorization/reviews-take-their-time",
                Kind::UnexpectedStatus,
            ),
            (
                "authentication/token-review-takes-its-time",
                Kind::UnexpectedStatus,
            ),
        ],
        Lie::KeepsStrangers => &[(
            "authentication/strangers-over-http2",
            Kind::UnexpectedConnection,
        )],
        Lie::TakesEarlyCertificates => &[(
            "authentication/expired-proxy-certificate",
            Kind::UnexpectedStatus,
        )],
        Lie::RequiresCertificates | Lie::AdmitsAnonymous => &[(
            "authentication/headers-without-certificate",
            Kind::UnexpectedStatus,
        )],
        Lie::KeepsProxyAuthorities | Lie::KeepsClientAuthorities => {
            &[("authentication/authorities-rotate", Kind::UnexpectedStatus)]
        }
        Lie::UsualHeaders | Lie::FirstHeaderOnly => &[(
            "authentication/headers-of-other-names",
            Kind::UnexpectedStatus,
        )],
        Lie::GuardsHealth => &[("http/probes-are-for-everybody", Kind::UnexpectedStatus)],
        Lie::FirstSeriesOnly | Lie::EmptySelectors => &[(
            "values/with-the-selector-of-the-request",
            Kind::UnexpectedBody,
        )],
        Lie::NewestVersion => &[("custom-metrics/answers-by-version", Kind::UnexpectedBody)],
        Lie::OneVersion => &[("custom-metrics/answers-by-version", Kind::UnexpectedStatus)],
        Lie::EmptyIsAbsent | Lie::AnyNamespace => {
            &[("custom-metrics/absent", Kind::UnexpectedStatus)]
        }
        Lie::NamespacesAlone => &[("values/of-series-as-they-are", Kind::UnexpectedStatus)],
        Lie::JsonFirst => &[("http/media-types", Kind::UnexpectedStatus)],
        Lie::HoldsUpgrades => &[(
            "proxying/upgrades-are-not-made",
            Kind::Request(RequestFailure::TimeOut),
        )],
        Lie::TakesAnyPath => &[("http/unknown-paths", Kind::UnexpectedStatus)],
        Lie::RefusesParameters => &[("http/unknown-parameters", Kind::UnexpectedStatus)],
        Lie::AggregatesOneVersion => &[("discovery/sorted-and-equal", Kind::UnexpectedBody)],
        Lie::PlainAggregated => &[("discovery/sorted-and-equal", Kind::UnexpectedHeader)],
        Lie::NoPreferredVersion | Lie::ListsNoGroups => {
            &[("discovery/sorted-and-equal", Kind::UnexpectedBody)]
        }
        Lie::KeepsLastValues => &[("values/not-made-up-of-wrong-values", Kind::UnexpectedStatus)],
        Lie::FailsOnNan => &[(
            "values/zero-where-there-is-no-number",
            Kind::UnexpectedStatus,
        )],
        Lie::Impatient => &[
            ("values/served-of-odd-answers", Kind::UnexpectedStatus),
            ("hpa/scales-by-a-slow-prometheus", Kind::UnexpectedReplicas),
        ],
        Lie::FailsOnWarnings | Lie::RefusesOtherTimes => {
            &[("values/served-of-odd-answers", Kind::UnexpectedStatus)]
        }
        Lie::CountsTwice => &[("values/served-of-odd-answers", Kind::UnexpectedBody)],
        Lie::OldAfterBreaks
        | Lie::OldAfterHalves
        | Lie::OldAfterPages
        | Lie::OldAfterNumbers
        | Lie::OldAfterRedirects
        | Lie::OldAfterTooMany
        | Lie::OldAfterErrors => &[(
            "values/held-while-prometheus-answers-nonsense",
            Kind::UnexpectedCondition,
        )],
    }
}

pub(crate) fn predictions() -> impl Iterator<Item = (Lie, Prediction)> {
    let of_lie = |lie: &Lie| {
        let lie = *lie;
        caught_by(lie).iter().map(move |(scenario, kind)| {
            let scenario = (*scenario).to_owned();
            (
                lie,
                Prediction {
                    scenario,
                    kind: *kind,
                },
            )
        })
    };
    Lie::value_variants().iter().flat_map(of_lie)
}

pub(crate) fn trials(reports: &Reports) -> Vec<Trial> {
    let mut trials: Vec<Trial> = predictions()
        .map(|(lie, prediction)| {
            let name = name_of(lie);
            let trial = format!("lies::{name}::{}", prediction.scenario);
            let row = reports.lies.row(&name, &prediction);
            let judge = move || caught(&prediction, &name, row);
            Trial::test(trial, judge).with_ignored_flag(true)
        })
        .collect();
    let honest = Trial::test("lies::the_honest_adapter_passes", honest);
    trials.push(honest.with_ignored_flag(true));
    trials
}

pub(crate) fn name_of(lie: Lie) -> String {
    let value = lie.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Judges an adapter that lies and notes what came of it.
fn caught(prediction: &Prediction, lie: &str, row: Row) -> Result<(), Failed> {
    match prediction.judge(&format!("scripted:{lie}"), lie) {
        Ok(cause) => {
            row.note(&cause);
            Ok(())
        }
        Err(failed) => {
            row.note(&format!(
                "NOT CAUGHT: {}",
                failed.message().unwrap_or_default()
            ));
            Err(failed)
        }
    }
}

/// The control of the lies.
fn honest() -> Result<(), Failed> {
    let scenarios: BTreeSet<String> = predictions()
        .map(|(_, prediction)| prediction.scenario)
        .collect();
    let files: Vec<PathBuf> = scenarios.iter().map(|name| scenario(name)).collect();
    let run = run("scripted", &files)?;
    let outcomes = run.report["scenarios"].as_array();
    let has_passed = |outcome: &&serde_json::Value| outcome["verdict"]["verdict"] != "passed";
    let others: Vec<_> = outcomes.into_iter().flatten().filter(has_passed).collect();
    if others.is_empty() && run.code == Some(0) {
        return Ok(());
    }
    Err(format!("exit code {:?}; not passed: {others:?}", run.code).into())
}
