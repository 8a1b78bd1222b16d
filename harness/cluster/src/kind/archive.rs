//! Programs as images: an archive that `kind load image-archive` takes, made without any engine.
//!
//! The form is `docker save`'s (moby's image specification v1.2): `manifest.json` names a configuration and its
//! layers. Each image has one layer: a program, and where it is linked dynamically the libraries that the dynamic
//! linker names. Nothing of it stays on the host.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::KindError;
use setpoint_node::image::{ImageRoot, LocalImage, repository_of};

/// An image to be: every name that it goes by, and the program that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindImage {
    /// References with their tags, as manifests write them.
    pub references: Vec<String>,
    /// The program, and whether it brings its libraries along.
    pub image: LocalImage,
    /// What the program is started with where a manifest doesn't say: the image's CMD.
    pub arguments: Vec<String>,
}

/// The user that pods have who don't choose one: the image isn't root's.
const USER: &str = "65532:65532";

/// Writes one archive of several images.
pub(super) fn write(images: &[KindImage], path: &Path) -> Result<(), KindError> {
    let mut parts = Vec::new();
    for image in images {
        let program = &image.image.program;
        let libraries = match image.image.root {
            ImageRoot::Empty => Vec::new(),
            ImageRoot::HostLibraries => libraries(program)?,
        };
        let layer = layer(program, &libraries);
        let layer = layer.map_err(files("make a layer of", program))?;
        parts.push((image, layer));
    }
    let written = File::create(path).and_then(|file| write_to(&parts, file));
    written.map_err(files("write an archive of images to", path))
}

fn files(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KindError {
    let path = path.to_owned();
    move |source| KindError::Files {
        doing,
        path,
        source,
    }
}

/// The files that the dynamic linker would load, itself among them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, KindError> {
    let listed = Command::new("ldd").arg(program).output();
    let listed = listed.map_err(files("ask `ldd` for the libraries of", program))?;
    let text = String::from_utf8_lossy(&listed.stdout);
    if listed.status.success()
        && let Ok(libraries) = loaded(&text)
    {
        return Ok(libraries);
    }
    let said = format!("{text}{}", String::from_utf8_lossy(&listed.stderr));
    Err(KindError::Libraries {
        program: program.to_owned(),
        said: said.trim().to_owned(),
    })
}

/// A library that a program needs is nowhere, in the words of `ldd`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct MissingLibrary(String);

/// The paths in what `ldd` prints: `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux.so.2 (0x…)`. What has
/// no path is the kernel's own, unless it is missing.
fn loaded(text: &str) -> Result<Vec<PathBuf>, MissingLibrary> {
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim) {
        let found = line.split_once("=> ").map_or(line, |(_, found)| found);
        if found.starts_with("not found") {
            return Err(MissingLibrary(line.to_owned()));
        }
        if found.starts_with('/') {
            let path = found.split_whitespace().next().unwrap_or(found);
            paths.push(PathBuf::from(path));
        }
    }
    Ok(paths)
}

fn write_to(images: &[(&KindImage, Vec<u8>)], file: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::new(file));
    let mut manifest = Vec::new();
    let mut written = BTreeSet::new();
    for (image, layer) in images {
        let config = config(image, layer)?;
        let layer_name = format!("{}/layer.tar", hex(layer));
        let config_name = format!("{}.json", hex(&config));
        for (name, content) in [(&layer_name, layer), (&config_name, &config)] {
            // Images of one program share its layer.
            if written.insert(name.clone()) {
                append(&mut archive, name, content, 0o644)?;
            }
        }
        manifest.push(json!({
            "Config": config_name,
            "RepoTags": image.references.iter().map(|name| with_tag(name)).collect::<Vec<_>>(),
            "Layers": [layer_name],
        }));
    }
    let manifest = serde_json::to_vec(&Value::from(manifest))?;
    append(&mut archive, "manifest.json", &manifest, 0o644)?;
    archive.into_inner()?.flush()
}

