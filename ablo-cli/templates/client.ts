// A first client: `node client.js http://127.0.0.1:4100 KEY`, with the key that `ablo dev` prints.
import { connect } from "./generated/typescript/index.js";

declare const process: { argv: string[] };
declare const console: { log(text: string): void };

const [, , baseURL = "", apiKey = ""] = process.argv;
const ablo = connect({ baseURL, apiKey, user: "ada" });

await ablo.reports.create({ data: { title: "Stockholm" } });
for await (const { title, status } of ablo.reports.list()) {
  console.log(`${title}: ${status}`);
}

await ablo.close();
