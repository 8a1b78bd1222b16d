//! A value that is good for a moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last value, while it is young: what many requests ask for at once is found out once.
pub(super) struct Kept<T> {
    age: Duration,
    last: Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> Kept<T> {
    pub(super) fn for_(age: Duration) -> Self {
        Self {
            age,
            last: Mutex::new(None),
        }
    }

    /// The last value, or one that is found out now. An error is not kept.
    pub(super) async fn or<E>(
        &self,
        find_out: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut last = self.last.lock().await;
        if let Some(value) = self.young(&last) {
            return Ok(value);
        }
        let value = Arc::new(find_out.await?);
        *last = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    fn young(&self, last: &Option<(Instant, Arc<T>)>) -> Option<Arc<T>> {
        let (since, value) = last.as_ref()?;
        (since.elapsed() < self.age).then(|| value.clone())
    }

    /// The last value, however old it is.
    pub(super) async fn last(&self) -> Option<Arc<T>> {
        let last = self.last.lock().await;
        last.as_ref().map(|(_, value)| value.clone())
    }

    /// As [`Self::or`], and the last value, however old, where none can be found out, or where it is equal.
    pub(super) async fn renewed<E>(
        &self,
        find_out: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E>
    where
        T: PartialEq,
    {
        let mut last = self.last.lock().await;
        if let Some(value) = self.young(&last) {
            return Ok(value);
        }
        match find_out.await {
            Ok(value) => {
                let old = last.as_ref().map(|(_, old)| old.clone());
                let value = old
                    .filter(|old| **old == value)
                    .unwrap_or_else(|| Arc::new(value));
                *last = Some((Instant::now(), value.clone()));
                Ok(value)
            }
            Err(error) => last.as_ref().map(|(_, old)| old.clone()).ok_or(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_found_out_anew_when_it_is_old_and_an_error_each_time() {
        let kept = Kept::for_(Duration::from_secs(3600));
        assert_eq!(kept.or(async { Err::<i32, _>("no") }).await, Err("no"));
        assert_eq!(*kept.or(async { Ok::<_, ()>(1) }).await.unwrap(), 1);
        assert_eq!(*kept.or(async { Ok::<_, ()>(2) }).await.unwrap(), 1);
        let fleeting = Kept::for_(Duration::ZERO);
        assert_eq!(*fleeting.or(async { Ok::<_, ()>(1) }).await.unwrap(), 1);
        assert_eq!(*fleeting.or(async { Ok::<_, ()>(2) }).await.unwrap(), 2);
        assert_eq!(fleeting.last().await.as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn a_value_is_renewed_when_it_is_old_and_stays_where_that_fails() {
        let kept = Kept::for_(Duration::from_secs(3600));
        assert_eq!(kept.renewed(async { Err::<i32, _>("no") }).await, Err("no"));
        assert_eq!(*kept.renewed(async { Ok::<_, ()>(1) }).await.unwrap(), 1);
        assert_eq!(*kept.renewed(async { Ok::<_, ()>(2) }).await.unwrap(), 1);
        let fleeting = Kept::for_(Duration::ZERO);
        assert_eq!(
            *fleeting.renewed(async { Ok::<_, ()>(1) }).await.unwrap(),
            1
        );
        let one = fleeting.renewed(async { Ok::<_, ()>(1) }).await.unwrap();
        let again = fleeting.renewed(async { Ok::<_, ()>(1) }).await.unwrap();
        assert!(Arc::ptr_eq(&one, &again));
        assert_eq!(*fleeting.renewed(async { Err(()) }).await.unwrap(), 1);
        assert_eq!(
            *fleeting.renewed(async { Ok::<_, ()>(2) }).await.unwrap(),
            2
        );
    }
}
