//! The two models of the benchmarks, as `ablo generate` prints them.

#[derive(Clone, Debug, PartialEq)]
pub struct WeatherReport {
    pub location: String,
    pub status: WeatherReportStatus,
    pub forecast: Option<String>,
    pub confidence: Option<f64>,
    pub station_id: Option<ablo::Id<WeatherReport>>,
}

ablo::__private::open_enum! {
    pub enum WeatherReportStatus { Pending = "pending", Ready = "ready" }
}

ablo::__private::model! {
    pub WeatherReport, WeatherReportPatch, WeatherReportCreate,
    key = "weatherReports", type_name = "WeatherReport", table = "weather_reports", mutable = true;
    create(location: String = 0, status: WeatherReportStatus = 1)
    fields {
        0 location: String, LOCATION "location" "location";
        1 status: WeatherReportStatus, STATUS "status" "status";
        2 forecast?: String, FORECAST "forecast" "forecast";
        3 confidence?: f64, CONFIDENCE "confidence" "confidence";
        4 station_id?: ablo::Id<WeatherReport>, STATION_ID "stationId" "station_id";
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

ablo::__private::open_enum! {
    pub enum ShipmentStatus { Draft = "draft", InTransit = "in_transit", Delivered = "delivered" }
}
ablo::__private::open_enum! {
    pub enum ShipmentPriority { Low = "low", Normal = "normal", High = "high" }
}

ablo::__private::model! {
    pub Shipment, ShipmentPatch, ShipmentCreate,
    key = "shipments", type_name = "Shipment", table = "shipments", mutable = true;
    create(
        reference: String = 0, status: ShipmentStatus = 1, priority: ShipmentPriority = 2,
        customer_id: ablo::Id<Shipment> = 3, carrier_name: String = 4, origin: String = 5,
        destination: String = 6, weight: f64 = 7, volume: f64 = 8, price: f64 = 9,
        latitude: f64 = 11, longitude: f64 = 12, fragile: bool = 13,
        picked_up_at: ablo::Timestamp = 14, tracking_url: String = 16
    )
    fields {
        0 reference: String, REFERENCE "reference" "reference";
        1 status: ShipmentStatus, STATUS "status" "status";
        2 priority: ShipmentPriority, PRIORITY "priority" "priority";
        3 customer_id: ablo::Id<Shipment>, CUSTOMER_ID "customerId" "customer_id";
        4 carrier_name: String, CARRIER_NAME "carrierName" "carrier_name";
        5 origin: String, ORIGIN "origin" "origin";
        6 destination: String, DESTINATION "destination" "destination";
        7 weight: f64, WEIGHT "weight" "weight";
        8 volume: f64, VOLUME "volume" "volume";
        9 price: f64, PRICE "price" "price";
        10 insured_value?: f64, INSURED_VALUE "insuredValue" "insured_value";
        11 latitude: f64, LATITUDE "latitude" "latitude";
        12 longitude: f64, LONGITUDE "longitude" "longitude";
        13 fragile: bool, FRAGILE "fragile" "fragile";
        14 picked_up_at: ablo::Timestamp, PICKED_UP_AT "pickedUpAt" "picked_up_at";
        15 expected_at?: ablo::Timestamp, EXPECTED_AT "expectedAt" "expected_at";
        16 tracking_url: String, TRACKING_URL "trackingUrl" "tracking_url";
    }
    relations {}
}

ablo::__private::schema! {
    pub static SCHEMA: "1f2e3d4c"
        "5b6a7c8d9e0f1a2b3c4d5e6f708192a35b6a7c8d9e0f1a2b3c4d5e6f708192a3";
    deltas SchemaDelta;
    models { WeatherReport: WeatherReport, Shipment: Shipment }
    identity_roles { "org" "organizationId" false }
}
