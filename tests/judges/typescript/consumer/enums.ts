// Enums are open: any string fits, and the known ones are still there to complete and to compare.
import type { WeatherReportSeverity, WeatherReportStatus } from "./typescript/index.js";

export const known: WeatherReportStatus = "ready";
export const newer: WeatherReportStatus = "archived";
export const fromElsewhere = (text: string): WeatherReportStatus => text;
// @ts-expect-error but nothing that is no string
export const wrong: WeatherReportStatus = 3;
// @ts-expect-error and null only where the field is optional
export const empty: WeatherReportStatus = null;

// Had `string` swallowed the literals, nothing would be left to extract and these two would be `never`.
export const completes: Extract<WeatherReportStatus, "pending" | "ready"> = "pending";
export const hostile: Extract<WeatherReportSeverity, "say \"hi\"\\\u2028"> = "say \"hi\"\\\u2028";
// @ts-expect-error a value that the schema does not know is none of its literals
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
