//! A client's certificate that expires while workers run.

use crate::broker::secured::{Secured, USER};
use crate::faults::brokers::three;
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::worker::pause;
use std::time::{Duration, Instant};

/// Three workers are ready within it, on a slow machine too.
const HOLDS: Duration = Duration::from_secs(60);

/// Connections outlive it: it is noticed with the next ones, when the broker is started anew. The remedy is a new file in its place.
pub fn expired() {
    let at = Secured::start();
    for on in ["--topic *", "--group *", "--transactional-id *", "--cluster"] {
        at.kafka_acls(&format!(
            "kafka-acls --bootstrap-server any --add --allow-principal User:{USER} --operation All {on}"
        ));
    }
    let made = Instant::now();
    at.sign("short", USER, Some(HOLDS));
    let lines = format!(
        "kafka.security.protocol: SSL\nkafka.ssl.ca.location: {}\nkafka.ssl.certificate.location: {}\nkafka.ssl.key.location: {}\n",
        at.file("ca.pem").display(),
        at.file("short.pem").display(),
        at.file("short.key").display()
    );
    let mesh = Mesh::new(&at.broker, "expired", 6, "").through(&at.mutual, &lines);
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    let seen = mesh.under_load(200, || {
        pause((HOLDS + Duration::from_secs(2)).saturating_sub(made.elapsed()).as_millis() as u64);
        at.broker.restart();
        face(&mesh, &[&a, &b, &c], || {
            pause(28_000);
            at.sign("short", USER, None);
        })
    });
    seen.names(&["expired"]);
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}
