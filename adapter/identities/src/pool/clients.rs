//! What clients present: each form of a name, each flaw and each kind of chain, of each authority.

use rcgen::{
    BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::issued_by::{IssuedBy, Made};
use super::mint::{Issuer, below};
use super::{Authority, Credential, Pool};

pub(super) fn all(pool: &Pool) -> Vec<Credential> {
    let mut all = vec![Credential {
        name: "none".to_owned(),
        chain: Vec::new(),
        key: Vec::new(),
        is_readable: true,
        vouched_by: None,
        is_authority: false,
        has_unknown_extension: false,
        common_name: String::new(),
        organizations: Vec::new(),
    }];
    for (authority, usual, other) in [
        (Authority::FrontProxies, "front-proxy-client", "bob"),
        (Authority::Clients, "bob", "front-proxy-client"),
    ] {
        let by = IssuedBy {
            pool,
            authority,
            usual,
        };
        all.push(by.make("usual", |_| {}));
        all.extend(by.names(other));
        all.extend(by.purposes());
        all.extend(by.flaws());
        all.extend(by.chains());
        all.extend(by.bytes());
        all.push(by.of_the_authority());
    }
    for authority in [
        Authority::Strangers,
        Authority::Expired,
        Authority::Future,
        Authority::ForServers,
        Authority::NoSigner,
        Authority::Shallow,
        Authority::Pinned,
    ] {
        let by = IssuedBy {
            pool,
            authority,
            usual: "front-proxy-client",
        };
        let counts = matches!(authority, Authority::Strangers | Authority::Shallow);
        all.push(by.make("usual", |made| made.counts = counts));
    }
    let shallow = IssuedBy {
        pool,
        authority: Authority::Shallow,
        usual: "front-proxy-client",
    };
    all.push(shallow.under("by an intermediate", false, |_| {}));
    let pinned = IssuedBy {
        pool,
        authority: Authority::Pinned,
        usual: "pinned",
    };
    all.push(pinned.of_the_authority());
    all
}

impl IssuedBy<'_> {
    fn names(&self, other: &'static str) -> Vec<Credential> {
        let named = |name: &str, names: &[&'static str], organizations: &[&'static str]| {
            self.make(name, |made| made.named(names, organizations))
        };
        let dns = |made: &mut Made| {
            let name = self.usual.try_into().unwrap();
            made.params.subject_alt_names = vec![SanType::DnsName(name)];
        };
        vec![
            named("with the other's name", &[other], &["team"]),
            named("another allowed name", &["aggregator"], &[]),
            named("in another case", &["Front-Proxy-Client"], &["team"]),
            named("of two names", &[self.usual, "mallory"], &["team"]),
            named(
                "of two names, the usual last",
                &["mallory", self.usual],
                &["team"],
            ),
            named(
                "of two organizations",
                &[self.usual],
                &["team", "system:nodes"],
            ),
            named("of masters", &["root"], &["system:masters"]),
            named(
                "of authenticated",
                &["eve"],
                &["system:authenticated", "team"],
            ),
            named("of anonymous", &["system:anonymous"], &["team"]),
            named("with spaces", &[" b\u{f8}b  x "], &[""]),
            named("with an empty name", &[""], &["team"]),
            self.make("without a subject, with a SAN", |made| {
                made.named(&[], &[]);
                dns(made);
            }),
            self.make("of an organization, with a SAN", |made| {
                made.named(&[], &["system:masters"]);
                dns(made);
            }),
            self.make("of a unit", |made| {
                let unit = DnType::OrganizationalUnitName;
                made.params.distinguished_name.push(unit, "system:masters");
            }),
        ]
    }

    fn purposes(&self) -> Vec<Credential> {
        use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
        let of = |name: &str, purposes: &[ExtendedKeyUsagePurpose], counts: bool| {
            self.make(name, |made| {
                made.params.extended_key_usages = purposes.to_vec();
                made.counts = counts;
            })
        };
        vec![
            of("without a purpose", &[], true),
            of("for servers and clients", &[ServerAuth, ClientAuth], true),
            of("for any purpose", &[Any], true),
            of("for servers", &[ServerAuth], false),
            of("for servers and code", &[ServerAuth, CodeSigning], false),
        ]
    }

    fn flaws(&self) -> Vec<Credential> {
        let with = |name: &str, algorithm| self.make(name, |made| made.algorithm = algorithm);
        vec![
            with("RSA", &PKCS_RSA_SHA256),
            with("P-384", &PKCS_ECDSA_P384_SHA384),
            with("Ed25519", &PKCS_ED25519),
            self.make("expired", |made| {
                made.flawed(|params| params.not_after = date_time_ymd(2001, 1, 1));
            }),
            self.make("not valid yet", |made| {
                made.flawed(|params| params.not_before = date_time_ymd(4000, 1, 1));
            }),
            self.make("with an unknown critical extension", |made| {
                made.flawed(|params| {
                    let mut unknown = CustomExtension::from_oid_content(
                        &[1, 3, 6, 1, 4, 1, 57683, 9],
                        vec![5, 0],
                    );
                    unknown.set_criticality(true);
                    params.custom_extensions = vec![unknown];
                });
            }),
            self.make("an authority's", |made| {
                made.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                made.is_authority = true;
            }),
        ]
    }

    fn chains(&self) -> Vec<Credential> {
        let upper = below(self.issuer(), "upper", |_| {});
        let lower = below(&upper, "lower", |_| {});
        let limited = below(self.issuer(), "limited", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        });
        let too_deep = below(&limited, "too-deep", |_| {});
        let stranger = self.pool.issuer(Authority::Strangers);
        let of =
            |name: &str, issuer: &Issuer, behind: &[&CertificateDer<'static>], counts: bool| {
                let made = self.made(|made| made.counts = counts);
                self.issued(name, issuer, behind, made)
            };
        let (root, stranger_der) = (self.issuer().der(), stranger.der());
        let mut strange = of(
            "by a stranger, with the root behind it",
            stranger,
            &[root],
            true,
        );
        strange.vouched_by = Some(Authority::Strangers);
        vec![
            strange,
            of("with its root", self.issuer(), &[root], true),
            of(
                "with strangers behind it",
                self.issuer(),
                &[stranger_der, upper.der()],
                true,
            ),
            of(
                "by two intermediates",
                &lower,
                &[lower.der(), upper.der()],
                true,
            ),
            of(
                "by two intermediates, in another order",
                &lower,
                &[upper.der(), lower.der()],
                true,
            ),
            of(
                "without the upper intermediate",
                &lower,
                &[lower.der()],
                false,
            ),
            of("without its intermediate", &upper, &[], false),
            of(
                "deeper than allowed",
                &too_deep,
                &[too_deep.der(), limited.der()],
                false,
            ),
            self.under("by an intermediate", true, |_| {}),
            self.under("by an expired intermediate", false, |params| {
                params.not_after = date_time_ymd(2001, 1, 1);
            }),
            self.under("by a client", false, |params| {
                params.is_ca = IsCa::ExplicitNoCa;
            }),
            self.under("by an intermediate that may not sign", false, |params| {
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }),
            self.under("by an intermediate that may sign", true, |params| {
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            }),
            self.under("by an intermediate for servers", false, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            self.outside_of_its_names(),
        ]
    }

    fn outside_of_its_names(&self) -> Credential {
        let middle = below(self.issuer(), "names", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        });
        let made = self.made(|made| {
            made.flawed(|params| {
                let name = "example.com".try_into().unwrap();
                params.subject_alt_names = vec![SanType::DnsName(name)];
            });
        });
        self.issued(
            "outside of its issuer's names",
            &middle,
            &[middle.der()],
            made,
        )
    }

    /// Bytes that were changed after the certificate was signed.
    fn bytes(&self) -> Vec<Credential> {
        let changed = |name: &str, readable: bool, change: fn(&mut Vec<u8>)| {
            let mut made = self.make(name, |made| made.named(&["carl"], &["team"]));
            let mut bytes = made.chain[0].to_vec();
            change(&mut bytes);
            made.chain[0] = bytes.into();
            made.vouched_by = None;
            made.is_readable = readable;
            made
        };
        let mut renamed = changed("with another name than was signed", true, |bytes| {
            let at = bytes.windows(4).position(|four| four == b"carl").unwrap();
            bytes[at..at + 4].copy_from_slice(b"root");
        });
        renamed.common_name = "root".to_owned();
        vec![
            renamed,
            changed("with another signature", true, |bytes| {
                let last = bytes.last_mut().unwrap();
                *last ^= 1;
            }),
            changed("cut off", false, |bytes| bytes.truncate(bytes.len() / 2)),
            changed("with bytes behind it", false, |bytes| bytes.extend([5, 0])),
            changed("no certificate at all", false, |bytes| {
                *bytes = vec![0x30, 0x82, 0xff, 0xff, 0];
            }),
        ]
    }
}
