import { Convert, type Models } from "./client.js";

const [url, key] = process.argv.slice(2) as [string, string];
const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
const path = `${url}/v1/models/@KEY@`;
const data: Models["@TYPE@Create"] = @BODY@;
const create: Models = { @TYPE@Create: data };
// Writing checks the value against the schema.
const sent = JSON.parse(Convert.modelsToJson(create)) as { @TYPE@Create: object };
const body = JSON.stringify({ id: "1", data: sent.@TYPE@Create });
const written = await fetch(path, { method: "POST", headers, body });
if (written.status !== 201) throw new Error(await written.text());
const listed = (await (await fetch(`${path}?limit=5`, { headers })).json()) as { data: unknown[] };
// So does reading.
const models = Convert.toModels(JSON.stringify({ @TYPE@: listed.data[0] }));
const text: string | undefined = models.@TYPE@?.@FIELD@;
// @ts-expect-error rows are typed
const wrong: number = models.@TYPE@!.@FIELD@;
void wrong;
const shown = JSON.parse(Convert.modelsToJson(models)) as { @TYPE@: object };
console.log(JSON.stringify({ field: text, row: shown.@TYPE@ }));
