//! The two models of the benches, as `ablo generate` would print them, and the same by hand for the peers.

#[derive(Clone, Debug, PartialEq)]
pub struct WeatherReport {
    pub location: String,
    pub status: WeatherReportStatus,
    pub forecast: Option<String>,
    pub confidence: Option<f64>,
    pub station_id: Option<ablo::Id<WeatherReport>>,
}

ablo::__private::open_enum! { pub enum WeatherReportStatus { Pending = "pending", Ready = "ready" } }

ablo::__private::model! {
    pub WeatherReport, WeatherReportCreate, WeatherReportPatch,
    key = "weatherReports", type_name = "WeatherReport", table = "weather_reports", mutable = true;
    fields {
        0 location: String, LOCATION "location" "location" String;
        1 status: WeatherReportStatus, STATUS "status" "status" Enum(WeatherReportStatus);
        2 forecast?: String, FORECAST "forecast" "forecast" String;
        3 confidence?: f64, CONFIDENCE "confidence" "confidence" Number;
        4 station_id?: ablo::Id<WeatherReport>, STATION_ID "stationId" "station_id" String;
    }
    relations {}
}

#[derive(Clone, Debug, PartialEq)]
pub struct Shipment {
    pub reference: String,
    pub status: ShipmentStatus,
    pub priority: ShipmentPriority,
    pub customer_id: ablo::Id<Shipment>,
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
    pub picked_up_at: ablo::Timestamp,
    pub expected_at: Option<ablo::Timestamp>,
    pub tracking_url: String,
}

ablo::__private::open_enum! { pub enum ShipmentStatus { Draft = "draft", InTransit = "in_transit", Delivered = "delivered" } }
ablo::__private::open_enum! { pub enum ShipmentPriority { Low = "low", Normal = "normal", High = "high" } }

ablo::__private::model! {
    pub Shipment, ShipmentCreate, ShipmentPatch,
    key = "shipments", type_name = "Shipment", table = "shipments", mutable = true;
    fields {
        0 reference: String, REFERENCE "reference" "reference" String;
        1 status: ShipmentStatus, STATUS "status" "status" Enum(ShipmentStatus);
        2 priority: ShipmentPriority, PRIORITY "priority" "priority" Enum(ShipmentPriority);
        3 customer_id: ablo::Id<Shipment>, CUSTOMER_ID "customerId" "customer_id" String;
        4 carrier_name: String, CARRIER_NAME "carrierName" "carrier_name" String;
        5 origin: String, ORIGIN "origin" "origin" String;
        6 destination: String, DESTINATION "destination" "destination" String;
        7 weight: f64, WEIGHT "weight" "weight" Number;
        8 volume: f64, VOLUME "volume" "volume" Number;
        9 price: f64, PRICE "price" "price" Number;
        10 insured_value?: f64, INSURED_VALUE "insuredValue" "insured_value" Number;
        11 latitude: f64, LATITUDE "latitude" "latitude" Number;
        12 longitude: f64, LONGITUDE "longitude" "longitude" Number;
        13 fragile: bool, FRAGILE "fragile" "fragile" Boolean;
        14 picked_up_at: ablo::Timestamp, PICKED_UP_AT "pickedUpAt" "picked_up_at" Date;
        15 expected_at?: ablo::Timestamp, EXPECTED_AT "expectedAt" "expected_at" Date;
        16 tracking_url: String, TRACKING_URL "trackingUrl" "tracking_url" String;
    }
    relations {}
}

ablo::__private::schema! {
    pub static SCHEMA: "1f2e3d4c" "5b6a7c8d9e0f1a2b3c4d5e6f708192a35b6a7c8d9e0f1a2b3c4d5e6f708192a3";
    models { WeatherReport, Shipment }
    identity_roles { "org" "organizationId" false }
}
