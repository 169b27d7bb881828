//! What the kernel counts of this process (proc(5)); `None` where there is no such file.

use std::fs;

/// Ticks of a second in `/proc/PID/stat`: USER_HZ, which is 100 on x86-64 and on arm64.
const TICKS: f64 = 100.0;

/// CPU time that the process took, its own and the system's for it.
pub fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, which may hold anything. After it, field 3 is the first:
    // utime (14) and stime (15) are the 12th and 13th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// Memory that is in RAM.
pub fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    #[test]
    fn a_process_that_works_takes_time_and_memory() {
        let (time, memory) = (cpu_seconds().expect("proc"), resident_bytes().expect("proc"));
        // 64 MiB that are written stay in RAM while they are held; what other tests give back meanwhile is less.
        let held = black_box(vec![1_u8; 64 << 20]);
        assert!(resident_bytes().expect("proc") - memory > 32e6, "{memory}, then {:?}", resident_bytes());
        drop(held);
        let started = Instant::now();
        while cpu_seconds().expect("proc") - time < 0.05 {
            (0..100_000_u64).for_each(|n| {
                black_box(n);
            });
            assert!(started.elapsed() < Duration::from_secs(20), "a loop takes no time");
        }
    }
}
