//! Ids of the obligations and facts that scenarios and steps prove.

use std::collections::BTreeMap;

use crate::matrix::{Matrix, matrix, near};

/// What is wrong with ids, by their positions.
pub(super) fn problems(ids: &[String]) -> BTreeMap<usize, String> {
    // A test reads it, so that it is there.
    let matrix = matrix().ok();
    let mut problems = BTreeMap::new();
    for (index, id) in ids.iter().enumerate() {
        let is_twice = ids.iter().take(index).any(|before| before == id);
        let twice = is_twice.then(|| format!("`{id}` stands here twice"));
        let unknown = matrix.and_then(|matrix| unknown(matrix, id));
        if let Some(problem) = unknown.or(twice) {
            problems.insert(index, problem);
        }
    }
    problems
}

/// What is wrong with an id that no entry has.
fn unknown(matrix: &Matrix, id: &str) -> Option<String> {
    if id.is_empty() {
        return Some("expected an id, such as C04".to_owned());
    }
    match matrix.find(id) {
        Some((_, entry)) if entry.id == id => None,
        Some((_, entry)) => Some(format!("`{id}` is written `{}`", entry.id)),
        None => Some(match near(matrix, id).as_slice() {
            [] => format!("there is no `{id}`; `setpoint explain` says what there is"),
            near => format!("there is no `{id}`; near it are {}", near.join(", ")),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ids: &[&str]) -> Vec<String> {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        let problems = problems(&ids).into_iter();
        problems
            .map(|(index, problem)| format!("{index}: {problem}"))
            .collect()
    }

    #[test]
    fn ids_of_the_matrix_are_no_problem() {
        assert!(told(&[]).is_empty());
        assert!(told(&["C04", "N42"]).is_empty());
    }

    #[test]
    fn an_id_that_is_not_there_is_told_with_what_may_be_meant() {
        assert_eq!(
            told(&["C04", "c05", "ZZZ99", "", "C04"]),
            [
                "1: `c05` is written `C05`",
                "2: there is no `ZZZ99`; `setpoint explain` says what there is",
                "3: expected an id, such as C04",
                "4: `C04` stands here twice",
            ]
        );
        let near = &told(&["C99"])[0];
        assert!(
            near.starts_with("0: there is no `C99`; near it are C"),
            "{near}"
        );
    }
}
