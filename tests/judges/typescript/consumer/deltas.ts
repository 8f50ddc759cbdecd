// Checking the name of the model narrows the row.
import { isSchemaDelta } from "./typescript/index.js";
import type { SchemaDelta, Station, WeatherReport, wire } from "./typescript/index.js";

export function title(delta: SchemaDelta): string {
  // @ts-expect-error without the check it may be the row of any model
  delta.data?.location;
  if (delta.modelName === "WeatherReport") {
    const row: WeatherReport | null | undefined = delta.data;
    // @ts-expect-error a delete carries no row
    delta.data.location;
    return row?.location ?? "deleted";
  }
  const row: Station | null | undefined = delta.data;
  return row?.name ?? "deleted";
}

export function read(delta: wire.Delta): string | undefined {
  // @ts-expect-error data from the wire is not typed
  delta.data?.location;
  return isSchemaDelta(delta) ? title(delta) : undefined;
}

export function every(delta: SchemaDelta): string {
  switch (delta.modelName) {
    case "WeatherReport":
      return "report";
    case "Station":
      return "station";
    default: {
      const none: never = delta;
      return none;
    }
  }
}

// @ts-expect-error no model has this name
export const stray: SchemaDelta["modelName"] = "weatherReports";
