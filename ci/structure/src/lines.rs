//! Lines that are neither blank, nor comments, nor for tests.

use std::fmt::Write as _;

use syn::visit::{self, Visit};
use syn::{GenericArgument, ImplItem, Item, PathArguments, Type, TypePath};

use crate::source::{Crate, SourceFile, is_for_tests};

/// The lines of each crate, and of all.
pub(crate) fn table(crates: &[Crate]) -> String {
    let mut table = String::new();
    let mut total = 0;
    for krate in crates {
        let lines = of_crate(krate);
        total += lines;
        let _ = writeln!(table, "{:<24} {lines:>6}", krate.name);
    }
    let _ = writeln!(table, "{:<24} {total:>6}", "total");
    table
}

pub(crate) fn of_crate(krate: &Crate) -> usize {
    krate.files().map(of_file).sum()
}

fn of_file(file: &SourceFile) -> usize {
    let mut tests = Tests::default();
    tests.visit_file(&file.syntax);
    let lines = (1..).zip(file.text.lines());
    lines
        .filter(|(number, line)| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with("//")
                && !tests.ranges.iter().any(|range| range.contains(number))
        })
        .count()
}

/// The lines of items that are for tests.
#[derive(Default)]
struct Tests {
    ranges: Vec<std::ops::RangeInclusive<usize>>,
}

impl Tests {
    fn add(&mut self, item: &impl syn::spanned::Spanned) {
        let span = item.span();
        self.ranges.push(span.start().line..=span.end().line);
    }
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            self.add(item);
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            ImplItem::Fn(function) if is_for_tests(&function.attrs) => self.add(item),
            _ => visit::visit_impl_item(self, item),
        }
    }
}

/// The attributes of an item that can be for tests.
pub(crate) fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// How often `Result<_, String>` stands in a crate.
pub(crate) fn string_errors(krate: &Crate) -> usize {
    krate
        .files()
        .map(|file| {
            let mut found = StringErrors(0);
            found.visit_file(&file.syntax);
            found.0
        })
        .sum()
}

struct StringErrors(usize);

impl<'ast> Visit<'ast> for StringErrors {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        let last = path.path.segments.last();
        if let Some(last) = last.filter(|last| last.ident == "Result")
            && let PathArguments::AngleBracketed(arguments) = &last.arguments
            && let Some(GenericArgument::Type(Type::Path(error))) = arguments.args.iter().nth(1)
            && error.path.is_ident("String")
        {
            self.0 += 1;
        }
        visit::visit_type_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const TEXT: &str = "//! Docs.\n\nuse a::b; // why\n\n/// Docs.\nfn f() -> Result<(), String> {\n    // Why.\n    g()\n}\n\
        impl T {\n    #[cfg(test)]\n    fn for_tests() {}\n}\n#[cfg(test)]\nmod tests {\n    fn g() -> Result<(), String> {}\n}\n";

    #[test]
    fn blank_lines_comments_and_tests_do_not_count() {
        let file = SourceFile {
            path: PathBuf::new(),
            text: TEXT.to_owned(),
            syntax: syn::parse_file(TEXT).unwrap(),
        };
        // `use`, the three lines of `f`, and the two of the `impl` that are left.
        assert_eq!(of_file(&file), 6);
        let mut found = StringErrors(0);
        found.visit_file(&file.syntax);
        assert_eq!(found.0, 1);
    }
}
