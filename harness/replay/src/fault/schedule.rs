//! Which request gets which fault.

use std::sync::atomic::{AtomicU64, Ordering};

use super::kinds::{Context, FaultKind};
use super::reply::Reply;
use crate::Fault;
use crate::api::{Answer, error_of_status};

/// The faults of the moment, each with how many requests it has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Counted>);

#[derive(Debug)]
struct Counted {
    fault: Fault,
    seen: AtomicU64,
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        let counted = |fault| Counted {
            fault,
            seen: AtomicU64::new(0),
        };
        Self(faults.into_iter().map(counted).collect())
    }

    /// The first fault that does something to a request for a path at a scenario time, milliseconds; each fault that concerns
    /// the request has seen it then.
    pub(crate) fn next(&self, path: &str, at: i64) -> Option<Told<'_>> {
        let mut concerning = self.0.iter().filter(|counted| counted.concerns(path, at));
        concerning.find_map(|counted| {
            let seen = counted.seen.fetch_add(1, Ordering::Relaxed);
            let Fault { every, times, .. } = counted.fault;
            // The last of each so many, and no more than so many of them.
            let is_due = (seen + 1) % every.max(1) == 0;
            let done = seen / every.max(1);
            let is_left = times.is_none_or(|times| done < times);
            (is_due && is_left).then(|| Told {
                fault: &counted.fault,
                kind: counted.fault.kind.as_deref().and_then(FaultKind::of),
                count: done,
            })
        })
    }
}

impl Counted {
    fn concerns(&self, path: &str, at: i64) -> bool {
        let fault = &self.fault;
        let is_path = if fault.paths.is_empty() {
            path.starts_with("/api/v1/")
        } else {
            fault.paths.iter().any(|concerned| concerned == path)
        };
        let at = at as f64 / 1000.0;
        is_path && at >= fault.from && fault.until.is_none_or(|until| at < until)
    }
}

/// A fault that does something to a request.
pub(crate) struct Told<'a> {
    fault: &'a Fault,
    kind: Option<&'static FaultKind>,
    /// How many requests it has done something to before.
    count: u64,
}

impl Told<'_> {
    fn context(&self) -> Context {
        let usual = self.kind.and_then(|kind| kind.amount);
        let usual = usual.map_or(0.0, |amount| amount.usual);
        Context {
            amount: self.fault.amount.unwrap_or(usual),
            count: self.count,
        }
    }

    /// Changes what is asked.
    pub(crate) fn ask(&self, now: i64, parameters: &mut Vec<(String, String)>) {
        if let Some(kind) = self.kind {
            (kind.ask)(self.context(), now, parameters);
        }
    }

    /// What is answered to a request for a URL, in place of the truth.
    pub(crate) fn reply(&self, url: &str, truth: impl FnOnce() -> Answer) -> Reply {
        let told = &self.fault.answer;
        let mut reply = match told.status {
            Some(status) => {
                let mut reply = Reply::of(error_of_status(status));
                if let Some(body) = &told.body {
                    reply.answer.body.clone_from(body);
                    reply.as_it_is = true;
                }
                reply
            }
            None => Reply::of(truth()),
        };
        if let Some(kind) = self.kind {
            (kind.answer)(self.context(), url, &mut reply);
        }
        let headers = told.headers.iter();
        reply
            .headers
            .extend(headers.map(|(name, value)| (name.clone(), value.clone())));
        reply.delay = told.delay;
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of ten requests, one each scenario second, the faults do something to.
    fn done(faults: Vec<Fault>) -> Vec<i64> {
        let faults = Faults::new(faults);
        let seconds = 0..10;
        seconds
            .filter(|at| faults.next("/api/v1/query", at * 1000).is_some())
            .collect()
    }

    #[test]
    fn a_fault_has_its_time_its_turn_and_its_end() {
        let always = Fault::default;
        assert_eq!(done(vec![always()]).len(), 10);
        let until = Some(5.0);
        assert_eq!(
            done(vec![Fault {
                from: 3.0,
                until,
                ..always()
            }]),
            [3, 4]
        );
        assert_eq!(
            done(vec![Fault {
                every: 3,
                ..always()
            }]),
            [2, 5, 8]
        );
        let times = Some(2);
        assert_eq!(done(vec![Fault { times, ..always() }]), [0, 1]);
        assert_eq!(
            done(vec![Fault {
                times,
                every: 3,
                from: 1.0,
                ..always()
            }]),
            [3, 6]
        );
        let elsewhere = vec!["/api/v1/series".to_owned()];
        assert_eq!(
            done(vec![Fault {
                paths: elsewhere,
                ..always()
            }]),
            Vec::<i64>::new()
        );
        let after = Fault {
            every: 2,
            ..always()
        };
        assert_eq!(
            done(vec![Fault { times, ..always() }, after]),
            [0, 1, 3, 5, 7, 9]
        );
    }
}
