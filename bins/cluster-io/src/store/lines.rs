//! Lines out of the pieces in which a watch arrives.

/// The longest event: objects are at most 1.5 MiB in etcd, and the API server takes 3 MiB.
const LONGEST: usize = 16 << 20;
/// What a buffer keeps between events: one large object is not paid for ever after.
const KEPT: usize = 64 << 10;

/// A line is longer than any event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {LONGEST} bytes")]
pub(super) struct TooLong;

/// What has arrived, and is no whole line yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    start: usize,
    /// How much of the buffer holds no end of a line.
    searched: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        if self.buffer.len() + bytes.len() > LONGEST {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole line, without its end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let rest = self.buffer.get(self.searched..)?;
        match rest.iter().position(|byte| *byte == b'\n') {
            None => {
                self.searched = self.buffer.len();
                None
            }
            Some(offset) => {
                let (from, to) = (self.start, self.searched + offset);
                self.start = to + 1;
                self.searched = self.start;
                self.buffer.get(from..to)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"one\n\ntwo and more\nthree";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                lines.push(piece).unwrap();
                while let Some(line) = lines.next() {
                    found.push(String::from_utf8_lossy(line).into_owned());
                }
            }
            assert_eq!(found, ["one", "", "two and more"], "{size}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        let piece = vec![b'a'; LONGEST / 2];
        assert_eq!(lines.push(&piece), Ok(()));
        assert_eq!(lines.next(), None);
        assert_eq!(lines.push(&piece), Ok(()));
        assert_eq!(lines.push(b"a"), Err(TooLong));
    }
}
