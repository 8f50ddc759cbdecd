import { @KEY@Create, @KEY@List, type @TYPE@Create } from "./client.js";

const [url, key] = process.argv.slice(2) as [string, string];
// The generated functions ask for paths; an application sets the address in its own `fetch`.
const plain = globalThis.fetch;
globalThis.fetch = (path, options) =>
  plain(url + String(path).replace(/^\/api/, ""), {
    ...options,
    headers: { ...options?.headers, Authorization: `Bearer ${key}` },
  });
const data: @TYPE@Create = @BODY@;
const written = await @KEY@Create({ id: "1", data });
if (written.status !== 201) throw new Error(JSON.stringify(written.data));
const listed = await @KEY@List({ limit: 5 });
if (listed.status !== 200) throw new Error(JSON.stringify(listed.data));
const row = listed.data.data[0]!;
const text: string = row.@FIELD@;
// @ts-expect-error rows are typed
const wrong: number = row.@FIELD@;
void wrong;
console.log(JSON.stringify({ field: text, row }));
