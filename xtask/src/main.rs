//! Scaffold.
#[allow(dead_code)]
mod golden {
    pub(crate) mod helper;
    pub(crate) mod helper_differences;
}
#[cfg(test)]
mod platforms_check;

fn main() {}
