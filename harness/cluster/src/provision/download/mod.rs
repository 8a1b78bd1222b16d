//! Filling the cache by downloading the official programs.
//!
//! What came is compared with the SHA-256 that the same server says. That finds broken and mixed-up files; whoever
//! controls the server could exchange both. So it's TLS that tells the official server from another one.

mod archive;
mod artifact;
mod checksum;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::source::{Module, Program};
use super::workshop::{Workshop, fill, io_at};
use super::{Downloads, Progress, ProvisionError};
use artifact::Artifact;
use server::{PATIENCE, Server, shown};

/// Downloads what is missing of `wanted`, unless another process is just getting it: then waits for that one.
pub(super) fn into_cache(
    module: Module,
    wanted: &[Program],
    cache: &Path,
    downloads: &Downloads,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ProvisionError> {
    let took = fill(module, wanted, cache, progress, |workshop, missing, say| {
        let server = Server::new(&artifact::base(module, downloads)?, PATIENCE)?;
        for program in missing {
            let artifact = Artifact::of(module, *program, downloads)?;
            download(module, &artifact, &server, workshop, say)?;
        }
        Ok(())
    })?;
    if let Some(elapsed) = took {
        progress(Progress::Downloaded { module, elapsed });
    }
    Ok(())
}

/// Puts the artifact's program into the workshop, when its checksum is right.
fn download(
    module: Module,
    artifact: &Artifact,
    server: &Server,
    workshop: &Workshop,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ProvisionError> {
    let Artifact {
        url,
        checksums,
        file,
        program,
        member,
    } = artifact;
    // First, because it's short: what isn't there or can't be reached is known before anything big comes.
    let said = server.text(checksums)?;
    let expected = checksum::of_file(&said, file).ok_or_else(|| ProvisionError::NoChecksum {
        file: file.clone(),
        checksums: shown(checksums),
    })?;
    let started = Instant::now();
    progress(Progress::Downloading {
        module,
        url: shown(url),
    });
    let place: PathBuf = workshop.path().join(file);
    let found = server.save(url, &place, |bytes, total| {
        progress(Progress::Received {
            module,
            bytes,
            total,
            elapsed: started.elapsed(),
        });
    })?;
    if found != expected {
        return Err(ProvisionError::Checksum {
            url: shown(url),
            checksums: shown(checksums),
            found,
            expected,
        });
    }
    let made = workshop.program(*program);
    match member {
        Some(member) => {
            archive::unpack(&place, member, &made).map_err(|source| ProvisionError::Archive {
                url: shown(url),
                member: member.clone(),
                source,
            })
        }
        None => io_at("move the download to", &made, |made| {
            fs::rename(&place, made)
        }),
    }
}

#[cfg(test)]
mod tests;
