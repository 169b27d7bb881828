//! Of three brokers one is killed, stopped, or has a full disk.

use crate::broker::cluster::{Cluster, NODES};
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the rows share that leave it as it was.
static SHARED: OnceLock<Cluster> = OnceLock::new();

pub fn shared() -> &'static Cluster {
    SHARED.get_or_init(Cluster::start)
}

/// After a row that did not hold.
pub fn mend() {
    if let Some(cluster) = SHARED.get() {
        (0..NODES).for_each(|n| cluster.restart(n));
    }
}

/// Three workers that are ready.
pub fn three(mesh: &Mesh<'_>) -> [Worker; 3] {
    ["a", "b", "c"].map(|id| mesh.worker(id)).map(Worker::ready)
}

/// In an uneven rhythm: it is away for less and for more than a session (6 s; of a broker, 9 s).
pub fn killed(times: usize) {
    faced("broker", times, |cluster, n| {
        cluster.node(n % NODES).kill();
        pause(3_000 + 3_000 * (n as u64 % 4));
        cluster.restart(n % NODES);
    });
}

pub fn rolling() {
    faced("rolling", NODES, |cluster, n| {
        cluster.node(n).stop();
        cluster.restart(n);
    });
}

/// Under load, this happens so many times; a record that its producer could send late only is judged late.
fn faced(name: &'static str, times: usize, fault: impl Fn(&Cluster, usize)) {
    let cluster = shared();
    let mesh = Mesh::new(&cluster.broker, name, 6, "");
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    mesh.under_load(500, || {
        pause(3_000);
        (0..times).for_each(|n| drop(face(&mesh, &[&a, &b, &c], || fault(cluster, n))));
    });
    let again = [&a, &b, &c].map(|worker| worker.log().matches("another consumer joined as this one").count());
    println!("{name}: a member fenced itself and joined again {again:?} times");
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}

/// The last one's data moves to a file system of its own, which something else fills.
pub fn full() {
    let cluster = Cluster::start();
    let node = cluster.node(NODES - 1);
    node.stop();
    let Some(disk) = Disk::under(node.data()) else {
        println!("skipped: no file system of a given size can be mounted here");
        return;
    };
    cluster.restart(NODES - 1);
    let mesh = Mesh::new(&cluster.broker, "disk", 6, "");
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    mesh.under_load(500, || {
        pause(3_000);
        face(&mesh, &[&a, &b, &c], || {
            disk.fill();
            pause(20_000);
            node.kill(); // where it has not ended by itself
            disk.free();
            cluster.restart(NODES - 1);
        });
    });
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
    node.kill();
}

/// A file system in memory; it goes when this does.
struct Disk(PathBuf);

/// Some 20 topics' segments and their indexes.
const DISK_MB: u32 = 512;

impl Disk {
    /// Under what stands in a folder.
    fn under(folder: PathBuf) -> Option<Disk> {
        let aside = folder.with_extension("aside");
        std::fs::rename(&folder, &aside).and_then(|()| std::fs::create_dir(&folder)).expect("the data moves aside");
        let size = format!("size={DISK_MB}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).status();
        let disk = mounted.is_ok_and(|status| status.success()).then(|| Disk(folder.clone()))?;
        let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&folder).status();
        copied.is_ok_and(|status| status.success()).then_some(disk)
    }

    fn fill(&self) {
        let filler = self.filler();
        let _ = Command::new("dd").args(["if=/dev/zero", "bs=1M"]).arg(format!("of={}", filler.display())).output();
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).expect("what fills it");
    }

    fn filler(&self) -> PathBuf {
        Path::new(&self.0).join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
