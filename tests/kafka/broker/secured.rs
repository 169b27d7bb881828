//! A broker that asks who is there: TLS with SASL, TLS with certificates of clients, and ACLs that allow nothing by default. Its plaintext
//! listener is the tests' own, and may do everything.

use crate::broker::provider::{AUDIENCE, Provider};
use crate::broker::{Broker, free_ports, fresh_folder, java, kafka_libs};
use mesh_steward::clock::now_ms;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

pub struct Secured {
    pub broker: Broker,
    /// Of SASL_SSL, with PLAIN, SCRAM and OAUTHBEARER.
    pub sasl: String,
    /// Of SSL, with a certificate of the client.
    pub mutual: String,
    /// Of SASL_SSL, with OAUTHBEARER by tokens that the provider has signed; who logged in does so again every few seconds.
    pub tokens: String,
    pub provider: Provider,
    folder: PathBuf,
    authority: Authority,
}

/// Its password is `steward-secret`, by PLAIN and SCRAM-SHA-512.
pub const USER: &str = "steward";

impl Secured {
    pub fn start() -> Secured {
        let [sasl, mutual, tokens] = free_ports();
        let provider = Provider::start();
        let issuer = &provider.url;
        let folder = fresh_folder(&format!("secured-{sasl}"));
        let at = folder.as_path();
        let (authority, stranger) = (Authority::new("a test's CA"), Authority::new("a CA that nobody trusts"));
        fs::write(at.join("ca.pem"), authority.certificate.pem()).expect("a file");
        fs::write(at.join("stranger.pem"), stranger.certificate.pem()).expect("a file");
        authority.sign("localhost", "localhost", None, at);
        authority.sign(USER, USER, None, at);
        stranger.sign("nobody", "nobody", None, at);
        let properties = format!(
            "listeners={{plaintext}},{{controller}},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual},TOKENS://127.0.0.1:{tokens}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,TOKENS:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{USER}-secret\";
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.tokens.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.tokens.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.tokens.oauthbearer.sasl.oauthbearer.jwks.endpoint.url={issuer}/keys
listener.name.tokens.oauthbearer.sasl.oauthbearer.expected.audience={AUDIENCE}
listener.name.tokens.oauthbearer.sasl.oauthbearer.expected.issuer={issuer}
listener.name.tokens.oauthbearer.connections.max.reauth.ms=5000
ssl.keystore.type=PEM
ssl.keystore.location={}
ssl.truststore.type=PEM
ssl.truststore.location={}
listener.name.ssl.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
",
            at.join("localhost.both.pem").display(),
            at.join("ca.pem").display()
        );
        let user = format!("SCRAM-SHA-512=[name={USER},password={USER}-secret]");
        let broker = Broker::start_with(&properties, &["--add-scram", &user]);
        let [sasl, mutual, tokens] = [sasl, mutual, tokens].map(|port| format!("127.0.0.1:{port}"));
        Secured { broker, sasl, mutual, tokens, provider, folder, authority }
    }

    /// `FILE.pem` and `FILE.key` of a name, that hold for so long or for centuries; over those that stood there.
    pub fn sign(&self, file: &str, name: &str, holds: Option<Duration>) {
        self.authority.sign(file, name, holds, &self.folder);
    }

    /// `ca.pem`, `stranger.pem`, and `.pem`, `.key` of `steward` and `nobody`, whom a stranger signed.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Does what a line that begins with `kafka-acls` says, as whom may everything.
    pub fn kafka_acls(&self, line: &str) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("kafka-acls"), "{line}");
        let mut words: Vec<&str> = words.collect();
        let servers = words.iter().position(|word| *word == "--bootstrap-server").expect("whom to ask");
        words[servers + 1] = &self.broker.bootstrap;
        let mut command = java(&kafka_libs(), &self.folder, "64m");
        let ended = command.arg("org.apache.kafka.tools.AclCommand").args(&words).output().expect("java starts");
        assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// `FILE.pem`, `FILE.key`, and `FILE.both.pem`, as a broker wants it.
    fn sign(&self, file: &str, name: &str, holds: Option<Duration>, at: &Path) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        if let Some(holds) = holds {
            let now = UNIX_EPOCH + Duration::from_millis(now_ms() as u64);
            params.not_after = (now + holds).into();
        }
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (certificate, key) = (signed.pem(), key.serialize_pem());
        fs::write(at.join(format!("{file}.pem")), &certificate).expect("a file");
        fs::write(at.join(format!("{file}.key")), &key).expect("a file");
        fs::write(at.join(format!("{file}.both.pem")), key + &certificate).expect("a file");
    }
}
