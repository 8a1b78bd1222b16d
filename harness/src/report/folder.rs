//! Writes a report into a folder.

use std::path::Path;

use super::document::Report;
use super::{archive, curves};

impl Report {
    /// Writes `report.json`, `report.md`, `report.html` and `junit.xml` into a folder, the first and the last also in
    /// `evidence.tar.gz` with what was applied and what happened; timeline and evidence of each failure as text, and the curves
    /// of each HPA as SVG.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        let junit = self.to_junit().map_err(std::io::Error::other)?;
        std::fs::write(folder.join("report.json"), &json)?;
        std::fs::write(folder.join("junit.xml"), &junit)?;
        std::fs::write(folder.join("report.md"), self.to_markdown())?;
        std::fs::write(folder.join("report.html"), self.to_html())?;
        std::fs::write(folder.join(archive::NAME), self.archive(&json, &junit)?)?;
        self.write_curves(folder)?;
        for outcome in self
            .scenarios
            .iter()
            .filter(|outcome| !outcome.evidence.is_empty())
        {
            let sections: Vec<String> = outcome
                .evidence
                .iter()
                .map(|piece| format!("== {}\n{}\n", piece.name, piece.text))
                .collect();
            let text = format!(
                "== timeline\n{}\n\n{}\n== again\n{}\n",
                outcome.timeline_text(),
                sections.join("\n"),
                outcome.again
            );
            let file = folder.join(format!("{}.evidence.txt", outcome.name.replace('/', "-")));
            std::fs::write(file, text)?;
        }
        Ok(())
    }

    fn write_curves(&self, folder: &Path) -> std::io::Result<()> {
        for outcome in &self.scenarios {
            for curves in curves::of(outcome) {
                let name = format!("{}.{}.svg", outcome.name, curves.hpa).replace('/', "-");
                std::fs::write(folder.join(name), curves::draw(&curves))?;
            }
        }
        Ok(())
    }
}
