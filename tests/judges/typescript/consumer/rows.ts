// Rows contain all required members; optional members may be absent or null.
import type { JsonValue, Timestamp, WeatherReport } from "./typescript/index.js";

export const full: WeatherReport = {
  id: "r_1",
  createdAt: "2026-06-01T08:00:00.000Z",
  updatedAt: "2026-06-01T08:00:00.000Z",
  organizationId: "org_1",
  createdBy: null,
  location: "Stockholm",
  status: "ready",
  forecast: null,
  severity: "stormy",
  temperature: 21.5,
  confirmed: true,
  measuredAt: "2026-06-01T07:55:00.000Z",
  details: { gusts: [12, 14.5, null], source: { name: "mast" } },
  stationId: "s_1",
};

export const least: WeatherReport = {
  id: "r_2",
  createdAt: full.createdAt,
  updatedAt: full.updatedAt,
  location: "Uppsala",
  status: "pending",
  temperature: 0,
  confirmed: false,
  stationId: "s_1",
};

// @ts-expect-error a required member may not be absent
export const absent: WeatherReport = {
  id: "r_3",
  createdAt: full.createdAt,
  updatedAt: full.updatedAt,
};
// @ts-expect-error a required member may not be null
export const cleared: WeatherReport = { ...least, location: null };
// @ts-expect-error an optional member is absent or null, never undefined
export const unset: WeatherReport = { ...least, forecast: undefined };
// @ts-expect-error a number is not text
export const wrong: WeatherReport = { ...least, temperature: "warm" };
// @ts-expect-error there is no such member
export const unknown: WeatherReport = { ...least, weather: "fine" };
// @ts-expect-error dates are text on the wire
export const dated: WeatherReport = { ...least, measuredAt: new Date() };

// @ts-expect-error an optional member has to be checked
export const shouted: string = full.forecast.toUpperCase();
export const asked: string = full.forecast?.toUpperCase() ?? "none";
export const when: Timestamp = full.updatedAt;
export const any: JsonValue | undefined = full.details;
// @ts-expect-error a function is not JSON
export const lazy: JsonValue = { call: () => 1 };
