//! A route that belongs to no model, as data.

use super::operation::ErrorResponse;
use super::shared::READ_MANY;

/// A parameter of a route.
#[derive(Clone, Copy)]
pub(super) enum Parameter {
    /// A shared component.
    Shared(&'static str),
    /// A text in the query: name, description.
    Query(&'static str, &'static str),
    /// A text that may be repeated in the query.
    Queries(&'static str, &'static str),
    /// A required header.
    Header(&'static str, &'static str),
    /// A part of the path.
    Path(&'static str, &'static str),
}
/// The answer of a route.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// A shared component.
    Component(&'static str),
    /// A description, and the schema of a body.
    Body(&'static str, &'static str),
    /// A description of an answer without a body.
    Empty(&'static str),
    /// A description, and the media type of a text.
    Text(&'static str, &'static str),
}
/// A method of a path.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The schema of the body, and whether a body is required.
    pub(super) body: Option<(&'static str, bool)>,
    pub(super) replies: &'static [(&'static str, Reply)],
    pub(super) errors: &'static [ErrorResponse],
    /// Whether the route needs no credential.
    pub(super) public: bool,
}

impl Route {
    pub(super) const GET: Route = Route {
        method: "get",
        id: "",
        tag: "",
        summary: "",
        parameters: &[],
        body: None,
        replies: &[],
        errors: READ_MANY,
        public: false,
    };
    pub(super) const POST: Route = Route { method: "post", ..Self::GET };
    pub(super) const PATCH: Route = Route { method: "patch", ..Self::GET };
    pub(super) const DELETE: Route = Route { method: "delete", ..Self::GET };
}

/// A path with the parameters of all its methods.
pub(super) type Routes = (&'static str, &'static [Parameter], &'static [Route]);
