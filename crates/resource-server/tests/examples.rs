//! The examples are what a reader has to write.

#[test]
fn the_examples_are_shorter_than_forty_lines() {
    for (name, text) in [("actix", include_str!("../examples/actix.rs")), ("axum", include_str!("../examples/axum.rs"))]
    {
        let lines = text.lines().count();
        assert!(lines < 40, "{name}: {lines} lines");
    }
}
