import { defineSchema, model, oneOf, string } from "./define-schema.js";

export default defineSchema({
  reports: model(
    {
      title: string().describe("The subject of the report."),
      status: oneOf("draft", "ready").default("draft"),
      body: string().optional(),
    },
    {},
    { typename: "Report", mutable: true },
  ),
});
