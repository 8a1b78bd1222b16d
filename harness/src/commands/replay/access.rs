//! Who may ask the fake Prometheus, by files.

use std::path::{Path, PathBuf};

use setpoint_replay::{Access, Tls};

/// Credentials are read from files, so that lists of processes don't show them.
#[derive(Debug, clap::Args)]
pub(super) struct AccessArgs {
    /// Serves TLS with the certificate chain of this file, PEM
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// Asks for one of the users of this file, USER:PASSWORD in each line
    #[arg(long, value_name = "FILE")]
    basic_auth_file: Option<PathBuf>,
    /// Asks for the bearer token of this file, or for a user
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("use line {line} of {path}: expected USER:PASSWORD")]
    User { path: PathBuf, line: usize },
    #[error("use {path}: expected a token of printable characters")]
    Token { path: PathBuf },
    #[error("use {path}: there is no user in it")]
    NoUser { path: PathBuf },
}

impl AccessArgs {
    pub(super) fn access(&self) -> Result<Access, AccessError> {
        let mut access = Access::default();
        if let (Some(certificate), Some(key)) = (&self.tls_cert_file, &self.tls_private_key_file) {
            access.tls = Some(Tls {
                certificate: read(certificate)?,
                key: read(key)?,
            });
        }
        if let Some(path) = &self.basic_auth_file {
            access.users = users(path)?;
        }
        if let Some(path) = &self.bearer_token_file {
            let token = read(path)?.trim().to_owned();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(AccessError::Token { path: path.clone() });
            }
            access.tokens.push(token);
        }
        Ok(access)
    }
}

fn users(path: &Path) -> Result<Vec<(String, String)>, AccessError> {
    let text = read(path)?;
    let mut users = Vec::new();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let Some((user, password)) = line.split_once(':') else {
            return Err(AccessError::User {
                path: path.to_owned(),
                line: index + 1,
            });
        };
        users.push((user.to_owned(), password.to_owned()));
    }
    // Without any, everybody might ask.
    if users.is_empty() {
        return Err(AccessError::NoUser {
            path: path.to_owned(),
        });
    }
    Ok(users)
}

fn read(path: &Path) -> Result<String, AccessError> {
    std::fs::read_to_string(path).map_err(|source| AccessError::Read {
        path: path.to_owned(),
        source,
    })
}
