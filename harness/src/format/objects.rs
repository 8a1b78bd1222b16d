//! Objects that a scenario applies together: each has a name that it can have, and stands there once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::copies::{self, Count, NUMBER};
use super::reference::Identity;
use super::{Checks, ObjectRef, Place};

/// The keys of copies.
const KEYS: [&str; 2] = ["copies", "of"];

impl Checks<'_> {
    /// Objects.
    pub(crate) fn objects(&mut self, objects: &[Value], list: &Place) {
        let mut seen = BTreeSet::new();
        for (index, object) in objects.iter().enumerate() {
            self.one_object(object, list.item(index), &mut seen);
        }
    }

    /// Objects, of which some may be copies.
    pub(crate) fn objects_and_copies(&mut self, written: &[Value], list: &Place) {
        let mut seen = BTreeSet::new();
        for (index, written) in written.iter().enumerate() {
            let place = list.item(index);
            if copies::are_copies(written) {
                self.copies(written, place, &mut seen);
            } else {
                self.one_object(written, place, &mut seen);
            }
        }
    }

    /// An object alone.
    pub(crate) fn object(&mut self, object: &Value, place: &Place) {
        self.one_object(object, place, &mut BTreeSet::new());
    }

    fn one_object(&mut self, object: &Value, place: &Place, seen: &mut BTreeSet<Identity>) {
        self.manifest(object, place);
        // What has no name was told.
        if !is_named(object) {
            return;
        }
        let place = place.key("metadata");
        let reference = ObjectRef::of(object);
        self.reference(&reference, place);
        if !seen.insert(reference.identity()) {
            self.at(place.key("name"), format!("{reference} stands here twice"));
        }
    }

    fn copies(&mut self, written: &Value, place: &Place, seen: &mut BTreeSet<Identity>) {
        let fields = written.as_object().into_iter().flatten();
        for (key, _) in fields.filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let problem = format!("unknown field `{key}`, expected one of {}", KEYS.join(", "));
            self.at(place.key(key), problem);
        }
        let count = Count::of(&written["copies"]);
        if let Err(problem) = &count {
            self.at(place.key("copies"), problem.to_string());
        }
        let Some(of) = written.get("of") else {
            return self.at(place, "say by `of` what there are copies of");
        };
        let place = place.key("of");
        let mut numbers = count.map(Count::numbers).into_iter().flatten();
        let first = numbers.next().unwrap_or_else(|| "1".to_owned());
        self.one_object(&copies::numbered(of, &first), place, seen);
        if is_named(of) {
            self.further_copies(&ObjectRef::of(of), &first, numbers, place, seen);
        }
    }

    fn further_copies(
        &mut self,
        of: &ObjectRef,
        first: &str,
        numbers: impl Iterator<Item = String>,
        place: &Place,
        seen: &mut BTreeSet<Identity>,
    ) {
        let first = copies::numbered_reference(of, first).identity();
        let mut copies = numbers.map(|number| copies::numbered_reference(of, &number));
        // One is enough: all others are wrong in the same way.
        let Some(twice) = copies.find(|copy| !seen.insert(copy.identity())) else {
            return;
        };
        let problem = if twice.identity() == first {
            format!(
                "each copy is {twice}; `{NUMBER}` in its name stands for the number of the copy"
            )
        } else {
            format!("{twice} stands here twice")
        };
        self.at(place.key("metadata").key("name"), problem);
    }
}

fn is_named(object: &Value) -> bool {
    object["metadata"]["name"].is_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn problems(list: &str) -> String {
        let objects: Vec<Value> = serde_saphyr::from_str(list).unwrap();
        let mut checks = Checks::new(Path::new("."));
        checks.objects_and_copies(&objects, &Place::of(list));
        checks.problems().join("\n")
    }

    const POD: &str = "- {apiVersion: v1, kind: Pod, metadata: {name: web}}\n";

    #[test]
    fn an_object_stands_once_in_a_list() {
        let other = POD.replace("name: web", "name: web, namespace: shop");
        let service = POD.replace("Pod", "Service");
        assert_eq!(problems(&[POD, &other, &service].concat()), "");
        let named = POD.replace("name: web", "namespace: default, name: web");
        assert_eq!(
            problems(&[POD, &service, &named].concat()),
            "3:68: Pod web stands here twice"
        );
    }

    #[test]
    fn copies_have_names_of_their_own() {
        let copies = |name: &str, rest: &str| {
            format!(
                "- {{copies: 3, of: {{apiVersion: v1, kind: Pod, metadata: {{name: '{name}'}}}}{rest}}}\n"
            )
        };
        assert_eq!(problems(&copies("web-{n}", "")), "");
        assert_eq!(
            problems(&copies("web", "")),
            "1:64: each copy is Pod web; `{n}` in its name stands for the number of the copy"
        );
        let second = POD.replace("web", "web-2");
        assert_eq!(
            problems(&[second, copies("web-{n}", "")].concat()),
            "2:64: Pod web-2 stands here twice"
        );
        assert_eq!(
            problems(&copies("Web-{n}", ", number: 4"))
                .lines()
                .map(|told| told.split(';').next().unwrap())
                .collect::<Vec<_>>(),
            [
                "1:64: no object can have the name `Web-1`",
                "1:85: unknown field `number`, expected one of copies, of"
            ]
        );
    }

    #[test]
    fn copies_that_can_not_be_are_told() {
        assert_eq!(
            problems("- {copies: 0}\n- {copies: 100000000, of: {apiVersion: v1, kind: Pod}}\n"),
            "1:3: say by `of` what there are copies of\n\
             1:12: `copies` is between 1 and 10000, not 0\n\
             2:12: `copies` is between 1 and 10000, not 100000000\n\
             2:27: a manifest has no `metadata.name`: {\"apiVersion\":\"v1\",\"kind\":\"Pod\"}"
        );
    }
}
