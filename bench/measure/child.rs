//! A process of its own that is measured: what it took, as Linux tells it (proc(5)), its start-up included.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Child {
    process: Process,
    started: Instant,
    log: PathBuf,
    /// Closed, it tells those to end that wait for it.
    _input: Option<ChildStdin>,
}

/// What a process has taken from its start up to now.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu_s: f64,
    pub wall_s: f64,
    pub rss_mib: f64,
    pub peak_rss_mib: f64,
}

impl Child {
    /// Starts it, its words in the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Child {
        let file = File::create(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        command.stdin(Stdio::piped()).stdout(file.try_clone().expect("a second handle")).stderr(file);
        Child::spawn(command, log)
    }

    /// Starts it and waits for its one line, a result that it prints before it waits for its input to end.
    pub fn result(command: &mut Command, log: &Path) -> (Child, String) {
        let file = File::create(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = Child::spawn(command, log);
        let output = child.process.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line of text");
        assert!(!line.is_empty(), "it ended without a result; see {}", log.display());
        (child, line)
    }

    fn spawn(command: &mut Command, log: &Path) -> Child {
        let started = Instant::now();
        let mut process = command.spawn().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()));
        let _input = process.stdin.take();
        Child { process, started, log: log.to_owned(), _input }
    }

    /// Lets `perf` sample it, into `file`, until what is returned is dropped or the process ends.
    pub fn sampled(&self, file: &str) -> Sampler {
        let mut perf = Command::new("perf");
        // Stacks are copied and unwound later, for which a binary without frame pointers needs them.
        perf.args(["record", "--quiet", "-F", "299", "--call-graph", "dwarf,16384", "-o", file, "-p"]);
        perf.arg(self.process.id().to_string()).stdin(Stdio::null());
        Sampler(perf.spawn().unwrap_or_else(|e| panic!("perf: {e}")))
    }

    /// Panics where it has ended.
    pub fn usage(&mut self) -> Usage {
        self.runs();
        self.taken().expect("proc(5)")
    }

    /// Looks at it until it ends: what it had taken, look by look.
    pub fn until_it_ends(mut self) -> Vec<Usage> {
        const LOOK: Duration = Duration::from_millis(20);
        let mut used = Vec::new();
        while self.process.try_wait().expect("the process's state").is_none() {
            used.extend(self.taken());
            std::thread::park_timeout(LOOK);
        }
        used
    }

    /// `None`: it has ended.
    fn taken(&self) -> Option<Usage> {
        /// `sysconf(_SC_CLK_TCK)`, which Linux has fixed for user space.
        const TICKS_PER_SECOND: f64 = 100.0;
        let wall_s = self.started.elapsed().as_secs_f64();
        let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.process.id())).ok();
        let (stat, status) = (of("stat")?, of("status")?);
        // The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field of all.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
        let mib = |name: &str| {
            let kib = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            Some(kib?.parse::<f64>().ok()? / 1024.0)
        };
        Some(Usage { cpu_s: ticks / TICKS_PER_SECOND, wall_s, rss_mib: mib("VmRSS:")?, peak_rss_mib: mib("VmHWM:")? })
    }

    /// Panics where it has ended.
    pub fn runs(&mut self) {
        let ended = self.process.try_wait().expect("the process's state");
        assert!(ended.is_none(), "it ended too early; see {}", self.log.display());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct Sampler(Process);

impl Drop for Sampler {
    fn drop(&mut self) {
        // An interrupt lets it write what it has.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
