//! Go's `text/template` with the delimiters `<<` and `>>`, as far as it matters in templates of
//! queries and labels.
//!
//! There is all of it but `call` and complex numbers, and `printf` has the verbs that make sense in a
//! query. Whatever a template does ends soon: see `budget`.
//! `ci/golden/template` records what Go answers, which the tests here compare.

mod budget;
mod error;
mod escape;
mod execute;
mod fields;
mod format;
mod functions;
mod literal;
mod parse;
mod tokens;
mod tree;
mod value;

pub use error::TemplateError;
pub(crate) use value::{Text, Value};

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Template {
    text: String,
    tree: tree::Tree,
}

impl Template {
    /// Compiles a template. An empty one gives no text.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let tree = parse::parse(text).map_err(|fault| fault.in_text(text))?;
        Ok(Self {
            text: text.to_owned(),
            tree,
        })
    }

    /// The template as it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether all fields of the data that the template names are among those known.
    pub(crate) fn check_fields(&self, known: &[&'static str]) -> Result<(), TemplateError> {
        fields::check(&self.tree.nodes, known, true).map_err(|fault| fault.in_text(&self.text))
    }

    /// The text that the template gives for data.
    pub(crate) fn render(&self, data: &Value) -> Result<String, TemplateError> {
        execute::execute(&self.tree, data).map_err(|fault| fault.in_text(&self.text))
    }
}

#[cfg(test)]
mod tests;
