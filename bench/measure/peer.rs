//! The same job by hand in Java (`bench/java`): compiled where there is a compiler, its jars fetched once by Maven.

use crate::broker::Broker;
use crate::child::{Child, Usage};
use crate::orders::{Faults, Format, SCHEMA, UNDECODABLE};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Peer {
    class_path: String,
    folder: PathBuf,
}

impl Peer {
    /// Compiles it. An `Err` says what is missing; the measures beside it do not need it.
    pub fn compile() -> Result<Peer, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/java");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-peer");
        run("javac", &["-version"])?; // before any jar is fetched in vain
        let (pom, libs) = (source.join("pom.xml"), folder.join("libs"));
        let fetched_for = libs.join("pom.xml"); // written last: the folder is whole, and of these versions
        if fs::read(&fetched_for).ok() != fs::read(&pom).ok() {
            let _ = fs::remove_dir_all(&libs);
            let to = format!("-DoutputDirectory={}", libs.display());
            run("mvn", &["-q", "-B", "dependency:copy-dependencies", "-f", &pom.to_string_lossy(), &to])?;
            fs::copy(&pom, &fetched_for).map_err(|e| format!("{}: {e}", libs.display()))?;
        }
        let class_path = format!("{}:{}", folder.display(), libs.join("*").display());
        let (to, peer) = (folder.to_string_lossy(), source.join("Peer.java"));
        run("javac", &["-d", &to, "-cp", &class_path, &peer.to_string_lossy()])?;
        Ok(Peer { class_path, folder })
    }

    /// Reads the topic to its end, and must find the faults that were planted.
    pub fn measure(&self, broker: &Broker, topic: &str, records: u64, format: Format, faults: &Faults) -> Usage {
        let schema = self.folder.join("order.avsc");
        fs::write(&schema, SCHEMA).expect("the schema");
        let decoded_by = match format {
            Format::Json => "json".into(),
            Format::Avro => schema.to_string_lossy(),
        };
        let mut java = Command::new("java");
        java.args(JVM).args([
            "-cp",
            &self.class_path,
            "Peer",
            &broker.bootstrap,
            topic,
            &records.to_string(),
            &decoded_by,
        ]);
        let (mut child, line) = Child::result(&mut java, &self.folder.join("log"));
        let usage = child.usage();
        let result: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let mut found: Faults = serde_json::from_value(result["failed"].clone()).expect("counts by rule");
        found.insert(UNDECODABLE.into(), result["undecodable"].as_u64().unwrap_or(0));
        // A sketch cannot tell two duplicates in ten thousand.
        found.remove(UNIQUE);
        let planted: Faults = faults.iter().filter(|(rule, _)| *rule != UNIQUE).map(|(r, n)| (r.clone(), *n)).collect();
        assert_eq!(
            (result["records"].as_u64(), found),
            (Some(records), planted),
            "what Java found, and what was planted"
        );
        usage
    }
}

const UNIQUE: &str = "orders.order_id.unique";

/// A heap that a team would give it, and the collector that took least of its CPU here.
const JVM: [&str; 2] = ["-Xmx512m", "-XX:+UseParallelGC"];

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
