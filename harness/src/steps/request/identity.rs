//! As whom requests are made.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_cluster::{Capability, Flaw, MintRequest, Minted};

use super::Via;
use crate::format::{Checks, Nothing, Place};
use crate::outcome::{ClusterProblem, Unmet};
use crate::pki::Leaf;
use crate::request::{FRONT_PROXY, Identity, ProxyCertificate, Secret, not_made};
use crate::steps::context::StepContext;
use crate::steps::pki::CertificateFlaw;

/// As whom a request is made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum As {
    /// As nobody.
    None(Nothing),
    /// With a certificate of the cluster's client CA.
    Certificate {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
        /// What is wrong with it.
        flaw: Option<CertificateFlaw>,
        /// An authority of the scenario, in place of the cluster's.
        signed_by: Option<String>,
    },
    /// With the front proxy's certificate, in somebody's name.
    FrontProxy {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
        /// The certificate's own name, in place of the front proxy's.
        common_name: Option<String>,
        /// What is wrong with it.
        flaw: Option<CertificateFlaw>,
        /// An authority of the scenario, in place of the cluster's.
        signed_by: Option<String>,
    },
    /// With the front proxy's name in a certificate of an authority that nobody trusts, in somebody's name.
    Stranger {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// With the front proxy's certificate but without its key, in somebody's name.
    Thief {
        /// The user.
        user: String,
        /// The groups.
        #[serde(default)]
        groups: Vec<String>,
    },
    /// With a ServiceAccount's token; it is the same one all through the scenario.
    Token {
        /// The ServiceAccount's namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Whom the token is for, in place of the API server.
        audience: Option<String>,
        /// An authority of the scenario, whose certificate is shown too.
        beside: Option<String>,
    },
    /// With this text as bearer token.
    Bearer(String),
}

impl As {
    /// Names and tokens that are sent in headers, and who has a token.
    pub(super) fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        let (user, groups) = match self {
            Self::FrontProxy { user, groups, .. }
            | Self::Stranger { user, groups }
            | Self::Thief { user, groups } => (user, groups),
            Self::Bearer(token) => return checks.header_value(token, place),
            Self::Token {
                namespace, name, ..
            } => {
                checks.namespace(namespace, place.key("namespace"));
                return checks.name(name, place.key("name"));
            }
            Self::None(_) | Self::Certificate { .. } => return,
        };
        checks.header_value(user, place.key("user"));
        for (index, group) in groups.iter().enumerate() {
            checks.header_value(group, place.key("groups").item(index));
        }
    }
}

impl StepContext {
    /// An identity with what shows it.
    pub(in crate::steps) async fn identity(
        &self,
        as_: Option<&As>,
        via: Via,
    ) -> Result<Identity, Unmet> {
        let minted = |user: &str, groups: &[String], flaw: Option<CertificateFlaw>| MintRequest {
            common_name: user.to_owned(),
            organizations: groups.to_owned(),
            flaw: flaw.map(Flaw::from),
        };
        let proxied = |certificate, user: &str, groups: &[String]| Identity::FrontProxy {
            certificate,
            user: user.to_owned(),
            groups: groups.to_owned(),
        };
        let (admin, masters) = ("setpoint-admin", ["system:masters".to_owned()]);
        Ok(match (as_, via) {
            (None, Via::ApiServer) if !self.mints() => Identity::OfKubeconfig,
            (None, Via::ApiServer) => Identity::Certificate(minted(admin, &masters, None)),
            (None, Via::Adapter) => proxied(ProxyCertificate::genuine(), admin, &masters),
            (Some(As::None(_)), _) => Identity::Nobody,
            (
                Some(As::Certificate {
                    user,
                    groups,
                    flaw,
                    signed_by,
                }),
                _,
            ) => {
                let request = minted(user, groups, *flaw);
                match signed_by {
                    None => Identity::Certificate(request),
                    Some(authority) => {
                        Identity::OtherCertificate(self.issued(authority, request).await?)
                    }
                }
            }
            (
                Some(As::FrontProxy {
                    user,
                    groups,
                    common_name,
                    flaw,
                    signed_by,
                }),
                _,
            ) => {
                let name = common_name.as_deref().unwrap_or(FRONT_PROXY);
                let request = minted(name, &[], *flaw);
                let certificate = match signed_by {
                    None => ProxyCertificate::Minted(request),
                    Some(authority) => {
                        ProxyCertificate::Other(self.issued(authority, request).await?)
                    }
                };
                proxied(certificate, user, groups)
            }
            (Some(As::Thief { user, groups }), _) => {
                proxied(ProxyCertificate::WithoutKey, user, groups)
            }
            (Some(As::Stranger { user, groups }), _) => {
                let request = minted(FRONT_PROXY, &[], None);
                let issued = self.issued("a stranger", request).await?;
                proxied(ProxyCertificate::Other(issued), user, groups)
            }
            (
                Some(As::Token {
                    namespace,
                    name,
                    audience,
                    beside,
                }),
                _,
            ) => {
                let beside = match beside {
                    Some(authority) => Some(self.issued(authority, minted(name, &[], None)).await?),
                    None => None,
                };
                let token = self.token(namespace, name, audience.as_deref()).await?;
                Identity::Token { token, beside }
            }
            (Some(As::Bearer(text)), _) => Identity::Token {
                token: Secret(text.clone()),
                beside: None,
            },
        })
    }

    /// A client's certificate of an authority of the scenario.
    async fn issued(&self, authority: &str, request: MintRequest) -> Result<Minted, Unmet> {
        let leaf = Leaf {
            common_name: request.common_name,
            organizations: request.organizations,
            names: Vec::new(),
            client: true,
            flaw: request.flaw,
        };
        let issued = self.authorities.lock().await.issue(authority, &leaf);
        Ok(issued.map_err(not_made("make a certificate"))?)
    }

    /// Whether the cluster issues certificates to the harness.
    fn mints(&self) -> bool {
        let capabilities = self.expect.cluster.capabilities();
        capabilities.contains(&Capability::Mint)
    }

    /// The scenario's token of a ServiceAccount.
    async fn token(
        &self,
        namespace: &str,
        name: &str,
        audience: Option<&str>,
    ) -> Result<Secret, ClusterProblem> {
        let mut tokens = self.tokens.lock().await;
        let audience = audience.map(str::to_owned);
        let key = (namespace.to_owned(), name.to_owned(), audience.clone());
        if let Some(known) = tokens.get(&key) {
            return Ok(known.clone());
        }
        let client = self.expect.cluster.client();
        let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: audience.map(|audience| vec![audience]),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let parameters = PostParams::default();
        let doing = format!("get a token of {namespace}/{name}");
        let answer = accounts.create_token_request(name, &parameters, &request);
        let status = self.expect.timeouts.call(&*doing, answer).await?.status;
        let token = status.and_then(|status| status.token);
        let none = || ClusterProblem::call(doing, "there is none in the answer");
        let token = Secret(token.ok_or_else(none)?);
        tokens.insert(key, token.clone());
        Ok(token)
    }
}
