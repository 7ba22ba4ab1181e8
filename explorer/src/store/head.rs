//! What the index wants to know of a snapshot: its head, without its values.
//!
//! The decoder skips values without building them, so a store is indexed at about the speed of its decompression.

use serde::Deserialize;
use stillframe_core::sink::spool::decode_payload;
use stillframe_core::snapshot::Scalar;

use crate::render::head;

/// Longest text kept in the index, in bytes.
const MAX_TEXT: usize = 400;

/// What a list shows of a snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) service: String,
    pub(super) error_type: String,
    /// First line of the message.
    pub(super) message: String,
    pub(super) function: String,
    pub(super) module: String,
    pub(super) file: String,
    pub(super) line: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Snapshot {
    service: String,
    exceptions: Vec<Exception>,
    frames: Vec<Frame>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Exception {
    #[serde(rename = "type")]
    type_name: String,
    message: Option<Message>,
    frames: Vec<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Message {
    value: Option<Scalar>,
    not_captured_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Frame {
    function: String,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    in_app: bool,
}

impl Head {
    /// Reads the head of a stored snapshot; `None` if it is none.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let snapshot: Snapshot = decode_payload(payload).ok()?;
        let exception = snapshot.exceptions.first();
        let frames = exception.map_or(&[][..], |exception| &exception.frames);
        let frames = frames
            .iter()
            .filter_map(|&at| snapshot.frames.get(at as usize));
        let nearest = frames
            .clone()
            .find(|frame| frame.in_app)
            .or_else(|| frames.clone().next());
        let message = exception.and_then(|exception| exception.message.as_ref());
        let text = |text: &str| head(text, MAX_TEXT).to_owned();
        let option = |option: Option<&String>| option.map(|value| text(value)).unwrap_or_default();
        Some(Self {
            service: text(&snapshot.service),
            error_type: exception
                .map(|exception| text(&exception.type_name))
                .unwrap_or_default(),
            message: message.map(Message::first_line).unwrap_or_default(),
            function: nearest
                .map(|frame| text(&frame.function))
                .unwrap_or_default(),
            module: option(nearest.and_then(|frame| frame.module.as_ref())),
            file: option(nearest.and_then(|frame| frame.file.as_ref())),
            line: nearest.and_then(|frame| frame.line).unwrap_or(0),
        })
    }
}

impl Message {
    fn first_line(&self) -> String {
        match &self.value {
            Some(Scalar::Text(text)) => {
                let line = text
                    .lines()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or("");
                head(line, MAX_TEXT).to_owned()
            }
            Some(value) => value.to_string(),
            None if self.not_captured_reason.is_some() => "[redacted]".to_owned(),
            None => String::new(),
        }
    }
}
