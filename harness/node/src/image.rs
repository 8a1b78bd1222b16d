//! Image names and the programs that stand for them where there are no images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a container of a local image finds at `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageRoot {
    /// Nothing but the program, `/dev`, `/proc`, `/tmp` and the pod's own `/etc`: for static programs.
    Empty,
    /// Besides that the host's `/usr`, `/lib*`, `/bin` and `/etc/ssl`, read-only.
    HostLibraries,
}

/// A program that stands for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalImage {
    /// The program's path on the host. In the container it is `/<file name>`, the image's ENTRYPOINT, or
    /// `/image/<file name>` where a volume is mounted on the former.
    pub program: PathBuf,
    /// What the program's root holds.
    pub root: ImageRoot,
}

/// Which program stands for which image.
///
/// Keys are image names as manifests write them, without tag and digest: `ghcr.io/setpoint-dev/setpoint`
/// stands for every tag of it. A pod whose images are all unknown runs nothing and becomes Ready.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageTable(BTreeMap<String, LocalImage>);

impl ImageTable {
    /// Lets `image` stand for all tags of `name`, a tag in `name` notwithstanding; the last word counts.
    pub fn insert(&mut self, name: impl Into<String>, image: LocalImage) {
        let name = name.into();
        self.0.insert(repository_of(&name).to_owned(), image);
    }

    /// The program for an image reference with or without tag and digest.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Option<&LocalImage> {
        self.0.get(repository_of(reference))
    }
}

/// The reference without digest and tag. A colon before the last slash belongs to a registry's port.
#[must_use]
pub fn repository_of(reference: &str) -> &str {
    let undigested = reference
        .split_once('@')
        .map_or(reference, |(name, _)| name);
    let name_start = undigested.rfind('/').map_or(0, |slash| slash + 1);
    undigested[name_start..]
        .find(':')
        .map_or(undigested, |colon| &undigested[..name_start + colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_and_digest_are_not_part_of_an_images_name() {
        for (reference, name) in [
            ("a/b:v1", "a/b"),
            ("a/b", "a/b"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("localhost:5000/a:v1@sha256:00", "localhost:5000/a"),
        ] {
            assert_eq!(repository_of(reference), name);
        }
    }

    #[test]
    fn an_image_that_was_put_in_with_a_tag_stands_for_every_tag() {
        let image = LocalImage {
            program: "/bin/a".into(),
            root: ImageRoot::Empty,
        };
        let mut images = ImageTable::default();
        images.insert("example.org/a:v1", image.clone());
        assert_eq!(images.resolve("example.org/a:v2"), Some(&image));
    }
}
