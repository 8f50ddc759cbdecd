import { @PASCAL@Api, Configuration, @TYPE@ToJSON } from "./client/index.js";

const [url, key] = process.argv.slice(2) as [string, string];
const api = new @PASCAL@Api(new Configuration({ basePath: url, accessToken: key }));
const written = await api.@KEY@Create({ @KEY@CreateRequest: { id: "1", data: @BODY@ } });
if (!written.success) throw new Error(JSON.stringify(written));
const listed = await api.@KEY@List({ limit: 5 });
const row = listed.data[0]!;
const text: string = row.@FIELD@;
console.log(JSON.stringify({ field: text, row: @TYPE@ToJSON(row) }));
