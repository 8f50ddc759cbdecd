//! The models for the peers: borrowed structs with serde derives.
//!
//! Dates stay text for the peers, which favours them, because our codec parses them. All other
//! types are the same.

use serde::{Deserialize, Serialize};

macro_rules! both {
    ($(
        $(#[$m:meta])*
        pub struct $name:ident {
            $($(#[$f:meta])* $field:ident: $type:ty = $how:ident,)*
        }
    )*) => {$(
        #[derive(Debug, Serialize, Deserialize, bitcode::Encode, bitcode::Decode)]
        #[serde(rename_all = "camelCase")]
        $(#[$m])*
        pub struct $name<'a> { $($(#[$f])* pub $field: $type,)* }

        impl $name<'_> {
            /// Reads every value, so that none stays undecoded.
            pub fn touch(&self) -> u64 {
                0 $(+ touch!($how self.$field))*
            }
        }
    )*};
}

macro_rules! touch {
    (text $e:expr) => {
        $e.len() as u64
    };
    (maybe_text $e:expr) => {
        $e.map_or(0, |text| text.len() as u64)
    };
    (number $e:expr) => {
        $e.to_bits()
    };
    (maybe_number $e:expr) => {
        $e.map_or(0, f64::to_bits)
    };
    (integer $e:expr) => {
        $e
    };
    (boolean $e:expr) => {
        u64::from($e)
    };
    (value $e:expr) => {
        $e as u64
    };
    (row $e:expr) => {
        $e.as_ref().map_or(0, |row| row.touch())
    };
    (list $e:expr) => {
        $e.iter().map(|text| text.len() as u64).sum::<u64>()
    };
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, bitcode::Encode, bitcode::Decode)]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    Pending,
    Ready,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, bitcode::Encode, bitcode::Decode)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Draft,
    InTransit,
    Delivered,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, bitcode::Encode, bitcode::Decode)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    Normal,
    High,
}

both! {
    pub struct Actor { kind: &'a str = text, id: &'a str = text, }

    pub struct Report {
        id: &'a str = text,
        created_at: &'a str = text,
        updated_at: &'a str = text,
        location: &'a str = text,
        status: ReportStatus = value,
        forecast: Option<&'a str> = maybe_text,
        confidence: Option<f64> = maybe_number,
        station_id: Option<&'a str> = maybe_text,
    }

    pub struct Shipment {
        id: &'a str = text,
        created_at: &'a str = text,
        updated_at: &'a str = text,
        reference: &'a str = text,
        status: Status = value,
        priority: Priority = value,
        customer_id: &'a str = text,
        carrier_name: &'a str = text,
        origin: &'a str = text,
        destination: &'a str = text,
        weight: f64 = number,
        volume: f64 = number,
        price: f64 = number,
        insured_value: Option<f64> = maybe_number,
        latitude: f64 = number,
        longitude: f64 = number,
        fragile: bool = boolean,
        picked_up_at: &'a str = text,
        expected_at: Option<&'a str> = maybe_text,
        tracking_url: &'a str = text,
    }
}

macro_rules! envelope {
    ($name:ident, $row:ty) => {
        #[derive(Debug, Serialize, Deserialize, bitcode::Encode, bitcode::Decode)]
        #[serde(rename_all = "camelCase")]
        pub struct $name<'a> {
            pub id: u64,
            pub action_type: &'a str,
            pub model_name: &'a str,
            pub model_id: &'a str,
            #[serde(borrow)]
            pub data: Option<$row>,
            #[serde(borrow)]
            pub sync_groups: Vec<&'a str>,
            pub transaction_id: Option<&'a str>,
            pub created_at: &'a str,
            #[serde(borrow)]
            pub actor: Option<Actor<'a>>,
            #[serde(borrow)]
            pub on_behalf_of: Option<Actor<'a>>,
            pub capability_id: Option<&'a str>,
            pub confirmation_state: Option<&'a str>,
            pub caused_by_task_id: Option<&'a str>,
            #[serde(borrow)]
            pub created_by: Option<Actor<'a>>,
        }

        impl $name<'_> {
            pub fn touch(&self) -> u64 {
                self.id
                    + touch!(text self.action_type)
                    + touch!(text self.model_name)
                    + touch!(text self.model_id)
                    + touch!(row self.data)
                    + touch!(list self.sync_groups)
                    + touch!(maybe_text self.transaction_id)
                    + touch!(text self.created_at)
                    + touch!(row self.actor)
                    + touch!(row self.on_behalf_of)
                    + touch!(maybe_text self.capability_id)
                    + touch!(maybe_text self.confirmation_state)
                    + touch!(maybe_text self.caused_by_task_id)
                    + touch!(row self.created_by)
            }
        }
    };
}

envelope!(ReportDelta, Report<'a>);
envelope!(ShipmentDelta, Shipment<'a>);

/// A list of deltas as on the wire.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch<D> {
    pub deltas: Vec<D>,
}

/// A delta whose data is decoded after the model is known.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MixedDelta<'a> {
    pub id: u64,
    pub action_type: &'a str,
    pub model_name: &'a str,
    pub model_id: &'a str,
    #[serde(borrow)]
    pub data: sonic_rs::LazyValue<'a>,
    #[serde(borrow)]
    pub sync_groups: Vec<&'a str>,
    pub transaction_id: Option<&'a str>,
    pub created_at: &'a str,
    #[serde(borrow)]
    pub actor: Option<Actor<'a>>,
    #[serde(borrow)]
    pub on_behalf_of: Option<Actor<'a>>,
    pub capability_id: Option<&'a str>,
    pub confirmation_state: Option<&'a str>,
    pub caused_by_task_id: Option<&'a str>,
    #[serde(borrow)]
    pub created_by: Option<Actor<'a>>,
}

/// The same structs with owned texts, for serde_json.
pub mod owned {
    use super::{Priority, ReportStatus, Status};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Actor {
        pub kind: String,
        pub id: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Report {
        pub id: String,
        pub created_at: String,
        pub updated_at: String,
        pub location: String,
        pub status: ReportStatus,
        pub forecast: Option<String>,
        pub confidence: Option<f64>,
        pub station_id: Option<String>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Shipment {
        pub id: String,
        pub created_at: String,
        pub updated_at: String,
        pub reference: String,
        pub status: Status,
        pub priority: Priority,
        pub customer_id: String,
        pub carrier_name: String,
        pub origin: String,
        pub destination: String,
        pub weight: f64,
        pub volume: f64,
        pub price: f64,
        pub insured_value: Option<f64>,
        pub latitude: f64,
        pub longitude: f64,
        pub fragile: bool,
        pub picked_up_at: String,
        pub expected_at: Option<String>,
        pub tracking_url: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Delta<R> {
        pub id: u64,
        pub action_type: String,
        pub model_name: String,
        pub model_id: String,
        pub data: Option<R>,
        pub sync_groups: Vec<String>,
        pub transaction_id: Option<String>,
        pub created_at: String,
        pub actor: Option<Actor>,
        pub on_behalf_of: Option<Actor>,
        pub capability_id: Option<String>,
        pub confirmation_state: Option<String>,
        pub caused_by_task_id: Option<String>,
        pub created_by: Option<Actor>,
    }
}
