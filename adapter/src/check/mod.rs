//! `setpoint-adapter check`: what is wrong with rules before an adapter runs with them.

mod checked;
mod compare;
mod discovery;
mod manifest;
mod rbac;
mod read;
mod report;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use setpoint_rules::{RestMapper, Severity};

use crate::args::{CheckArgs, CheckFormat, UpstreamArgs};
use crate::error_chain::error_chain;
use crate::kubernetes::{ANSWER_TIMEOUT, discover, unfollowed_client};
use crate::prometheus::Upstreams;
pub(crate) use checked::Checked;
use compare::Listed;
pub(crate) use discovery::{Discovered, discover as discover_by};
use rbac::Wanted;

/// Looks at files, prints what is found, and tells by the exit code.
pub(crate) async fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut checked = Vec::new();
    let mut unreadable = false;
    for path in &args.files {
        match Checked::of(path) {
            Ok(file) => checked.push(file),
            Err(error) => {
                unreadable = true;
                anstream::eprintln!("error: {}", error_chain(&error));
            }
        }
    }
    let discovered = match &args.prometheus_url {
        Some(url) => {
            let prometheus = args.upstream.prometheus(url.clone(), None)?;
            asked(args, &prometheus, &mut checked).await?
        }
        None => Vec::new(),
    };
    print(args, &checked, &discovered);
    let findings = checked.iter().flat_map(|file| &file.findings);
    let worst = findings.map(|finding| finding.kind.severity).max();
    Ok(ExitCode::from(match worst {
        _ if unreadable => 2,
        Some(Severity::Warning | Severity::Error) => 1,
        Some(Severity::Note) | None => 0,
    }))
}

fn print(args: &CheckArgs, checked: &[Checked], discovered: &[Option<Discovered>]) {
    if args.emit_rbac {
        let mut wanted = Wanted::default();
        for (position, file) in checked.iter().enumerate() {
            if let Some(rules) = &file.rules {
                let discovered = discovered.get(position).and_then(Option::as_ref);
                let usage = rules.rules().usage().is_some();
                wanted.add(&rules.expected(), discovered, usage);
            }
        }
        anstream::eprint!("{}", report::pretty(checked, discovered));
        anstream::print!("{}", wanted.roles());
        return;
    }
    match args.format {
        CheckFormat::Pretty => anstream::print!("{}", report::pretty(checked, discovered)),
        CheckFormat::Json => anstream::println!("{:#}", report::json(checked, discovered)),
        CheckFormat::Sarif => anstream::println!("{:#}", report::sarif(checked)),
    }
}

/// Asks Prometheus, and a running adapter where one is named, about each file.
async fn asked(
    args: &CheckArgs,
    prometheus: &Upstreams,
    checked: &mut [Checked],
) -> anyhow::Result<Vec<Option<Discovered>>> {
    let mapper = Arc::new(resources(&args.upstream).await?);
    let max_age = args.upstream.metrics_max_age;
    let mut all = Vec::new();
    for file in checked {
        if let Some(rules) = &file.rules {
            let made = prometheus.replace(rules.rules().upstreams());
            made.context("ask upstreams; --upstream-url says where one is reached from here")?;
        }
        let discovered = discovery::discover(file, prometheus, mapper.clone(), max_age).await;
        if let (Some(url), Some(discovered)) = (&args.compare_with, &discovered) {
            let listed = Listed {
                url: url.clone(),
                ca: args.compare_ca_file.clone(),
                token: args.compare_token_file.clone(),
            };
            file.findings.extend(listed.compare(discovered).await?);
        }
        all.push(discovered);
    }
    Ok(all)
}

/// The resources of the cluster that is named, else those of Kubernetes itself.
pub(crate) async fn resources(upstream: &UpstreamArgs) -> anyhow::Result<RestMapper> {
    let Some(kubeconfig) = &upstream.lister_kubeconfig else {
        return Ok(RestMapper::built_in());
    };
    let client = unfollowed_client(kubeconfig).await?;
    let resources = discover(&client, ANSWER_TIMEOUT).await;
    Ok(RestMapper::new(
        resources.context("ask for the cluster's resources")?,
    ))
}

#[cfg(test)]
mod tests;
