//! What goes on beside the steps of a scenario, until it ends.

use std::collections::HashMap;

use tokio::task::{Id, JoinSet};

use crate::outcome::{HarnessProblem, Unmet};

/// Named tasks that should go on as long as the scenario does. They end with this value.
#[derive(Default)]
pub(super) struct BackgroundTasks {
    tasks: JoinSet<Unmet>,
    names: HashMap<Id, &'static str>,
}

impl BackgroundTasks {
    /// Starts a task that never ends by itself.
    pub(super) fn spawn(
        &mut self,
        what: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn_until_problem(what, async move {
            task.await;
            HarnessProblem::TaskEnded { what }
        });
    }

    /// Starts a task that ends when it finds a problem.
    pub(super) fn spawn_until_problem<P: Into<Unmet>>(
        &mut self,
        what: &'static str,
        task: impl Future<Output = P> + Send + 'static,
    ) {
        let task = self.tasks.spawn(async move { task.await.into() });
        self.names.insert(task.id(), what);
    }

    /// Returns when the next task has ended, and why. Without tasks it waits for ever.
    pub(super) async fn ended(&mut self) -> Unmet {
        match self.tasks.join_next().await {
            Some(Ok(unmet)) => unmet,
            // It has panicked, and said so on standard error.
            Some(Err(error)) => {
                let what = self.names.get(&error.id()).copied();
                HarnessProblem::TaskEnded {
                    what: what.unwrap_or("a task"),
                }
                .into()
            }
            None => std::future::pending().await,
        }
    }

    /// Ends all tasks, and waits until they have let go what they hold.
    pub(super) async fn end(&mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Arc;

    use super::*;
    use crate::outcome::{ClusterProblem, Owner};

    #[tokio::test]
    async fn a_task_that_ends_says_its_name_and_one_with_a_problem_what_it_found() {
        let mut tasks = BackgroundTasks::default();
        tasks.spawn("the watch on cats", pending());
        tasks.spawn("the watch on dogs", ready(()));
        let ended = tasks.ended().await;
        assert_eq!(ended.owner(), Owner::Harness);
        assert!(ended.to_string().contains("the watch on dogs"), "{ended}");
        let of = || "birds".to_owned();
        tasks.spawn_until_problem(
            "the API server",
            ready(ClusterProblem::WatchEnded { of: of() }),
        );
        assert_eq!(tasks.ended().await.owner(), Owner::Cluster);
        tasks.spawn("the watch on fish", async { panic!("it is wet") });
        let ended = tasks.ended().await;
        assert!(ended.to_string().contains("the watch on fish"), "{ended}");
    }

    #[tokio::test]
    async fn what_tasks_hold_is_free_when_they_have_been_ended() {
        let mut tasks = BackgroundTasks::default();
        let held = Arc::new(());
        let holds = held.clone();
        tasks.spawn("a watch", async move {
            pending::<()>().await;
            drop(holds);
        });
        tasks.end().await;
        assert!(Arc::into_inner(held).is_some());
    }
}
