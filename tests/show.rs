//! Prints the rows of `.hyper` files: `cargo run --example show -- FILE…`.

#![expect(clippy::print_stdout, reason = "printing is what this is for")]
#![expect(clippy::unwrap_used, reason = "a developer reads the panic")]

#[path = "it/extract.rs"]
mod extract;

fn main() {
    for file in std::env::args().skip(1) {
        println!("{file}");
        println!("{}", extract::read(std::path::Path::new(&file)));
    }
}
