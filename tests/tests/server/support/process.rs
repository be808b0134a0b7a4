//! A server in a process of its own: nothing is shared with it but what is stored.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use super::*;

const DATABASE: &str = "PAYLENT_TEST_NODE_DATABASE";
const NOW: &str = "PAYLENT_TEST_NODE_NOW";
const ADDRESS: &str = "listens on ";

/// Ends with its value.
pub struct Process(Child);

/// Starts a server on this database, whose clock stands at `now`.
pub fn spawn(database: &TestDatabase, now: Timestamp) -> (SocketAddr, Process) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "support::process::this_process_is_a_server", "--ignored", "--nocapture"]);
    command.env(DATABASE, database.address()).env(NOW, now.seconds().to_string());
    let mut process = Process(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let said = BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut addresses = said.filter_map(|line| Some(line.split_once(ADDRESS)?.1.parse().unwrap()));
    let address = addresses.next().expect("the process ended without a word");
    (address, process)
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other end of [`spawn`]. It ends with the process that started it, at the latest.
#[test]
#[ignore = "a process that other tests start"]
fn this_process_is_a_server() {
    let url = env::var(DATABASE).unwrap().parse().unwrap();
    let now = Timestamp::from_seconds(env::var(NOW).unwrap().parse().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = Db::open(&url, Options { connections: 8 }).unwrap();
            let rooms = setup::rooms(db, Arc::new(FixedClock::at(now)), &Setting::default());
            let (address, _handle, _draining) = setup::run(rooms);
            println!("\n{ADDRESS}{address}");
            std::future::pending::<()>().await;
        });
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
