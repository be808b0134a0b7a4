//! Builds anew when a migration comes or goes: the macro that embeds them notices only changes to those it knows.
#![expect(clippy::print_stdout, reason = "a build script speaks to cargo by printing")]

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
