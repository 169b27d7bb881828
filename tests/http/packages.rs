//! What packages ship: configurations that are good, files that exist, pods that may do little and are probed where
//! something answers.

use mesh_steward::catalog::files::Watcher;
use mesh_steward::config::usable::Config;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::served::*;

#[test]
fn the_configurations_that_are_shipped_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("steward_kafka.password");
    fs::write(secret, "hunter2").unwrap();
    let credentials = ("CREDENTIALS_DIRECTORY".to_owned(), folder.path().display().to_string());
    let env = BTreeMap::from([credentials, ("POD_NAME".into(), "steward-0".into())]);
    let check = |what: &str, text: &str| {
        let file = folder.path().join("steward.yaml");
        fs::write(&file, text).unwrap();
        Config::load_with(&file, &env).unwrap_or_else(|errors| panic!("{what}: {errors}"))
    };
    let packaged = fs::read_to_string(packaging("steward.yaml")).unwrap();
    check("the package's", &packaged);
    // With what it has in comments, too.
    let all = check("the package's in full", &packaged.replace("  # s", "  s"));
    assert_eq!(all.kafka.consumer["sasl.password"].expose(), "hunter2");

    let documents = kubernetes("configuration.yaml");
    let pods = check("Kubernetes'", documents[0]["data"]["steward.yaml"].as_str().unwrap());
    assert_eq!((pods.worker.id.as_str(), pods.http.listen.port()), ("steward-0", 8083));
    for (name, text) in documents[1]["data"].as_object().unwrap() {
        fs::create_dir_all(folder.path().join("contracts")).unwrap();
        fs::write(folder.path().join("contracts").join(name), text.as_str().unwrap()).unwrap();
    }
    let loaded = Watcher::new(vec![folder.path().join("contracts")]).look().unwrap();
    assert_eq!((loaded.sources.len(), loaded.findings), (1, vec![]));
}

#[test]
fn pods_may_do_little_and_are_probed_where_something_answers() {
    let deployment = &kubernetes("deployment.yaml")[0];
    let sidecar = &kubernetes("sidecar.yaml")[0];
    let served = Served::start(|_| {});
    for (pod, containers) in
        [(&deployment["spec"]["template"]["spec"], "containers"), (&sidecar["spec"], "initContainers")]
    {
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{pod}");
        let steward = &pod[containers][0];
        let rights = &steward["securityContext"];
        assert_eq!(
            (&rights["readOnlyRootFilesystem"], &rights["allowPrivilegeEscalation"]),
            (&true.into(), &false.into())
        );
        assert_eq!(rights["capabilities"]["drop"][0], "ALL");
        let port = &steward["ports"][0]["name"];
        for (name, probe) in steward.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("Probe")) {
            let (path, at) = (probe["httpGet"]["path"].as_str().unwrap(), &probe["httpGet"]["port"]);
            assert!([200, 503].contains(&served.get(path).status) && at == port, "{name}: {path} at {at}");
        }
        let mounted = |volume: &Value| pod["volumes"].as_array().unwrap().iter().any(|v| v["name"] == volume["name"]);
        assert!(steward["volumeMounts"].as_array().unwrap().iter().all(mounted));
    }
    let monitor = &kubernetes("podmonitor.yaml")[0]["spec"];
    let template = &deployment["spec"]["template"];
    assert_eq!(monitor["selector"]["matchLabels"], template["metadata"]["labels"]);
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!(endpoint["port"], template["spec"]["containers"][0]["ports"][0]["name"]);
    assert_eq!(served.get(endpoint["path"].as_str().unwrap()).status, 200);
    assert_eq!(kubernetes("networkpolicy.yaml")[0]["spec"]["podSelector"], monitor["selector"]);
}

/// An image of the program alone: nothing is fetched for it, nobody is root in it, and what it is made of is what `packaging/build image` puts there.
#[test]
fn the_container_is_the_program_and_nobody_is_root_in_it() {
    let text = fs::read_to_string(packaging("Containerfile")).unwrap();
    let words: Vec<(&str, &str)> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
    let of = |word: &str| words.iter().filter(|(name, _)| *name == word).map(|(_, rest)| *rest).collect::<Vec<_>>();
    assert_eq!(of("FROM"), ["scratch"]);
    assert_eq!(of("USER"), ["65532:65532"]);
    assert_eq!(of("ENTRYPOINT"), [r#"["/steward"]"#]);
    assert!(of("RUN").is_empty(), "there is no shell in it");
    let build = fs::read_to_string(packaging("build")).unwrap();
    let copies = of("COPY");
    assert_eq!(copies.len(), 2, "{copies:?}");
    for file in copies.iter().filter_map(|copy| copy.split(' ').next()) {
        assert!(build.contains(&format!("/{file}")), "packaging/build puts {file} nowhere");
    }
    // Whoever runs as this user in Kubernetes is the same.
    let pod = &kubernetes("deployment.yaml")[0]["spec"]["template"]["spec"]["securityContext"];
    assert_eq!((&pod["runAsUser"], &pod["runAsGroup"]), (&65532.into(), &65532.into()));
}

#[test]
fn what_the_debian_package_takes_exists() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let assets = manifest.split_once("assets = [").and_then(|(_, rest)| rest.split_once("\n]")).unwrap().0;
    let sources: Vec<&str> = assets.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(sources.len() > 10, "{sources:?}");
    // What stands below target/ is built; the last name may be a pattern.
    for source in sources.iter().filter(|source| !source.starts_with("target/")) {
        let path = root().join(source.split('*').next().unwrap());
        assert!(path.exists(), "{source}");
    }
}

/// The scripts that cargo-deb adds call these files by the name that they are copied from: another one ends the installation.
#[test]
fn users_and_folders_of_the_package_are_installed_under_their_own_names() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for folder in ["usr/lib/sysusers.d/", "usr/lib/tmpfiles.d/"] {
        let line =
            manifest.lines().find(|line| line.contains(folder)).unwrap_or_else(|| panic!("nothing for {folder}"));
        let [source, target] = [1, 3].map(|word| line.split('"').nth(word).unwrap());
        assert_eq!((source.rsplit('/').next(), target), (Some("steward.conf"), folder));
    }
}

fn kubernetes(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(packaging("kubernetes").join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn packaging(file: &str) -> PathBuf {
    root().join("packaging").join(file)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
