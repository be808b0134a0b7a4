//! How much memory a pool of password hashers holds. Alone in its process, whose memory it looks at.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::{Arc, Barrier};

use paylent_crypto::password::{PasswordPool, Passwords, Verification};

const MIB: u64 = 1 << 20;

/// What the process holds, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// Each hash runs on a thread that never hashed before, which is what an allocator keeps most memory for.
#[tokio::test]
async fn lo_argon_dos_a_pool_holds_its_slots_memory_however_many_threads_hash() {
    let permits = 2;
    let pool = PasswordPool::new(Passwords::default(), permits, 64);
    let base = resident();
    let (busy, mut blockers) = (Arc::new(Barrier::new(17)), Vec::new());
    let hash = pool.hash("correct horse").await.unwrap();
    for _ in 0..16 {
        let (one, other) = tokio::join!(pool.verify("correct horse", &hash), pool.verify("wrong", &hash));
        assert_eq!((one.unwrap(), other.unwrap()), (Verification::Valid, Verification::Invalid));
        let busy = Arc::clone(&busy);
        blockers.push(tokio::task::spawn_blocking(move || busy.wait()));
    }
    let grown = resident().saturating_sub(base);
    busy.wait();
    for blocker in blockers {
        blocker.await.unwrap();
    }
    let slots = permits as u64 * 19 * MIB;
    assert!(grown <= slots + slots / 5, "{} MiB for {permits} slots", grown / MIB);
    assert_eq!(pool.runs(), 33);
}
