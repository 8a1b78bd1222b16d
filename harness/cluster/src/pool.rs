//! Clusters that their holders have given back clean, for the next ones.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use parking_lot::Mutex;

use crate::cluster::{Cluster, StopError};
use crate::provider::{ClusterStatus, Lease, ProviderError, StartOptions};

/// What a backend says of its clusters beside their use.
#[async_trait]
pub(crate) trait Pooled: Cluster + 'static {
    /// See [`Lease::keep`].
    async fn keep(&self) -> Result<Option<ClusterStatus>, ProviderError>;
}

/// The clusters of a backend that nobody has at the moment.
#[derive(Debug)]
pub(crate) struct Pool<C>(Arc<Mutex<Vec<Arc<C>>>>);

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Pooled> Pool<C> {
    /// A cluster that was given back, if such a one will do, else the one that `start` gives.
    ///
    /// # Errors
    /// Those of `start`.
    pub(crate) async fn lease<E>(
        &self,
        options: &StartOptions,
        start: impl Future<Output = Result<C, E>>,
    ) -> Result<Box<dyn Lease>, E> {
        let is_shared = options.may_be_shared();
        let idle = is_shared.then(|| self.0.lock().pop()).flatten();
        let cluster = match idle {
            Some(cluster) => cluster,
            None => Arc::new(start.await?),
        };
        Ok(Box::new(PooledLease {
            cluster,
            is_shared,
            pool: self.clone(),
        }))
    }

    /// Ends the clusters that nobody has.
    ///
    /// # Errors
    /// When one of them doesn't end.
    pub(crate) async fn close(&self) -> Result<(), StopError> {
        let idle = std::mem::take(&mut *self.0.lock());
        let ends = join_all(idle.iter().map(|cluster| cluster.stop())).await;
        ends.into_iter().collect()
    }
}

/// A cluster that waits for its next holder when it is given back.
struct PooledLease<C> {
    cluster: Arc<C>,
    is_shared: bool,
    pool: Pool<C>,
}

#[async_trait]
impl<C: Pooled> Lease for PooledLease<C> {
    fn cluster(&self) -> Arc<dyn Cluster> {
        self.cluster.clone()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn give_back(self: Box<Self>, clean: bool) -> Result<(), StopError> {
        if self.is_shared && clean {
            self.pool.0.lock().push(self.cluster);
            return Ok(());
        }
        self.cluster.stop().await
    }

    async fn keep(self: Box<Self>) -> Result<Option<ClusterStatus>, ProviderError> {
        self.cluster.keep().await
    }
}
