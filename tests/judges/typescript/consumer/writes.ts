// Creates may omit optional members. Patches omit members that keep their value; null clears a
// value.
import type {
  StationPatch,
  WeatherReportCreate,
  WeatherReportPatch,
  wire,
} from "./typescript/index.js";

export const create: WeatherReportCreate = {
  location: "Stockholm",
  status: "pending",
  temperature: 20,
  confirmed: false,
  stationId: "s_1",
};
export const named: WeatherReportCreate = { ...create, id: "r_1", forecast: null };

// @ts-expect-error a required field is missing
export const partial: WeatherReportCreate = { location: "Stockholm" };
// @ts-expect-error the server sets the base fields
export const stamped: WeatherReportCreate = { ...create, createdAt: "2026-06-01T08:00:00.000Z" };
// @ts-expect-error an id is given or absent, never undefined
export const nameless: WeatherReportCreate = { ...create, id: undefined };

export const nothing: WeatherReportPatch = {};
export const change: WeatherReportPatch = { location: "Uppsala", forecast: "rain" };
export const clear: WeatherReportPatch = { forecast: null, severity: null, details: null };

// @ts-expect-error a required field cannot be cleared
export const clearRequired: WeatherReportPatch = { location: null };
// @ts-expect-error a required enum cannot be cleared
export const clearEnum: WeatherReportPatch = { status: null };
// @ts-expect-error a member is absent or has a value, never undefined
export const unset: WeatherReportPatch = { forecast: undefined };
// @ts-expect-error an id never changes
export const moved: WeatherReportPatch = { id: "r_2" };

// Rows, creates and patches are assignable to wire types.
const patch: StationPatch = { name: "Observatoriet" };
export const body: wire.UpdateBody["data"] = patch;
