//! Documents as they are sent.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::Mutex;

use super::Table;

/// The last text of a document. It is written once for a table: a debug build takes a second for ten thousand metrics, and kube-apiserver asks five
/// times at once.
#[derive(Default)]
pub(super) struct Written {
    last: Mutex<Option<(Arc<Table>, Bytes)>>,
}

impl Written {
    /// The text of the document of this table.
    pub(super) async fn of(
        &self,
        table: &Arc<Table>,
        document: impl FnOnce(&Table) -> Value,
    ) -> Bytes {
        let mut last = self.last.lock().await;
        if let Some((of, text)) = &*last
            && Arc::ptr_eq(of, table)
        {
            return text.clone();
        }
        let text = Bytes::from(document(table).to_string());
        *last = Some((table.clone(), text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_document_is_written_once_for_a_table_and_anew_for_another() {
        let written = Written::default();
        let (one, other) = (Arc::new(Table::default()), Arc::new(Table::default()));
        assert_eq!(written.of(&one, |_| 1.into()).await, "1");
        assert_eq!(written.of(&one, |_| 2.into()).await, "1");
        assert_eq!(written.of(&other, |_| 3.into()).await, "3");
    }
}
