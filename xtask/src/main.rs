//! x
mod golden {
    pub(crate) mod layering;
    pub(crate) mod layering_differences;
}

fn main() {}
