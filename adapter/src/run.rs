//! From arguments to a running server, and to its end.

use std::io::{Read as _, Write as _};

use anyhow::Context as _;

use crate::args::{Args, CertsArgs, Command};
use crate::certs;

/// Does what the arguments say, until it is done or SIGTERM ends it.
///
/// # Errors
/// What kept it from starting.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Some(Command::Certs(args)) => fill_in_certificates(&args),
        None => anyhow::bail!("name what to do, see --help"),
    }
}

/// `setpoint-adapter certs`: manifests from standard input to standard output.
fn fill_in_certificates(args: &CertsArgs) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("read the manifests from standard input")?;
    let mut documents = certs::read(&text).context("read the manifests from standard input")?;
    certs::fill(&mut documents, args.valid_for, args.replace)?;
    let filled = certs::write(&documents)?;
    std::io::stdout()
        .write_all(filled.as_bytes())
        .context("write the manifests to standard output")
}
