// Checks the emitted values. Runs in Node.js after compilation; a difference throws an error.
import { descriptors, isSchemaDelta } from "./typescript/index.js";
import type { wire } from "./typescript/index.js";

function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  }
}

const { schema, weatherReports, stations } = descriptors;
same(schema.models, [weatherReports, stations]);
same(schema.identityRoles, [{ kind: "org", source: { field: "organizationId", multi: false } }]);
same(/^[0-9a-f]{8}$/.test(schema.schemaHash), true);
same(
  weatherReports.fields.map((field) => [field.name, field.kind, field.optional === true]),
  [
    ["location", "string", false],
    ["status", "enum", false],
    ["forecast", "string", true],
    ["severity", "enum", true],
    ["temperature", "number", false],
    ["confirmed", "boolean", false],
    ["measuredAt", "date", true],
    ["details", "json", true],
    ["place", "string", true],
    ["stationId", "string", false],
  ],
);
same(weatherReports.fields[3]?.values, ["calm", "windy", "stormy", 'say "hi"\\\u2028']);
same(weatherReports.fields[6]?.column, "measured_at");
same([weatherReports.mutable, weatherReports.scope], [true, undefined]);
same(
  [stations.mutable, stations.scope, stations.table, stations.load],
  [false, "station", "stations", "lazy"],
);
same(weatherReports.relations, [
  {
    name: "station",
    type: "belongsTo",
    target: "stations",
    foreignKey: "stationId",
    index: true,
    parent: true,
  },
]);
same(stations.relations, [
  {
    name: "reports",
    type: "hasMany",
    target: "weatherReports",
    foreignKey: "stationId",
    orderBy: "measuredAt",
  },
]);

const delta: wire.Delta = {
  id: 1,
  actionType: "D",
  modelName: "Station",
  modelId: "s_1",
  data: null,
};
same(isSchemaDelta(delta), true);
same(isSchemaDelta({ ...delta, modelName: "weatherReports" }), false);
same(isSchemaDelta({ ...delta, actionType: "S" }), false);
same(isSchemaDelta({ ...delta, data: "{}" }), false);
