//! Values as `kubectl get` asks for them: a `meta/v1` `Table`
//! (`sigs.k8s.io/metrics-server/pkg/api/table.go`).

use serde::Serialize;

use crate::ListMeta;
use crate::resource::{Document, ObjectMeta, ObjectMetrics, Usage};

/// What the rows of a table carry beside their cells (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The metadata of the object.
    Metadata,
    /// The whole object.
    Object,
}

/// A table of objects and what they take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table<T> {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListMeta,
    /// None where there are no rows, as in metrics-server.
    column_definitions: Option<[Column; 4]>,
    rows: Option<Vec<Row<T>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Column {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    format: &'static str,
    description: &'static str,
    priority: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row<T> {
    cells: [String; 4],
    object: Option<RowObject<T>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum RowObject<T> {
    #[serde(rename_all = "camelCase")]
    Metadata {
        kind: &'static str,
        api_version: &'static str,
        metadata: ObjectMeta,
    },
    Object(Document<T>),
}

const fn column(name: &'static str, format: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        format,
        description,
        priority: 0,
    }
}

const COLUMNS: [Column; 4] = [
    column("Name", "name", "Name of the resource"),
    column("cpu", "quantity", ""),
    column("memory", "quantity", ""),
    column("Window", "duration", ""),
];

impl<T: ObjectMetrics> Table<T> {
    /// A table of these objects.
    #[must_use]
    pub fn new(objects: Vec<T>, include: IncludeObject) -> Self {
        let rows: Vec<_> = objects.into_iter().map(|one| row(one, include)).collect();
        Self {
            kind: "Table",
            api_version: "meta.k8s.io/v1",
            metadata: ListMeta::default(),
            column_definitions: (!rows.is_empty()).then_some(COLUMNS),
            rows: (!rows.is_empty()).then_some(rows),
        }
    }
}

fn row<T: ObjectMetrics>(object: T, include: IncludeObject) -> Row<T> {
    let Usage { cpu, memory } = object.usage();
    let cells = [
        object.metadata().name.clone(),
        cpu.to_string(),
        memory.to_string(),
        object.window().to_string(),
    ];
    let object = match include {
        IncludeObject::None => None,
        IncludeObject::Metadata => Some(RowObject::Metadata {
            kind: "PartialObjectMetadata",
            api_version: "meta.k8s.io/v1",
            metadata: object.metadata().clone(),
        }),
        IncludeObject::Object => Some(RowObject::Object(object.into())),
    };
    Row { cells, object }
}
