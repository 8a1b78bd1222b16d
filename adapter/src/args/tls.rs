//! Flags of serving by TLS (`apiserver/pkg/server/options/serving.go`, `component-base/cli/flag`).

use std::path::PathBuf;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::{ProtocolVersion, SupportedCipherSuite};
use setpoint_serve::TlsOptions;

use super::flag_values::parse_bool;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TlsArgs {
    /// Cipher suites to serve with below TLS 1.3, by Go's names; those that aren't safe any more are
    /// left out [default: all safe ones]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_suite)]
    tls_cipher_suites: Vec<Suite>,
    /// The least version of TLS to serve with: `VersionTLS12` or `VersionTLS13`. Older ones count as
    /// `VersionTLS12`
    #[arg(long, value_name = "VERSION", default_value = "VersionTLS12", value_parser = parse_version)]
    tls_min_version: MinVersion,
    /// Another certificate chain and key, for clients that ask for one of its names, as
    /// chain.crt,chain.key or chain.crt,chain.key:*.example.com,example.com; repeatable
    #[arg(long, value_name = "FILES", value_parser = parse_sni)]
    tls_sni_cert_key: Vec<NamedPair>,
    /// Serve HTTP/1.1 only
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set, value_parser = parse_bool)]
    disable_http2: bool,
    /// How many requests a connection may have open over HTTP/2; not more than 100, whatever it says
    #[arg(long, value_name = "NUMBER")]
    http2_max_streams_per_connection: Option<u32>,
}

/// The files of a pair, and the names that it is for; without names, those of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) names: Vec<String>,
}

/// A cipher suite that Go has.
#[derive(Debug, Clone, Copy)]
enum Suite {
    Safe(SupportedCipherSuite),
    /// Without forward secrecy or with a broken cipher: none of rustls'.
    Unsafe,
    /// An empty name is no name (`StringSlice` of pflag).
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MinVersion {
    Tls12,
    Tls13,
}

/// What the flags mean.
pub(crate) struct TlsSettings {
    pub(crate) options: TlsOptions,
    pub(crate) sni: Vec<NamedPair>,
    /// How many requests a connection may have open over HTTP/2.
    pub(crate) streams: Option<u32>,
}

/// Cipher suites of Go that rustls doesn't have (`crypto/tls/cipher_suites.go`).
const UNSAFE: [&str; 14] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
];
/// Others of them, whose names differ in the length of the key only.
const UNSAFE_256: [&str; 2] = [
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

impl From<TlsArgs> for TlsSettings {
    fn from(args: TlsArgs) -> Self {
        // Whole, so that a flag without a meaning doesn't compile.
        let TlsArgs {
            mut tls_cipher_suites,
            tls_min_version,
            tls_sni_cert_key,
            disable_http2,
            http2_max_streams_per_connection,
        } = args;
        tls_cipher_suites.retain(|suite| !matches!(suite, Suite::Nothing));
        let safe = tls_cipher_suites.iter().filter_map(|suite| match suite {
            Suite::Safe(suite) => Some(*suite),
            Suite::Unsafe | Suite::Nothing => None,
        });
        let safe: Vec<_> = safe.collect();
        if safe.len() < tls_cipher_suites.len() {
            tracing::warn!("some of --tls-cipher-suites are not safe any more, and are not served");
        }
        let is_tls13 =
            |suite: &SupportedCipherSuite| suite.version().version == ProtocolVersion::TLSv1_3;
        // As in Go, TLS 1.3 has all of its suites, whatever the flag says.
        let chosen = |suite: &SupportedCipherSuite| {
            let named = tls_cipher_suites.is_empty() || safe.contains(suite);
            is_tls13(suite) || (named && tls_min_version == MinVersion::Tls12)
        };
        Self {
            options: TlsOptions {
                cipher_suites: ALL_CIPHER_SUITES.iter().copied().filter(chosen).collect(),
                http2: !disable_http2,
            },
            sni: tls_sni_cert_key,
            streams: http2_max_streams_per_connection.filter(|streams| *streams > 0),
        }
    }
}

fn parse_suite(text: &str) -> Result<Suite, &'static str> {
    if text.is_empty() {
        return Ok(Suite::Nothing);
    }
    // Go has two names for some.
    let name = match text {
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => {
            format!("{text}_SHA256")
        }
        text => text.to_owned(),
    };
    if UNSAFE.contains(&name.as_str()) || UNSAFE_256.contains(&name.as_str()) {
        return Ok(Suite::Unsafe);
    }
    let found = ALL_CIPHER_SUITES.iter().find(|suite| {
        let known = suite.suite().as_str().unwrap_or_default();
        known.replace("TLS13_", "TLS_") == name
    });
    found
        .map(|suite| Suite::Safe(*suite))
        .ok_or("Go has no cipher suite of this name")
}

