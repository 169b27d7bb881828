//! What to do about a cluster that does not answer or does not allow: librdkafka's words into one cause and its remedy.
//!
//! Its calls only time out; the cause stands in the errors that it reports meanwhile, and of two of the commonest mistakes in none of
//! them. Each text below was seen of librdkafka 2.12.1 at a broker of Apache Kafka 4.3.1 (`tests/kafka/secured.rs`).

/// What is wrong, by librdkafka's words in lower case, and what to do about it. The first that is found holds.
const CAUSES: &[(&[&str], &str, &str)] = &[
    (
        &["not valid in current sasl state"],
        "the brokers want to see the login again within a second of the last, and then refuse it (KIP-368)",
        "let tokens live, and connections.max.reauth.ms of the brokers be, a minute or longer",
    ),
    (
        &["invalid_client", "unauthorized_client", "invalid_scope", "invalid_grant"],
        "the OpenID provider gives this client no token",
        "correct kafka.sasl.oauthbearer.client.id, .client.secret and .scope",
    ),
    (
        &["failed to acquire sasl oauthbearer token"],
        "there is no token to log in with",
        "see that kafka.sasl.oauthbearer.token.endpoint.url is the provider's and is reached from here; kafka.https.ca.location names its CA",
    ),
    (
        &["invalid_token", "mechanism oauthbearer"],
        "the brokers refuse the token",
        "compare issuer, audience and keys that the brokers expect (sasl.oauthbearer.* of their listener) with what the provider writes into tokens for this kafka.sasl.oauthbearer.client.id and .scope",
    ),
    (
        &["invalid credentials", "authentication failed"],
        "the brokers refuse this user or password",
        "correct kafka.sasl.username and kafka.sasl.password; a SCRAM user must have been made for the very mechanism of kafka.sasl.mechanism",
    ),
    (
        &["unsupported sasl mechanism", "mechanism handshake failed"],
        "the brokers do not offer this SASL mechanism",
        "set kafka.sasl.mechanism to one that this listener has (sasl.enabled.mechanisms of the brokers)",
    ),
    (
        &["plaintext broker listener", "wrong version number"],
        "this listener speaks no TLS",
        "use the port of the brokers' TLS listener in kafka.bootstrap.servers, or a kafka.security.protocol without SSL",
    ),
    (
        &["certificate verify failed"],
        "the brokers' certificate is not trusted",
        "let kafka.ssl.ca.location name the CA that signed it, see that it has not expired, and name the brokers in kafka.bootstrap.servers as the certificate does",
    ),
    (
        &["unknown ca", "certificate unknown", "certificate expired"],
        "the brokers do not trust our certificate",
        "let a CA that the brokers trust sign kafka.ssl.certificate.location, and see that it has not expired",
    ),
    (
        &["bad certificate", "certificate required"],
        "this listener wants a certificate of its clients, and one that it trusts",
        "set kafka.ssl.certificate.location and kafka.ssl.key.location to one that a CA of the brokers' trust store signed",
    ),
    (&["connection refused"], "nothing listens there", "start the brokers, or correct kafka.bootstrap.servers"),
    (
        &["failed to resolve"],
        "this name is not known",
        "correct kafka.bootstrap.servers, or the name service of this machine",
    ),
    (
        &["groupauthorizationfailed", "group authorization failed"],
        "the consumer groups may not be used",
        "grant Read and Describe on them (docs/acls.md); `steward check --connect` names what is missing",
    ),
    (
        &["transactionalidauthorizationfailed", "transactional id authorization failed"],
        "the transactional ids may not be used",
        "grant Write and Describe on their prefix (docs/acls.md); `steward check --connect` names what is missing",
    ),
    (
        &["topicauthorizationfailed", "topic authorization failed"],
        "a topic may not be used",
        "grant the rights of docs/acls.md on it; `steward check --connect` names what is missing",
    ),
    (
        &["clusterauthorizationfailed", "cluster authorization failed"],
        "the cluster does not allow it",
        "grant the rights of docs/acls.md; `steward check --connect` names what is missing",
    ),
];

/// What is behind it, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    pub cause: &'static str,
    pub remedy: &'static str,
}

/// Of an error's text; `None`: it says nothing that is known here.
pub fn of(text: &str) -> Option<Remedy> {
    let text = text.to_ascii_lowercase();
    let found = CAUSES.iter().find(|(words, ..)| words.iter().any(|word| text.contains(word)));
    found.map(|(_, cause, remedy)| Remedy { cause, remedy })
}

/// Of a cluster that nobody answered for, however little the text says: then the listener speaks another protocol, as a rule.
/// `protocol` is `security.protocol`.
pub fn of_silence(text: &str, protocol: Option<&str>) -> (String, String) {
    match of(text) {
        Some(Remedy { cause, remedy }) => (cause.to_owned(), remedy.to_owned()),
        None => {
            let protocol = protocol.unwrap_or("plaintext");
            let cause = format!("no broker answers to security.protocol {protocol}");
            let remedy = "set kafka.security.protocol to what this listener speaks: one that expects TLS or SASL hangs up on others without a \
                          word. If it does, see whether the brokers run and are reached";
            (cause, remedy.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_refused_has_its_cause_and_remedy() {
        let check = |text: &str, cause: &str, remedy: &str| {
            let (found, told) = of_silence(text, Some("SASL_SSL"));
            assert!(found.contains(cause) && told.contains(remedy), "{text}: {found} — {told}");
        };
        let sasl = "sasl_ssl://b:9092/bootstrap: SASL authentication error: Authentication failed during authentication due to \
                    invalid credentials with SASL mechanism SCRAM-SHA-512";
        check(sasl, "refuse this user", "kafka.sasl.password");
        let again = "SASL OAUTHBEARER mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms: ";
        check(again, "within a second", "connections.max.reauth.ms");
        let token = "SASL authentication error: {\"status\":\"invalid_token\"}";
        check(token, "refuse the token", "kafka.sasl.oauthbearer.client.id");
        let none = "Failed to acquire SASL OAUTHBEARER token: http://127.0.0.1:1/token does not answer: io: Connection refused";
        check(none, "no token to log in with", "token.endpoint.url");
        let client = "Failed to acquire SASL OAUTHBEARER token: https://idp/token answered 401: invalid_client";
        check(client, "gives this client no token", "client.secret");
        let verify = "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could \
                      not be verified";
        check(verify, "not trusted", "kafka.ssl.ca.location");
        let plain = "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?";
        check(plain, "speaks no TLS", "port");
        let bare = "Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42";
        check(bare, "wants a certificate", "kafka.ssl.certificate.location");
        check("Connect to ipv4#127.0.0.1:1 failed: Connection refused", "nothing listens", "kafka.bootstrap.servers");
        check("Failed to resolve 'nowhere:9092': Name or service not known", "not known", "kafka.bootstrap.servers");
        check("cluster id: OperationTimedOut: no broker answered", "security.protocol SASL_SSL", "TLS or SASL");
        check("commit: GroupAuthorizationFailed: Broker: Group authorization failed", "groups", "Read and Describe");
        assert_eq!(of("1/1 brokers are down"), None);
    }
}
