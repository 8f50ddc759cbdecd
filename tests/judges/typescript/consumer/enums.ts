// Enums are open: any string is assignable, and known values are available for completion and
// comparison.
import type { WeatherReportSeverity, WeatherReportStatus } from "./typescript/index.js";

export const known: WeatherReportStatus = "ready";
export const newer: WeatherReportStatus = "archived";
export const fromElsewhere = (text: string): WeatherReportStatus => text;
// @ts-expect-error other types are not assignable
export const wrong: WeatherReportStatus = 3;
// @ts-expect-error null is assignable to optional fields only
export const empty: WeatherReportStatus = null;

// If `string` had absorbed the literals, these two types would be `never`.
export const completes: Extract<WeatherReportStatus, "pending" | "ready"> = "pending";
export const hostile: Extract<WeatherReportSeverity, 'say "hi"\\\u2028'> = 'say "hi"\\\u2028';
// @ts-expect-error an unknown value is not one of the literals
export const unknown: Extract<WeatherReportStatus, "pending" | "ready"> = "archived";

export function label(status: WeatherReportStatus): string {
  switch (status) {
    case "pending":
      return "waiting";
    case "ready":
      return "done";
    default:
      return status;
  }
}