fn parse_version(text: &str) -> Result<MinVersion, &'static str> {
    match text {
        "VersionTLS10" | "VersionTLS11" | "VersionTLS12" | "" => Ok(MinVersion::Tls12),
        "VersionTLS13" => Ok(MinVersion::Tls13),
        _ => Err("expected VersionTLS12 or VersionTLS13"),
    }
}

/// `NamedCertKey` of component-base.
fn parse_sni(text: &str) -> Result<NamedPair, &'static str> {
    let (files, names) = text.split_once(':').unwrap_or((text, ""));
    let Some((certificate, key)) = files.split_once(',') else {
        return Err("expected the files of a chain and a key, with a comma between them");
    };
    if certificate.is_empty() || key.is_empty() || key.contains(',') {
        return Err("expected the files of a chain and a key, with a comma between them");
    }
    let names = names
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase());
    Ok(NamedPair {
        certificate: certificate.trim().into(),
        key: key.trim().into(),
        names: names.filter(|name| !name.is_empty()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        tls: TlsArgs,
    }

    fn parsed(arguments: &[&str]) -> Result<TlsSettings, String> {
        Command::try_parse_from([&["adapter"], arguments].concat())
            .map(|command| command.tls.into())
            .map_err(|error| error.to_string())
    }

    /// The names of the suites, as rustls has them.
    fn suites(arguments: &[&str]) -> Vec<&'static str> {
        let suites = parsed(arguments).unwrap().options.cipher_suites.into_iter();
        suites.filter_map(|suite| suite.suite().as_str()).collect()
    }

    const TLS13: [&str; 3] = [
        "TLS13_AES_256_GCM_SHA384",
        "TLS13_AES_128_GCM_SHA256",
        "TLS13_CHACHA20_POLY1305_SHA256",
    ];

    #[test]
    fn cipher_suites_are_those_named_as_far_as_they_are_safe() {
        for all in [&[][..], &["--tls-cipher-suites="]] {
            assert_eq!(suites(all).len(), ALL_CIPHER_SUITES.len());
        }
        // As kube-prometheus has them.
        let named = "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_AES_128_GCM_SHA256";
        let expected = [
            &TLS13[..],
            &[
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ],
        ];
        assert_eq!(suites(&[named]), expected.concat());
        assert_eq!(suites(&[named, "--tls-min-version=VersionTLS13"]), TLS13);
        assert_eq!(
            suites(&["--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA"]),
            TLS13
        );
        let unknown = parsed(&["--tls-cipher-suites=TLS_NO"]).err().unwrap();
        assert!(unknown.contains("Go has no cipher suite"), "{unknown}");
    }

    #[test]
    fn versions_that_arent_safe_any_more_are_raised() {
        for version in ["VersionTLS10", "VersionTLS12"] {
            let all = suites(&[&format!("--tls-min-version={version}")]);
            assert_eq!(all.len(), ALL_CIPHER_SUITES.len());
        }
        assert!(parsed(&["--tls-min-version=1.2"]).is_err());
    }

    #[test]
    fn pairs_for_names_are_read_as_go_reads_them() {
        let given = [
            "--tls-sni-cert-key=a.crt,a.key",
            "--tls-sni-cert-key=b.crt,b.key:*.Example.com,example.com",
        ];
        let pair = |file: &str, names: &[&str]| NamedPair {
            certificate: format!("{file}.crt").into(),
            key: format!("{file}.key").into(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let expected = [pair("a", &[]), pair("b", &["*.example.com", "example.com"])];
        assert_eq!(parsed(&given).unwrap().sni, expected);
        for wrong in ["a.crt", "a.crt,", ",a.key", "a,b,c"] {
            assert!(
                parsed(&[&format!("--tls-sni-cert-key={wrong}")]).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn http2_can_be_switched_off() {
        assert!(parsed(&[]).unwrap().options.http2);
        assert!(!parsed(&["--disable-http2"]).unwrap().options.http2);
        assert!(parsed(&["--disable-http2=false"]).unwrap().options.http2);
    }
}
