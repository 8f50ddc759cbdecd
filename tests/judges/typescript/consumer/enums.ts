// Enums are closed in what a program writes and open in the rows that it reads.
import { connect } from "./typescript/index.js";
import type {
  WeatherReport,
  WeatherReportCreate,
  WeatherReportPatch,
  WeatherReportSeverity,
  WeatherReportStatus,
} from "./typescript/index.js";

export const known: WeatherReportStatus = "ready";
// @ts-expect-error not one of the values
export const misspelt: WeatherReportStatus = "redy";
// @ts-expect-error any text may be none of the values
export const fromElsewhere = (text: string): WeatherReportStatus => text;
// @ts-expect-error null is assignable to optional fields only
export const empty: WeatherReportStatus = null;
export const hostile: WeatherReportSeverity = 'say "hi"\\\u2028';

const create: WeatherReportCreate = {
  location: "Stockholm",
  status: "pending",
  temperature: 20,
  confirmed: false,
  stationId: "s_1",
};
// @ts-expect-error a create has known values only
export const wrongCreate: WeatherReportCreate = { ...create, status: "redy" };
// @ts-expect-error a patch has known values only
export const wrongPatch: WeatherReportPatch = { status: "redy" };
export const cleared: WeatherReportPatch = { severity: null };

const reports = connect({ baseURL: "http://localhost", apiKey: "k" }).weatherReports;
export function filters(): (() => unknown)[] {
  return [
    () => reports.list({ where: { status: "ready" } }),
    () => reports.list({ where: { status: ["ready", "pending"], severity: { ne: null } } }),
    () => reports.getAll({ where: { status: { in: ["ready"] }, id: "r_1" } }),
    // @ts-expect-error a filter has known values only
    () => reports.list({ where: { status: "redy" } }),
    // @ts-expect-error also in a list
    () => reports.list({ where: { status: ["ready", "redy"] } }),
    // @ts-expect-error also in a comparison
    () => reports.getCount({ where: { status: { ne: "redy" } } }),
    // @ts-expect-error and in a live filter
    () => reports.onChange(() => {}, { where: { severity: "clam" } }),
    // @ts-expect-error there is no such field
    () => reports.list({ where: { state: "ready" } }),
  ];
}

/** A value that a newer program wrote is typed, too. */
export function label(report: WeatherReport): string {
  switch (report.status) {
    case "pending":
      return "waiting";
    case "ready":
      return "done";
    default:
      return report.status;
  }
}
export const newer = (report: WeatherReport): WeatherReport => ({ ...report, status: "archived" });
// If `string` had absorbed the literals, this type would be `never`.
export const completes: Extract<WeatherReport["status"], "pending" | "ready"> = "pending";
// @ts-expect-error a value that was read is checked before it is written
export const copied = (from: WeatherReport): WeatherReportPatch => ({ status: from.status });
