//! What is sent: a message, or a part of a file that is read while it is sent.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use sha1::{Digest as _, Sha1};

/// A piece of a file: reading it from a disk takes less than a millisecond, so that it may be read
/// where nothing else may wait.
const PIECE: usize = 128 << 10;

/// How much of a file has been sent, and its checksum.
#[derive(Debug, Default, Clone)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    /// Of what has been sent; vCenters name it in the manifest of an upload.
    pub(super) sha1: Sha1,
}

/// A body.
pub(super) enum Body {
    Message(Option<Bytes>),
    Part {
        file: File,
        left: u64,
        sent: Arc<Mutex<Sent>>,
    },
}

impl Body {
    /// Of some bytes of a file, from a position on.
    pub(super) fn part(
        mut file: File,
        position: u64,
        length: u64,
        sent: Arc<Mutex<Sent>>,
    ) -> io::Result<Self> {
        file.seek(SeekFrom::Start(position))?;
        Ok(Self::Part {
            file,
            left: length,
            sent,
        })
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Message((!text.is_empty()).then(|| Bytes::from(text)))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match self.get_mut() {
            Self::Message(message) => message.take().map(Ok),
            Self::Part { left: 0, .. } => None,
            Self::Part { file, left, sent } => Some(next_piece(file, left, sent)),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Message(None) | Self::Part { left: 0, .. })
    }

    /// Exact, so that a length is sent: hosts take no upload without.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Message(message) => message.as_ref().map_or(0, |message| message.len() as u64),
            Self::Part { left, .. } => *left,
        })
    }
}

fn next_piece(file: &mut File, left: &mut u64, sent: &Mutex<Sent>) -> io::Result<Bytes> {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(PIECE);
    let mut piece = vec![0; length];
    file.read_exact(&mut piece)?;
    *left = left.saturating_sub(length as u64);
    if let Ok(mut sent) = sent.lock() {
        sent.bytes += length as u64;
        sent.sha1.update(&piece);
    }
    Ok(Bytes::from(piece))
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        digits.push_str(&format!("{byte:02x}"));
    }
    digits
}
