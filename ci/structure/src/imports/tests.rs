use super::*;

/// A crate of these files, with what each folder import of a cycle is.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let krate = Crate::read("example", folder.path()).unwrap();
    let prefix = format!("{}/src/", folder.path().display());
    cycles(&krate)
        .into_iter()
        .map(|cycle| {
            let place = if cycle.is_within_a_module {
                "within a module, "
            } else {
                ""
            };
            place.to_owned() + &cycle.text.replace(&prefix, "")
        })
        .collect()
}

#[test]
fn files_of_different_folders_that_import_each_other_are_told_with_what_they_import() {
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "pub(crate) struct A; fn f(_: crate::b::B) {}"),
        ("b/mod.rs", "mod inner; pub(crate) use inner::B;"),
        ("b/inner.rs", "use crate::a::A; pub(crate) struct B(A);"),
    ]);
    assert_eq!(
        found,
        [
            "example: 2 files of different folders import each other:\n  \
             a/mod.rs imports crate::b::B from b/inner.rs\n  \
             b/inner.rs imports crate::a::A from a/mod.rs"
        ]
    );
}

#[test]
fn imports_within_a_folder_one_way_and_in_tests_are_no_cycles() {
    for files in [
        // Within one folder.
        [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub(crate) struct A(B);"),
            ("b.rs", "use crate::a::A; pub(crate) struct B(Box<A>);"),
        ],
        // By tests only.
        [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "use crate::b::B; pub(crate) struct A(B);"),
            (
                "b/mod.rs",
                "pub(crate) struct B; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
        ],
        // A name that is exported again is of the file that defines it, not of the one that exports it.
        [
            ("lib.rs", "mod a; mod b; pub use b::B;"),
            ("a/mod.rs", "use crate::B; pub(crate) struct A(B);"),
            ("b/mod.rs", "pub struct B;"),
        ],
        // Nor does the module that exports it import it.
        [
            ("lib.rs", "mod a;"),
            (
                "a/mod.rs",
                "mod inner; pub use inner::deep::B; pub struct A;",
            ),
            (
                "a/inner/mod.rs",
                "pub(crate) mod deep { use super::super::A; pub struct B(A); }",
            ),
        ],
    ] {
        assert_eq!(cycles_of(&files), [""; 0], "{files:?}");
    }
}

#[test]
fn paths_in_expressions_macros_and_by_imported_modules_count() {
    let other = ("b/mod.rs", "pub(crate) fn f() { crate::a::g(); }");
    for text in [
        "pub(crate) fn g() { crate::b::f() }",
        "pub(crate) fn g() { println!(\"{:?}\", crate::b::f()); }",
        "use crate::b; pub(crate) fn g() { b::f() }",
        "use super::b::{self as other}; pub(crate) fn g() { other::f() }",
        "use crate::b::*; pub(crate) fn g() { self::f() }",
        "pub(crate) use crate::b::f; pub(crate) fn g() { f() }",
    ] {
        let files = [("lib.rs", "mod a; mod b;"), ("a/mod.rs", text), other];
        assert_eq!(cycles_of(&files).len(), 1, "{text}");
    }
}

#[test]
fn a_module_and_its_child_modules_share_a_folder() {
    let child = "use super::A; pub(crate) struct B(A);";
    let files = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; pub(crate) struct A; fn f(_: b::B) {}"),
        ("a/b.rs", child),
    ];
    assert_eq!(cycles_of(&files), [""; 0]);
}

#[test]
fn a_module_that_imports_from_a_child_folder_which_imports_from_it_is_told_apart() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; pub(crate) struct A; fn f(_: b::B) {}"),
        ("a/b/mod.rs", "use super::A; pub(crate) struct B(A);"),
    ];
    assert_eq!(
        cycles_of(&files),
        [
            "within a module, example: 2 files of different folders import each other:\n  \
             a/b/mod.rs imports super::A from a/mod.rs\n  \
             a/mod.rs imports b::B from a/b/mod.rs"
        ]
    );
    // The crate's own folder is no module's.
    let files = [
        ("lib.rs", "mod a; struct A; fn f(_: a::B) {}"),
        ("a/mod.rs", "use super::A; pub(crate) struct B(A);"),
    ];
    assert!(cycles_of(&files)[0].starts_with("example: "));
}
