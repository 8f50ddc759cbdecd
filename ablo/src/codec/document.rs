//! Finds the deltas of a frame: one or a list, with or without the enclosing frame.

use super::error::{ReadResult, Reason, fault};
use super::read::{JsonReader, separator};
use super::scan::{Rest, literal, mismatch, skip, space};
use super::store::Owner;
use crate::key::Key;

static DELTAS: Key = Key::new("deltas");

/// The kinds of objects that can contain deltas.
enum Layout {
    /// A frame with a payload.
    Frame,
    /// An object with a list of deltas.
    Batch,
    /// A single delta.
    One,
}

impl JsonReader<'_> {
    /// Reads an object that is a delta or has a list of them.
    pub(super) fn payload<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        if let [b'{', members @ ..] = rest
            && DELTAS.strip(members).is_some()
        {
            return self.batch(rest, false);
        }
        match self.layout(rest, false)? {
            Layout::Batch => self.batch(rest, false),
            _ => self.delta(rest, false),
        }
    }

    /// Reads a document that does not begin like a compact `delta` frame.
    pub(super) fn any_layout<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        match self.layout(rest, true)? {
            Layout::Frame => self.frame(rest),
            Layout::Batch => self.batch(rest, true),
            Layout::One => self.delta(rest, true),
        }
    }

    /// Detects the layout by the first member that determines it.
    fn layout(&mut self, rest: Rest<'_>, top: bool) -> ReadResult<Layout> {
        let [b'{', members @ ..] = rest else { return mismatch(rest, Reason::Object) };
        let mut rest = space(members);
        let mut layout = Layout::One;
        if let [b'}', ..] = rest {
            return Ok(layout);
        }
        let mut first = true;
        loop {
            let (name, value) = self.name(rest)?;
            match self.read_text(name) {
                "payload" if top => return Ok(Layout::Frame),
                "deltas" | "newVersions" if first => return Ok(Layout::Batch),
                "id" | "actionType" | "modelName" | "modelId" | "data" if first => {
                    return Ok(Layout::One);
                }
                "type" if top => {}
                "deltas" => (layout, first) = (Layout::Batch, false),
                _ => first = false,
            }
            match separator(skip(value)?)? {
                (_, true) => return Ok(layout),
                (more, false) => rest = more,
            }
        }
    }

    /// Reads a frame. Its `type` may follow its payload.
    fn frame<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return mismatch(rest, Reason::Object) };
        let (mut kind, mut payload) = (false, false);
        let mut rest = space(members);
        loop {
            let (name, value) = self.name(rest)?;
            let seen = match self.read_text(name) {
                "type" => &mut kind,
                "payload" => &mut payload,
                _ => &mut false,
            };
            if std::mem::replace(seen, true) {
                return fault(rest, Reason::Duplicate);
            }
            let more = match self.read_text(name) {
                "type" => self.frame_type(value)?,
                "payload" => self.payload(value)?,
                _ => skip(value)?,
            };
            match separator(more)? {
                (more, true) if kind => return Ok(more),
                (_, true) => return fault(rest, Reason::FrameType),
                (more, false) => rest = more,
            }
        }
    }

    /// Reads the remaining members of a frame that began with its `type` and its payload.
    pub(super) fn members_after_payload<'s>(&mut self, mut rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        loop {
            match separator(rest)? {
                (more, true) => return Ok(more),
                (more, false) => {
                    let (name, value) = self.name(more)?;
                    if matches!(self.read_text(name), "type" | "payload") {
                        return fault(more, Reason::Duplicate);
                    }
                    rest = skip(value)?;
                }
            }
        }
    }

    fn batch<'s>(&mut self, rest: Rest<'s>, top: bool) -> ReadResult<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return mismatch(rest, Reason::Object) };
        self.store.batch = true;
        let mut deltas = false;
        let mut versions = false;
        let mut rest = space(members);
        loop {
            let (name, value) = self.name(rest)?;
            let more = match self.read_text(name) {
                "deltas" if std::mem::replace(&mut deltas, true) => {
                    return fault(rest, Reason::Duplicate);
                }
                "newVersions" if std::mem::replace(&mut versions, true) => {
                    return fault(rest, Reason::Duplicate);
                }
                "deltas" => self.list(value)?,
                "newVersions" => match value {
                    [b'n', ..] => literal(value, b"null")?,
                    [b'{', ..] => {
                        let end = skip(value)?;
                        self.store.new_versions = Some(self.between(value, end));
                        end
                    }
                    _ => return mismatch(value, Reason::Object),
                },
                "type" if top => self.frame_type(value)?,
                _ => self.extra(Owner::Batch, name, value)?,
            };
            match separator(more)? {
                (more, true) if deltas => return Ok(more),
                (_, true) => return fault(rest, Reason::Missing),
                (more, false) => rest = more,
            }
        }
    }

    fn list<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let [b'[', items @ ..] = rest else { return mismatch(rest, Reason::Array) };
        let mut rest = space(items);
        if let [b']', more @ ..] = rest {
            return Ok(more);
        }
        let mut first = true;
        loop {
            let more = self.delta(rest, false)?;
            if std::mem::take(&mut first) {
                // Capacity for deltas of the size of the first one; the vectors still grow on
                // demand.
                let expected = more.len() / (rest.len() - more.len()).max(200);
                self.store.records.reserve_exact(expected);
                self.store.cells.reserve_exact(expected * (self.store.cells.len() + 1));
                self.store.groups.reserve_exact(expected * self.store.groups.len().min(4));
            }
            match space(more) {
                [b',', more @ ..] => rest = space(more),
                [b']', more @ ..] => return Ok(more),
                [] => return fault(&[], Reason::End),
                other => return fault(other, Reason::Comma),
            }
        }
    }
}
