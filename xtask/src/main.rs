//! x
#[cfg_attr(not(test), expect(dead_code, reason = "scaffold"))]
mod golden {
    mod status;
    mod status_differences;
}
fn main() {}
