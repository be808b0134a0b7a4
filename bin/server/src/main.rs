//! The program `paylent`; see `paylent --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    paylent_server::cli::run()
}
