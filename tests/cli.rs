//! The command line's own words: each file of `tests/cli` is what a user types and sees.

#[test]
fn the_command_line_says_what_its_documents_say() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