/// Where the program lies, away from where a volume may: Prometheus keeps its data in `/prometheus`.
const FOLDER: &str = "image";

/// A layer that holds the program, its libraries where they are here, and a `/tmp`.
fn layer(program: &Path, libraries: &[PathBuf]) -> io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut folder = tar::Header::new_gnu();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_mode(0o1777);
    folder.set_size(0);
    layer.append_data(&mut folder, "tmp/", io::empty())?;
    append(
        &mut layer,
        &format!("{FOLDER}/{}", file_name(program)),
        &std::fs::read(program)?,
        0o755,
    )?;
    for library in libraries {
        let name = library.display().to_string();
        let name = name.trim_start_matches('/');
        append(&mut layer, name, &std::fs::read(library)?, 0o755)?;
    }
    layer.into_inner()
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    content: &[u8],
    mode: u32,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    archive.append_data(&mut header, name, content)
}

fn config(image: &KindImage, layer: &[u8]) -> io::Result<Vec<u8>> {
    let program = format!("/{FOLDER}/{}", file_name(&image.image.program));
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [program], "Cmd": image.arguments, "User": USER, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(layer))]},
    });
    Ok(serde_json::to_vec(&config)?)
}

fn file_name(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Go's name of this machine's processor, as image configurations have it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn with_tag(reference: &str) -> String {
    if repository_of(reference) == reference {
        format!("{reference}:latest")
    } else {
        reference.to_owned()
    }
}

fn hex(content: &[u8]) -> String {
    let digest = digest(&SHA256, content);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn image(program: &Path, root: ImageRoot) -> KindImage {
        KindImage {
            references: vec!["example.org/a:v1".to_owned(), "b".to_owned()],
            image: LocalImage {
                program: program.to_owned(),
                root,
            },
            arguments: vec!["serve".to_owned()],
        }
    }

    fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        entries.collect()
    }

    #[test]
    fn an_archive_names_its_images_and_every_digest_in_it_is_true() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("a");
        std::fs::write(&program, "program").unwrap();
        let path = folder.path().join("images.tar");
        let mut other = image(&program, ImageRoot::Empty);
        other.arguments = Vec::new();
        write(&[image(&program, ImageRoot::Empty), other], &path).unwrap();
        let files = files(&std::fs::read(path).unwrap());
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(
            manifest[0]["RepoTags"],
            json!(["example.org/a:v1", "b:latest"])
        );
        assert_eq!(manifest[0]["Layers"], manifest[1]["Layers"]);
        assert_ne!(manifest[0]["Config"], manifest[1]["Config"]);
        let config = &files[manifest[0]["Config"].as_str().unwrap()];
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        let config: Value = serde_json::from_slice(config).unwrap();
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            format!("sha256:{}", hex(layer))
        );
        assert_eq!(config["config"]["Entrypoint"], json!(["/image/a"]));
        assert_eq!(self::files(layer)["image/a"], b"program");
    }

    #[test]
    fn a_dynamic_program_brings_its_libraries_along() {
        let libraries = libraries(Path::new("/bin/sh")).unwrap();
        let named = |name: &str| {
            libraries
                .iter()
                .any(|path| path.to_string_lossy().contains(name))
        };
        assert!(named("libc.so") && named("/ld-"), "{libraries:?}");
        let layer = layer(Path::new("/bin/sh"), &libraries).unwrap();
        let inside = files(&layer);
        for library in libraries {
            let name = library.to_string_lossy();
            assert!(inside.contains_key(name.trim_start_matches('/')), "{name}");
        }
    }

    #[test]
    fn a_library_that_is_missing_is_named() {
        let error = loaded("\tlinux-vdso.so.1 (0x1)\n\tlibx.so.1 => not found\n").unwrap_err();
        assert_eq!(error.to_string(), "libx.so.1 => not found");
        let error = libraries(Path::new("/etc/passwd")).unwrap_err().to_string();
        assert!(error.contains("not a dynamic executable"), "{error}");
    }
}
