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
use url::Url;

use crate::args::{CheckArgs, CheckFormat, UnknownUpstream, UpstreamArgs};
use crate::error_chain::error_chain;
use crate::kubernetes::{ANSWER_TIMEOUT, discover, unfollowed_client};
use crate::prometheus::Upstreams;
pub(crate) use checked::Checked;
use compare::Listed;
pub(crate) use discovery::{Discovered, Unanswered, discover as discover_by};
use rbac::Wanted;

/// Looks at files, prints what is found, and tells by the exit code.
pub(crate) async fn run(args: &CheckArgs) -> ExitCode {
    match Looked::at(args).await {
        Ok(looked) => {
            looked.print(args);
            ExitCode::from(looked.exit_code())
        }
        Err(error) => {
            anstream::eprintln!("error: {}", error_chain(&error));
            ExitCode::from(2)
        }
    }
}

/// What is known of files.
#[derive(Default)]
struct Looked {
    checked: Vec<Checked>,
    /// By the position of the file, where Prometheus is asked.
    discovered: Vec<Option<Discovered>>,
    /// Whether the rules of all files can be read.
    is_whole: bool,
    /// Why a file can't be read, or a server can't be used.
    failures: Vec<anyhow::Error>,
}

impl Looked {
    async fn at(args: &CheckArgs) -> Result<Self, UnknownUpstream> {
        let mut looked = Self::default();
        for path in &args.files {
            match Checked::of(path) {
                Ok(file) => looked.checked.push(file),
                Err(error) => looked.failures.push(error.into()),
            }
        }
        let is_unread = looked.checked.iter().any(Checked::is_unread);
        looked.is_whole = looked.failures.is_empty() && !is_unread;
        let rules = looked.checked.iter().filter_map(|file| file.rules.as_ref());
        if looked.is_whole {
            args.upstream.check_upstreams(rules.clone())?;
        }
        if looked.is_whole && args.emit_rbac && rules.count() == 0 {
            let error = anyhow::anyhow!("there are no rules to make roles of (--emit-rbac)");
            looked.failures.push(error);
        }
        if let Some(url) = &args.prometheus_url {
            looked.ask(args, url).await;
        }
        Ok(looked)
    }

    /// Asks Prometheus, and a running adapter where one is named, about each file.
    async fn ask(&mut self, args: &CheckArgs, url: &Url) {
        let (prometheus, mapper) = match asked(args, url).await {
            Ok(asked) => asked,
            Err(error) => return self.failures.push(error),
        };
        let max_age = args.upstream.metrics_max_age;
        let mut listed = args.compare_with.clone().map(|url| Listed {
            url,
            ca: args.compare_ca_file.clone(),
            token: args.compare_token_file.clone(),
        });
        for file in &mut self.checked {
            if let Err(error) = replace_upstreams(&prometheus, file) {
                self.failures.push(error);
                self.discovered.push(None);
                continue;
            }
            let discovered = discovery::discover(file, &prometheus, mapper.clone(), max_age).await;
            if let (Some(server), Some(ours)) = (&listed, &discovered) {
                let compared = server.compare(ours).await;
                match compared {
                    Ok(differs) => file.findings.extend(differs),
                    // It wouldn't answer about the next file either.
                    Err(error) => {
                        self.failures.push(error.into());
                        listed = None;
                    }
                }
            }
            self.discovered.push(discovered);
        }
    }

    fn exit_code(&self) -> u8 {
        let findings = self.checked.iter().flat_map(|file| &file.findings);
        let worst = findings.map(|finding| finding.kind.severity).max();
        match worst {
            _ if !self.failures.is_empty() => 2,
            Some(Severity::Warning | Severity::Error) => 1,
            Some(Severity::Note) | None => 0,
        }
    }

    fn print(&self, args: &CheckArgs) {
        let (checked, discovered) = (&self.checked, &self.discovered);
        if args.emit_rbac {
            anstream::eprint!("{}", report::pretty(checked, discovered));
            match self.roles() {
                Some(roles) => anstream::print!("{roles}"),
                None if self.is_whole => {}
                None => anstream::eprintln!("no roles are printed: not all rules can be read"),
            }
        } else {
            match args.format {
                CheckFormat::Pretty => anstream::print!("{}", report::pretty(checked, discovered)),
                CheckFormat::Json => anstream::println!("{:#}", report::json(checked, discovered)),
                CheckFormat::Sarif => anstream::println!("{:#}", report::sarif(checked)),
            }
        }
        for failure in &self.failures {
            anstream::eprintln!("error: {}", error_chain(&**failure));
        }
    }

    /// The roles that all metrics take, as YAML; none where not all rules can be read, since they would lack some.
    fn roles(&self) -> Option<String> {
        let mut wanted = Wanted::default();
        let mut has_rules = false;
        for (position, file) in self.checked.iter().enumerate() {
            let Some(rules) = &file.rules else { continue };
            has_rules = true;
            let discovered = self.discovered.get(position).and_then(Option::as_ref);
            // By the rules alone more is known than by a part of the series.
            let discovered = discovered.filter(|discovered| discovered.unanswered.is_empty());
            let usage = rules.rules().usage().is_some();
            wanted.add(&rules.expected(), discovered, usage);
        }
        (has_rules && self.is_whole).then(|| wanted.roles())
    }
}

/// The Prometheus that is asked, and the resources that there are.
async fn asked(args: &CheckArgs, url: &Url) -> anyhow::Result<(Upstreams, Arc<RestMapper>)> {
    let prometheus = args.upstream.prometheus(url.clone(), None)?;
    let mapper = resources(&args.upstream).await?;
    Ok((prometheus, Arc::new(mapper)))
}

fn replace_upstreams(prometheus: &Upstreams, file: &Checked) -> anyhow::Result<()> {
    let Some(rules) = &file.rules else {
        return Ok(());
    };
    let made = prometheus.replace(rules.rules().upstreams());
    made.context("ask upstreams; --upstream-url says where one is reached from here")
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
