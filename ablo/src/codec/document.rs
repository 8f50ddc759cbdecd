//! Where the deltas of a frame are: alone, in a list, in a payload, beside the frame's `type`.

use super::error::{Step, What, fault};
use super::read::{Reader, separator};
use super::scan::{Rest, literal, skip, space, unlike};
use super::store::Owner;
use crate::__private::Key;

static DELTAS: Key = Key::new("deltas");

/// What an object turned out to be.
enum Form {
    /// It has a payload.
    Frame,
    /// It has a list of deltas.
    Batch,
    /// It is a delta itself.
    One,
}

impl Reader<'_> {
    /// Reads one delta or a list, from an object.
    pub(super) fn payload<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        if let [b'{', members @ ..] = rest
            && DELTAS.strip(members).is_some()
        {
            return self.batch(rest, false);
        }
        match self.form(rest, false)? {
            Form::Batch => self.batch(rest, false),
            _ => self.delta(rest, false),
        }
    }

    /// Reads what does not begin as frames do.
    pub(super) fn unusual<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        match self.form(rest, true)? {
            Form::Frame => self.frame(rest),
            Form::Batch => self.batch(rest, true),
            Form::One => self.delta(rest, true),
        }
    }

    /// Decides by the first member that can tell.
    fn form(&mut self, rest: Rest<'_>, top: bool) -> Step<Form> {
        let [b'{', members @ ..] = rest else { return unlike(rest, What::Object) };
        let mut rest = space(members);
        let mut form = Form::One;
        if let [b'}', ..] = rest {
            return Ok(form);
        }
        let mut first = true;
        loop {
            let (name, value) = self.name(rest)?;
            match self.read_text(name) {
                "payload" if top => return Ok(Form::Frame),
                "deltas" | "newVersions" if first => return Ok(Form::Batch),
                "id" | "actionType" | "modelName" | "modelId" | "data" if first => {
                    return Ok(Form::One);
                }
                "type" if top => {}
                "deltas" => (form, first) = (Form::Batch, false),
                _ => first = false,
            }
            match separator(skip(value)?)? {
                (_, true) => return Ok(form),
                (more, false) => rest = more,
            }
        }
    }

    /// Reads a frame whose `type` may stand behind its payload.
    fn frame<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return unlike(rest, What::Object) };
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
                return fault(rest, What::Twice);
            }
            let more = match self.read_text(name) {
                "type" => self.kind(value)?,
                "payload" => self.payload(value)?,
                _ => skip(value)?,
            };
            match separator(more)? {
                (more, true) if kind => return Ok(more),
                (_, true) => return fault(rest, What::Kind),
                (more, false) => rest = more,
            }
        }
    }

    /// Reads the end of a frame that began with its `type` and its payload.
    pub(super) fn members_after_payload<'s>(&mut self, mut rest: Rest<'s>) -> Step<Rest<'s>> {
        loop {
            match separator(rest)? {
                (more, true) => return Ok(more),
                (more, false) => {
                    let (name, value) = self.name(more)?;
                    if matches!(self.read_text(name), "type" | "payload") {
                        return fault(more, What::Twice);
                    }
                    rest = skip(value)?;
                }
            }
        }
    }

    fn batch<'s>(&mut self, rest: Rest<'s>, top: bool) -> Step<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return unlike(rest, What::Object) };
        self.store.batch = true;
        let mut deltas = false;
        let mut versions = false;
        let mut rest = space(members);
        loop {
            let (name, value) = self.name(rest)?;
            let more = match self.read_text(name) {
                "deltas" if std::mem::replace(&mut deltas, true) => {
                    return fault(rest, What::Twice);
                }
                "newVersions" if std::mem::replace(&mut versions, true) => {
                    return fault(rest, What::Twice);
                }
                "deltas" => self.list(value)?,
                "newVersions" => match value {
                    [b'n', ..] => literal(value, b"null")?,
                    [b'{', ..] => {
                        let end = skip(value)?;
                        self.store.new_versions = Some(self.between(value, end));
                        end
                    }
                    _ => return unlike(value, What::Object),
                },
                "type" if top => self.kind(value)?,
                _ => self.extra(Owner::Batch, name, value)?,
            };
            match separator(more)? {
                (more, true) if deltas => return Ok(more),
                (_, true) => return fault(rest, What::Missing),
                (more, false) => rest = more,
            }
        }
    }

    fn list<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let [b'[', items @ ..] = rest else { return unlike(rest, What::Array) };
        let mut rest = space(items);
        if let [b']', more @ ..] = rest {
            return Ok(more);
        }
        let mut first = true;
        loop {
            let more = self.delta(rest, false)?;
            if std::mem::take(&mut first) {
                // Room for what follows, if it is like the first; what is shorter grows by itself.
                let likely = more.len() / (rest.len() - more.len()).max(200);
                self.store.records.reserve_exact(likely);
                self.store.cells.reserve_exact(likely * (self.store.cells.len() + 1));
                self.store.groups.reserve_exact(likely * self.store.groups.len().min(4));
            }
            match space(more) {
                [b',', more @ ..] => rest = space(more),
                [b']', more @ ..] => return Ok(more),
                [] => return fault(&[], What::End),
                other => return fault(other, What::Comma),
            }
        }
    }
}
