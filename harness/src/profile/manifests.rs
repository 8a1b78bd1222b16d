//! The files with objects that an adapter has beside it.

use serde_json::Value;
use serde_saphyr::Spanned;

use crate::format::located;

/// The objects of a file with this text, which may hold several documents.
///
/// # Errors
/// What is wrong, each with line and column: it is no YAML, or a document is no object.
pub(super) fn objects_of(text: &str) -> Result<Vec<Value>, Vec<String>> {
    let documents = serde_saphyr::from_multiple::<Spanned<Value>>(text);
    let documents = documents.map_err(|error| vec![located(&error)])?;
    let problems: Vec<String> = documents
        .iter()
        .filter_map(|document| {
            let (at, problem) = (document.referenced, no_object(&document.value)?);
            Some(format!("{}:{}: {problem}", at.line(), at.column()))
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let documents = documents.into_iter();
    Ok(documents.map(|document| document.value).collect())
}

/// Why a document is no object that can be applied, if so.
fn no_object(document: &Value) -> Option<String> {
    let lack = |field: &str| {
        let pointer = format!("/{}", field.replace('.', "/"));
        match document.pointer(&pointer) {
            Some(Value::String(_)) => None,
            None | Some(Value::Null) => Some(field.to_owned()),
            Some(_) => Some(format!("{field} that is a text")),
        }
    };
    let lacks = ["apiVersion", "kind", "metadata.name"].into_iter();
    let lacks: Vec<String> = lacks.filter_map(lack).collect();
    if lacks.is_empty() {
        return None;
    }
    let kind = document["kind"].as_str().unwrap_or_default();
    if kind.ends_with("List") && document["items"].is_array() {
        return Some(format!(
            "a {kind} is no object of its own: make each of its items a document"
        ));
    }
    if lacks == ["metadata.name"] && document["metadata"]["generateName"].is_string() {
        let problem = "expected metadata.name in place of metadata.generateName: objects are applied by their names";
        return Some(problem.to_owned());
    }
    let lacks = lacks.join(" and no ");
    Some(format!(
        "a document has no {lacks}, so it is no Kubernetes object"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_no_object_is_told_with_its_place_and_what_it_lacks() {
        let text = "\
# Objects beside the adapter.
---
---
{apiVersion: v1, kind: Secret, metadata: {name: a}}
---
# No object.
apiVersion: v1
metadata: {name: 5}
---
{apiVersion: v1, kind: List, items: []}
---
{apiVersion: batch/v1, kind: Job, metadata: {generateName: a-}}
---
text
";
        let expected = [
            "7:1: a document has no kind and no metadata.name that is a text, so it is no Kubernetes object",
            "10:1: a List is no object of its own: make each of its items a document",
            "12:1: expected metadata.name in place of metadata.generateName: objects are applied by their names",
            "14:1: a document has no apiVersion and no kind and no metadata.name, so it is no Kubernetes object",
        ];
        assert_eq!(objects_of(text).unwrap_err(), expected);
        let no_yaml = objects_of("a: 1\n---\nb: [\n").unwrap_err();
        assert_eq!(no_yaml.len(), 1);
    }
}
