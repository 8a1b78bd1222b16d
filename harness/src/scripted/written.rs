//! Documents as they are sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::Mutex;

use super::Table;

/// The last text of each document. It is written once for a table: kube-apiserver asks for each version five times at once to see whether it is
/// available (kube-aggregator, `remote_available_controller.go`), and a debug build takes a second for ten thousand metrics.
#[derive(Default)]
pub(super) struct Written {
    last: Mutex<BTreeMap<String, (Arc<Table>, Bytes)>>,
}

impl Written {
    /// The text of the document `name` of this table.
    pub(super) async fn of(
        &self,
        table: &Arc<Table>,
        name: &str,
        document: impl FnOnce(&Table) -> Value,
    ) -> Bytes {
        let mut last = self.last.lock().await;
        if let Some((of, text)) = last.get(name)
            && Arc::ptr_eq(of, table)
        {
            return text.clone();
        }
        let text = Bytes::from(document(table).to_string());
        last.insert(name.to_owned(), (table.clone(), text.clone()));
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
        assert_eq!(written.of(&one, "a", |_| 1.into()).await, "1");
        assert_eq!(written.of(&one, "a", |_| 2.into()).await, "1");
        assert_eq!(written.of(&one, "b", |_| 3.into()).await, "3");
        assert_eq!(written.of(&other, "a", |_| 4.into()).await, "4");
    }
}
