//! Zstandard, unpacked while it is read: frames one after the other, as the format has them.

use std::io::{BufRead, Error, Read, Result, copy, sink};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Most that a frame may refer back, in bytes, which the decoder holds in memory. The command `zstd`
/// writes windows of 8 MiB at most, unless it is told to take more (`--long`, `--ultra`).
const MAX_WINDOW: u64 = 32 << 20;

/// What is in the frames of a stream.
pub(super) struct Unpacked<R> {
    packed: R,
    decoder: FrameDecoder,
    /// Whether the decoder has a frame that is not at its end.
    is_inside: bool,
}

impl<R: BufRead> Unpacked<R> {
    pub(super) fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self {
            packed,
            decoder,
            is_inside: false,
        }
    }

    /// Starts the next frame; false behind the last one.
    fn begin(&mut self) -> Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    self.is_inside = true;
                    return Ok(true);
                }
                // A frame that holds something for other programs.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    copy(&mut (&mut self.packed).take(length.into()), &mut sink())?;
                }
                Err(error) => return Err(Error::other(error)),
            }
        }
        Ok(false)
    }

    /// Ends a frame. Whoever packed it may have left a checksum out.
    fn end(&mut self) -> Result<()> {
        self.is_inside = false;
        match self.decoder.get_checksum_from_data() {
            Some(sum) if Some(sum) != self.decoder.get_calculated_checksum() => {
                Err(Error::other("its checksum is wrong: it is damaged"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.is_inside && self.decoder.is_finished() {
                self.end()?;
            }
            if !self.is_inside && !self.begin()? {
                return Ok(0);
            }
            if !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.packed, one);
                decoded.map_err(Error::other)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn check(packed: &[u8], expected: &[u8]) {
        let mut unpacked = Vec::new();
        Unpacked::new(packed).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == expected, "{} bytes", unpacked.len());
    }

    #[test]
    fn frames_follow_each_other_and_others_are_passed_over() {
        let text = b"kind: Node\n".repeat(100_000);
        let frame = compress_to_vec(text.as_slice(), CompressionLevel::Fastest);
        let other: &[u8] = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        check(&[], b"");
        check(&frame, &text);
        check(&[other, &frame, other, &frame].concat(), &text.repeat(2));
        let empty = compress_to_vec(&b""[..], CompressionLevel::Fastest);
        check(&[empty.as_slice(), &frame].concat(), &text);
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let frame = compress_to_vec(&b"kind: Node\n"[..], CompressionLevel::Fastest);
        let mut changed = frame.clone();
        let last = changed.len() - 6;
        changed[last] ^= 1;
        for damaged in [
            &frame[..frame.len() - 5],
            &changed,
            &[&frame[..], b"more"].concat(),
        ] {
            assert!(Unpacked::new(damaged).read_to_end(&mut Vec::new()).is_err());
        }
    }
}
