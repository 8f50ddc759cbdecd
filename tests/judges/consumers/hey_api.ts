import { @KEY@Create, @KEY@List, type @TYPE@Create } from "./client/index.js";
import { client } from "./client/client.gen.js";

const [url, key] = process.argv.slice(2) as [string, string];
client.setConfig({ baseUrl: url, auth: () => key });
const data: @TYPE@Create = @BODY@;
const written = await @KEY@Create({ body: { id: "1", data } });
if (written.data?.success !== true) throw new Error(JSON.stringify(written.error));
const listed = await @KEY@List({ query: { limit: 5 } });
const row = listed.data!.data[0]!;
const text: string = row.@FIELD@;
// @ts-expect-error rows are typed
const wrong: number = row.@FIELD@;
void wrong;
console.log(JSON.stringify({ field: text, row }));
