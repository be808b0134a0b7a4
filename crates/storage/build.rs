//! Builds anew when a migration comes or goes: the macro that embeds them notices only changes to those it knows.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
