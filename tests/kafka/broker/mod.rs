//! One real Apache Kafka broker for tests, from Maven artifacts, on free loopback ports.

pub mod cluster; // three of them
pub mod flink; // one real Flink beside it, with its SQL gateway
pub mod held; // a service that ends with us
pub mod network; // a network of the tests' own between clients and brokers
pub mod node; // one process of Kafka
pub mod provider; // an OpenID provider
pub mod secured; // with TLS, logins and ACLs
pub mod records; // produce, abort, read
pub mod topics; // create, delete, grow, cut, lag

use crate::broker::node::Node;
use crate::broker::topics::answers;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub struct Broker {
    /// What clients connect to.
    pub bootstrap: String,
    nodes: Vec<Node>,
}

/// The broker that all tests of this binary share; each uses topics and groups of its own.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(Broker::start)
}

impl Broker {
    /// Returns when the broker answers.
    pub fn start() -> Broker {
        Broker::start_with("", &[])
    }

    /// One that holds ACLs in force; what has none is open to everybody.
    pub fn guarded() -> Broker {
        Broker::start_with(GUARDED, &[])
    }

    /// With further properties, which win, and further words for the formatting of its storage.
    fn start_with(properties: &str, format: &[&str]) -> Broker {
        let [port, controller] = free_ports();
        let (plaintext, of_controller) =
            (format!("PLAINTEXT://127.0.0.1:{port}"), format!("CONTROLLER://127.0.0.1:{controller}"));
        let properties = properties.replace("{plaintext}", &plaintext).replace("{controller}", &of_controller);
        let node = Node::format(port, controller, &properties, format);
        Broker::of(format!("127.0.0.1:{port}"), vec![node])
    }

    /// These nodes, started; returns when they answer.
    fn of(bootstrap: String, nodes: Vec<Node>) -> Broker {
        let broker = Broker { bootstrap, nodes };
        broker.run();
        broker
    }

    fn run(&self) {
        self.nodes.iter().for_each(Node::start);
        let started = Instant::now();
        while !answers(&self.bootstrap) {
            // 3 to 7 s on an idle machine; the rest is for one that builds at the same time.
            assert!(started.elapsed() < Duration::from_secs(90), "the broker does not answer:\n{}", self.log());
        }
    }

    /// Stops the broker and starts it again; returns when it answers.
    pub fn restart(&self) {
        self.nodes.iter().for_each(Node::stop);
        self.run();
    }

    pub fn log(&self) -> String {
        self.nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n")
    }

    /// From now on everybody may do this to the topic, and nothing else.
    pub fn allow_alone(&self, topic: &str, operations: &[&str]) {
        let folder = fresh_folder(&format!("acls-{topic}"));
        fs::write(folder.join("log4j.properties"), LOG4J).expect("log settings");
        let mut tool = java(&kafka_libs(), &folder, "64m");
        tool.args(["org.apache.kafka.tools.AclCommand", "--bootstrap-server", &self.bootstrap, "--add"]);
        tool.args(["--allow-principal", "User:*", "--topic", topic]);
        tool.args(operations.iter().flat_map(|operation| ["--operation", operation]));
        let ended = tool.output().expect("java starts");
        let _ = fs::remove_dir_all(&folder);
        assert!(ended.status.success(), "ACLs of {topic}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// Stops the broker while `during` lasts: connections stay, and nothing is read or answered.
    pub fn stalled<T>(&self, during: impl FnOnce() -> T) -> T {
        self.nodes.iter().for_each(|node| node.signal("STOP"));
        let done = during();
        self.nodes.iter().for_each(|node| node.signal("CONT"));
        done
    }

    /// Kills the broker, as a machine that loses its power does.
    pub fn kill(&self) {
        self.nodes.iter().for_each(Node::kill);
    }
}

/// Who logs in as nobody is `User:ANONYMOUS`, the broker itself too.
const GUARDED: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
";

pub const LOG4J: &str = "log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
";

pub fn java(libs: &Path, folder: &Path, heap: &str) -> Command {
    let mut java = Command::new("java");
    java.arg(format!("-Xmx{heap}")).arg("-XX:+UseSerialGC").arg("-XX:TieredStopAtLevel=4");
    java.arg(format!("-Dlog4j.configuration=file:{}", folder.join("log4j.properties").display()));
    java.arg("-cp").arg(libs.join("*"));
    java
}

/// The folder with Kafka's jars.
pub fn kafka_libs() -> PathBuf {
    libs("kafka-libs", "pom.xml")
        .unwrap_or_else(|why| panic!("Kafka's jars: {why}; `tests/run` installs Maven, or says what is missing"))
}

/// Those of Kafka Streams, with an application.
pub fn streams_libs() -> Result<PathBuf, String> {
    libs("streams-libs", "streams.xml").map_err(|why| format!("Kafka Streams' jars: {why}"))
}

/// The folder with the jars that a file beside this one names: fetched once, then kept in `target`. The error says why they are not
/// to be had.
fn libs(name: &str, pom: &str) -> Result<PathBuf, String> {
    // Two tests that start services of their own must not fetch into one folder at a time.
    static FETCH: Mutex<()> = Mutex::new(());
    let _one = FETCH.lock().unwrap_or_else(PoisonError::into_inner);
    let libs = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name);
    let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker").join(pom);
    let fetched_for = libs.join("pom.xml"); // written last: the folder is whole, and of these versions
    if fs::read(&fetched_for).ok() != fs::read(&pom).ok() {
        let _ = fs::remove_dir_all(&libs);
        let fetch = Command::new("mvn")
            .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-f"])
            .arg(&pom)
            .arg(format!("-DoutputDirectory={}", libs.display()))
            .output();
        let fetch = fetch.map_err(|e| format!("mvn: {e}"))?;
        if !fetch.status.success() {
            return Err(String::from_utf8_lossy(&fetch.stdout).into_owned());
        }
        fs::copy(&pom, &fetched_for).expect("the mark that the jars are whole");
    }
    Ok(libs)
}

/// Ports that are free now; the listeners that found them are closed together, so that they differ.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|l| l.local_addr().expect("its address").port())
}

pub fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder); // of an earlier run that had this port
    fs::create_dir_all(&folder).expect("a folder for the service");
    folder
}
