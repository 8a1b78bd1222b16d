//! Chains of certificates: only those that a trusted authority has issued, all the way and unchanged, name a user.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use setpoint_adapter::fuzzing::Authentication;
use setpoint_fuzz::certificates::{Authority, config_map, issue, name};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    common_name: &'a str,
    leaf: Shape<'a>,
    intermediates: Vec<Shape<'a>>,
    /// Which of the certificates a client shows behind the leaf, by their places.
    shown: Vec<u8>,
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Debug, Clone)]
struct Shape<'a> {
    issuer: Issuer,
    role: Role,
    usage: Usage,
    validity: Validity,
    extension: Option<(bool, u8, &'a [u8])>,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Issuer {
    Trusted,
    /// Has the name of the trusted authority, but not its key.
    Impostor,
    Stranger,
    /// One of the intermediates, by its place.
    Intermediate(u8),
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Authority,
    /// With this many authorities below it.
    Limited(u8),
    Silent,
    Explicit,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    Unsaid,
    Client,
    Server,
    Both,
    Any,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Now,
    Past,
    Future,
}

/// A byte of a shown certificate that is replaced.
#[derive(Arbitrary, Debug)]
struct Edit {
    certificate: u8,
    at: u16,
    byte: u8,
}

static AUTHORITIES: LazyLock<[Authority; 2]> = LazyLock::new(|| [0, 1].map(Authority::new));

/// The most intermediates that are made.
const MOST: usize = 4;
/// The key of the first intermediate; the leaf's is the one before.
const FIRST_KEY: usize = 4;

fuzz_target!(|input: Input<'_>| {
    let [trusted, _] = &*AUTHORITIES;
    let shapes = &input.intermediates[..input.intermediates.len().min(MOST)];
    let intermediates: Vec<CertificateParams> = shapes
        .iter()
        .enumerate()
        .map(|(place, shape)| params(&format!("intermediate {place}"), shape))
        .collect();
    let mut issued = vec![issued(
        &params(input.common_name, &input.leaf),
        FIRST_KEY - 1,
        input.leaf.issuer,
        &intermediates,
    )];
    for (place, shape) in shapes.iter().enumerate() {
        issued.push(self::issued(
            &intermediates[place],
            FIRST_KEY + place,
            shape.issuer,
            &intermediates,
        ));
    }
    let Some(issued) = issued
        .into_iter()
        .collect::<Option<Vec<CertificateDer<'static>>>>()
    else {
        return;
    };
    let mut places = vec![0];
    places.extend(
        input
            .shown
            .iter()
            .take(8)
            .filter_map(|&place| Some(1 + usize::from(place).checked_rem(shapes.len())?)),
    );
    let mut shown: Vec<_> = places.iter().map(|&place| issued[place].clone()).collect();
    for edit in input.edits.iter().take(8) {
        let index = usize::from(edit.certificate) % shown.len();
        let mut bytes = shown[index].to_vec();
        let at = usize::from(edit.at) % bytes.len();
        bytes[at] = edit.byte;
        shown[index] = bytes.into();
    }
    let is_whole = |place: usize| {
        places
            .iter()
            .zip(&shown)
            .any(|(&shown, certificate)| shown == place && *certificate == issued[place])
    };

    let authentication = Authentication::new(&config_map(&trusted.pem, &trusted.pem));
    let user = authentication.user(&shown, &HeaderMap::new());
    let path = shown[0] == issued[0]
        && input.leaf.validity == Validity::Now
        && input.leaf.usage.is_for_clients();
    let path = path && reaches(&input.leaf, shapes, &is_whole, 0);
    if let Some(user) = &user {
        assert!(path, "{user:?}");
        assert_eq!(user.name, input.common_name);
        assert_eq!(user.groups, ["team", "system:authenticated"]);
    }
    if is_simple(&input, shapes, &places)
        && shown[0] == issued[0]
        && shown.len() == places.len()
        && input.edits.is_empty()
    {
        assert_eq!(
            user.is_some(),
            path && !input.common_name.is_empty(),
            "{user:?}"
        );
    }
});

fn params(common_name: &str, shape: &Shape<'_>) -> CertificateParams {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&[common_name], &["team"]);
    params.is_ca = match shape.role {
        Role::Authority => IsCa::Ca(BasicConstraints::Unconstrained),
        Role::Limited(below) => IsCa::Ca(BasicConstraints::Constrained(below)),
        Role::Silent => IsCa::NoCa,
        Role::Explicit => IsCa::ExplicitNoCa,
    };
    params.extended_key_usages = match shape.usage {
        Usage::Unsaid => vec![],
        Usage::Client => vec![ClientAuth],
        Usage::Server => vec![ServerAuth],
        Usage::Both => vec![ServerAuth, ClientAuth],
        Usage::Any => vec![Any],
    };
    match shape.validity {
        Validity::Now => {}
        Validity::Past => params.not_after = date_time_ymd(2001, 1, 1),
        Validity::Future => params.not_before = date_time_ymd(4000, 1, 1),
    }
    if let Some((critical, last, content)) = shape.extension
        // Basic constraints, which the role says.
        && last != 19
    {
        let mut extension =
            CustomExtension::from_oid_content(&[2, 5, 29, u64::from(last)], content.to_vec());
        extension.set_criticality(critical);
        params.custom_extensions.push(extension);
    }
    params
}

fn issued(
    params: &CertificateParams,
    key: usize,
    issuer: Issuer,
    intermediates: &[CertificateParams],
) -> Option<CertificateDer<'static>> {
    let [trusted, stranger] = &*AUTHORITIES;
    match issuer {
        Issuer::Trusted => issue(params, key, trusted.params(), 0),
        Issuer::Impostor => issue(params, key, trusted.params(), 1),
        Issuer::Stranger => issue(params, key, stranger.params(), 1),
        Issuer::Intermediate(place) => {
            let place = usize::from(place).checked_rem(intermediates.len())?;
            issue(params, key, &intermediates[place], FIRST_KEY + place)
        }
    }
}

/// Whether the trusted authority has issued a certificate, itself or by others that are shown as they were issued. There are
/// `below` authorities on the way so far.
fn reaches(
    shape: &Shape<'_>,
    intermediates: &[Shape<'_>],
    is_whole: &dyn Fn(usize) -> bool,
    below: usize,
) -> bool {
    match shape.issuer {
        Issuer::Trusted => true,
        Issuer::Impostor | Issuer::Stranger => false,
        Issuer::Intermediate(_) if below > MOST => false,
        Issuer::Intermediate(place) => {
            let place = usize::from(place) % intermediates.len();
            let issuer = &intermediates[place];
            let may_issue = match issuer.role {
                Role::Authority => true,
                Role::Limited(most) => below <= usize::from(most),
                Role::Silent | Role::Explicit => false,
            };
            may_issue
                && is_whole(1 + place)
                && issuer.validity == Validity::Now
                && issuer.usage.is_for_clients()
                && reaches(issuer, intermediates, is_whole, below + 1)
        }
    }
}

impl Usage {
    /// Go takes `Any` too; webpki doesn't.
    fn is_for_clients(self) -> bool {
        self != Self::Server
    }
}

/// Whether nothing is there that a verifier may refuse although the model doesn't know it.
fn is_simple(input: &Input<'_>, shapes: &[Shape<'_>], places: &[usize]) -> bool {
    let mut all = shapes.iter().chain([&input.leaf]);
    places.len() <= 5
        && !matches!(input.leaf.role, Role::Authority | Role::Limited(_))
        && all.all(|shape| shape.extension.is_none() && shape.usage != Usage::Any)
}
