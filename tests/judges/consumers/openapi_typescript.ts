import createClient from "openapi-fetch";
import type { components, paths } from "./client.js";

const [url, key] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const data: components["schemas"]["@TYPE@Create"] = @BODY@;
const written = await client.POST("/v1/models/@KEY@", { body: { id: "1", data } });
if (written.data?.success !== true) throw new Error(JSON.stringify(written.error));
const listed = await client.GET("/v1/models/@KEY@", { params: { query: { limit: 5 } } });
const row = listed.data!.data[0]!;
const text: string = row.@FIELD@;
// @ts-expect-error rows are typed
const wrong: number = row.@FIELD@;
// @ts-expect-error rows are typed
void row.thereIsNoSuchField?.more;
void wrong;
console.log(JSON.stringify({ field: text, row }));
