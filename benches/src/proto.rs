//! The same models for prost, with owned texts.

use crate::peers;
use prost::Message;

macro_rules! messages {
    ($(
        $name:ident { $($tag:literal $field:ident: $type:ty, $kind:ident $($opt:ident)?;)* }
    )*) => {$(
        #[derive(Clone, PartialEq, Message)]
        pub struct $name {
            $(#[prost($kind, $($opt,)? tag = $tag)] pub $field: $type,)*
        }
    )*};
}

messages! {
    Actor { "1" kind: String, string; "2" id: String, string; }
    Report {
        "1" id: String, string;
        "2" created_at: String, string;
        "3" updated_at: String, string;
        "4" location: String, string;
        "5" status: i32, int32;
        "6" forecast: Option<String>, string optional;
        "7" confidence: Option<f64>, double optional;
        "8" station_id: Option<String>, string optional;
    }
    Shipment {
        "1" id: String, string;
        "2" created_at: String, string;
        "3" updated_at: String, string;
        "4" reference: String, string;
        "5" status: i32, int32;
        "6" priority: i32, int32;
        "7" customer_id: String, string;
        "8" carrier_name: String, string;
        "9" origin: String, string;
        "10" destination: String, string;
        "11" weight: f64, double;
        "12" volume: f64, double;
        "13" price: f64, double;
        "14" insured_value: Option<f64>, double optional;
        "15" latitude: f64, double;
        "16" longitude: f64, double;
        "17" fragile: bool, bool;
        "19" picked_up_at: String, string;
        "20" expected_at: Option<String>, string optional;
        "22" tracking_url: String, string;
    }
}

macro_rules! envelope {
    ($name:ident, $list:ident, $row:ty, $peer:ident, $convert:expr) => {
        #[derive(Clone, PartialEq, Message)]
        pub struct $name {
            #[prost(uint64, tag = "1")]
            pub id: u64,
            #[prost(string, tag = "2")]
            pub action_type: String,
            #[prost(string, tag = "3")]
            pub model_name: String,
            #[prost(string, tag = "4")]
            pub model_id: String,
            #[prost(message, optional, tag = "5")]
            pub data: Option<$row>,
            #[prost(string, repeated, tag = "6")]
            pub sync_groups: Vec<String>,
            #[prost(string, optional, tag = "7")]
            pub transaction_id: Option<String>,
            #[prost(string, tag = "8")]
            pub created_at: String,
            #[prost(message, optional, tag = "9")]
            pub actor: Option<Actor>,
            #[prost(message, optional, tag = "10")]
            pub on_behalf_of: Option<Actor>,
            #[prost(string, optional, tag = "11")]
            pub capability_id: Option<String>,
            #[prost(string, optional, tag = "12")]
            pub confirmation_state: Option<String>,
            #[prost(string, optional, tag = "13")]
            pub caused_by_task_id: Option<String>,
            #[prost(message, optional, tag = "14")]
            pub created_by: Option<Actor>,
        }

        #[derive(Clone, PartialEq, Message)]
        pub struct $list {
            #[prost(message, repeated, tag = "1")]
            pub deltas: Vec<$name>,
        }

        impl From<&peers::$peer<'_>> for $name {
            fn from(delta: &peers::$peer<'_>) -> Self {
                let convert: fn(&_) -> $row = $convert;
                Self {
                    id: delta.id,
                    action_type: delta.action_type.into(),
                    model_name: delta.model_name.into(),
                    model_id: delta.model_id.into(),
                    data: delta.data.as_ref().map(convert),
                    sync_groups: delta.sync_groups.iter().map(ToString::to_string).collect(),
                    transaction_id: delta.transaction_id.map(Into::into),
                    created_at: delta.created_at.into(),
                    actor: delta.actor.as_ref().map(actor),
                    on_behalf_of: delta.on_behalf_of.as_ref().map(actor),
                    capability_id: delta.capability_id.map(Into::into),
                    confirmation_state: delta.confirmation_state.map(Into::into),
                    caused_by_task_id: delta.caused_by_task_id.map(Into::into),
                    created_by: delta.created_by.as_ref().map(actor),
                }
            }
        }
    };
}

fn actor(actor: &peers::Actor<'_>) -> Actor {
    Actor { kind: actor.kind.into(), id: actor.id.into() }
}

envelope!(ReportDelta, ReportList, Report, ReportDelta, |row: &peers::Report<'_>| Report {
    id: row.id.into(),
    created_at: row.created_at.into(),
    updated_at: row.updated_at.into(),
    location: row.location.into(),
    status: row.status as i32,
    forecast: row.forecast.map(Into::into),
    confidence: row.confidence,
    station_id: row.station_id.map(Into::into),
});

envelope!(ShipmentDelta, ShipmentList, Shipment, ShipmentDelta, |row: &peers::Shipment<'_>| {
    Shipment {
        id: row.id.into(),
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
        reference: row.reference.into(),
        status: row.status as i32,
        priority: row.priority as i32,
        customer_id: row.customer_id.into(),
        carrier_name: row.carrier_name.into(),
        origin: row.origin.into(),
        destination: row.destination.into(),
        weight: row.weight,
        volume: row.volume,
        price: row.price,
        insured_value: row.insured_value,
        latitude: row.latitude,
        longitude: row.longitude,
        fragile: row.fragile,
        picked_up_at: row.picked_up_at.into(),
        expected_at: row.expected_at.map(Into::into),
        tracking_url: row.tracking_url.into(),
    }
});
