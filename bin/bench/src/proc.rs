//! CPU time and memory of processes, from `/proc`.

use crate::error::Error;
use std::{collections::HashMap, fs, path::Path, time::Duration};

/// One tick of the times in `/proc/PID/stat`: 1/USER_HZ, which Linux fixes at 100 on every architecture we
/// build for.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of the process and of the children it has waited for.
    ticks: u32,
}

/// Reads `/proc/PID/stat` (proc_pid_stat(5)). The name in parentheses may hold spaces and parentheses.
fn stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    Some(Stat { parent: number(4)?, ticks: number(14)? + number(15)? + number(16)? + number(17)? })
}

fn all() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, stat(&text)?))
        })
        .collect()
}

/// `root` and its descendants.
fn tree(root: u32, processes: &HashMap<u32, Stat>) -> Result<Vec<u32>, Error> {
    if !processes.contains_key(&root) {
        return Err(Error::Input(format!("there is no process {root}")));
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        let children = processes.iter().filter(|(_, stat)| stat.parent == parent);
        tree.extend(children.map(|(&pid, _)| pid));
        next += 1;
    }
    Ok(tree)
}

/// User and system time of a process and its descendants so far, ended children included.
pub(crate) fn tree_cpu(root: u32) -> Result<Duration, Error> {
    let processes = all();
    let tree = tree(root, &processes)?;
    let ticks = tree.iter().filter_map(|pid| processes.get(pid)).map(|stat| stat.ticks);
    Ok(TICK * ticks.sum::<u32>())
}

/// Resident memory of a process and its descendants, in kB.
pub(crate) fn tree_rss_kb(root: u32) -> Result<u64, Error> {
    let tree = tree(root, &all())?;
    let status = |pid| fs::read_to_string(format!("/proc/{pid}/status")).ok();
    Ok(tree.into_iter().filter_map(|pid| rss_kb(&status(pid)?)).sum())
}

fn rss_kb(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// CPU time of the calling thread so far, in nanoseconds' precision.
pub(crate) fn thread_cpu() -> Result<Duration, Error> {
    const FILE: &str = "/proc/thread-self/schedstat";
    // The kernel brings the figure up to date when it schedules, so ask it to.
    std::thread::yield_now();
    let text = fs::read_to_string(FILE).map_err(Error::at(FILE))?;
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| Error::Input(format!("{FILE} reads {text:?}")))
}

/// The process id of the PostgreSQL server whose data directory this is.
pub(crate) fn postmaster_pid(data: &Path) -> Result<u32, Error> {
    let file = data.join("postmaster.pid");
    let text = fs::read_to_string(&file).map_err(Error::at(file.display()))?;
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
    pid.ok_or_else(|| Error::Input(format!("{} holds no process id", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_gives_the_parent_and_all_four_times() {
        let line = "10101 (a) b (c)) S 8275 8275 2830 0 -1 4194304 101 0 0 0 1000 200 30 4 20 0 1";
        let expected = Stat { parent: 8275, ticks: 1234 };
        assert_eq!(stat(line), Some(expected));
        assert_eq!(stat("10101 (cat) S 8275"), None);
    }

    #[test]
    fn a_tree_holds_all_descendants_and_nobody_else() {
        let child_of = |parent| Stat { parent, ticks: 1 };
        let processes =
            HashMap::from([(1, child_of(0)), (2, child_of(1)), (3, child_of(2)), (4, child_of(3)), (5, child_of(1))]);
        let mut tree = tree(2, &processes).unwrap();
        tree.sort_unstable();
        assert_eq!(tree, [2, 3, 4]);
    }

    #[test]
    fn a_missing_process_is_an_error() {
        assert!(tree(2, &HashMap::new()).is_err());
    }

    #[test]
    fn resident_memory_is_read_in_kilobytes() {
        assert_eq!(rss_kb("VmHWM:\t  900 kB\nVmRSS:\t  800 kB\n"), Some(800));
        assert!(tree_rss_kb(std::process::id()).unwrap() > 100);
    }

    #[test]
    fn work_costs_cpu_time() {
        let before = (thread_cpu().unwrap(), tree_cpu(std::process::id()).unwrap());
        let busy = || thread_cpu().unwrap() - before.0;
        while busy() < Duration::from_millis(50) {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
        }
        let spent = tree_cpu(std::process::id()).unwrap() - before.1;
        assert!(spent >= Duration::from_millis(40), "{spent:?}");
    }
}
