// React components over local rows: their content, and how often they render.

import { createElement as h, Fragment, useCallback } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "./typescript/client.js";
import { AbloProvider, useAblo, useAbloClient } from "./typescript/react.js";

declare const document: any;
declare const globalThis: { renders: number; start(url: string, key: string): void };

function Titles(): ReturnType<typeof h> {
  globalThis.renders += 1;
  const titles = useAblo((ablo) =>
    ablo.reports.getAll({ orderBy: { title: "asc" } }).map((report) => report.title),
  );
  return h("p", { id: "titles" }, titles.join(", "));
}

function Holder({ id }: { id: string }): ReturnType<typeof h> {
  const holder = useAblo(
    useCallback((ablo) => ablo.reports.claim.holder(id)?.action ?? "none", [id]),
  );
  return h("p", { id: "holder" }, holder);
}

function Add(): ReturnType<typeof h> {
  const ablo = useAbloClient();
  return h(
    "button",
    { id: "add", onClick: () => void ablo.reports.create({ data: { title: "Bergen" } }) },
    "Add",
  );
}

globalThis.renders = 0;
globalThis.start = (url, key) => {
  const client = connect({ baseURL: url, apiKey: key, user: "ada", dangerouslyAllowBrowser: true });
  const tree = h(Fragment, null, h(Titles), h(Holder, { id: "r1" }), h(Add));
  createRoot(document.body).render(h(AbloProvider, { client }, tree));
};
