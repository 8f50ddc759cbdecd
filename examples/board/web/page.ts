// The page: every report as it is now, who holds it, and a text that is claimed while somebody types.

import { connect, type Report, type runtime } from "./typescript/index.js";

const user = new URLSearchParams(location.search).get("user") ?? "ada";
const ablo = connect({
  baseURL: location.origin,
  // The server knows who is logged in; a page never has a key.
  getToken: async () => (await fetch(`/session?user=${encodeURIComponent(user)}`)).text(),
});

const find = <T extends Element>(selector: string, within: ParentNode = document): T => {
  const found = within.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
};

const claims = new Map<string, Promise<runtime.Claim<Report, unknown>>>();
const cards = new Map<string, HTMLElement>();

/** Says what went wrong, in a line. */
const told = (error: unknown): void => {
  find("#fault").textContent = error instanceof Error ? error.message : String(error);
};

function card(id: string): HTMLElement {
  const known = cards.get(id);
  if (known !== undefined) return known;
  const made = find<HTMLTemplateElement>("#report").content.firstElementChild!.cloneNode(true) as HTMLElement;
  const text = find<HTMLTextAreaElement>("textarea", made);
  // Whoever begins to type holds the report until they leave it; who comes second waits for their turn.
  text.addEventListener("focus", () => {
    const claim = ablo.reports.claim({ id, action: "typing", ttl: "10s" });
    claims.set(id, claim);
    claim.catch(told);
  });
  text.addEventListener("blur", () => {
    const claim = claims.get(id);
    claims.delete(id);
    claim?.then((held) => held.release()).catch(told);
  });
  text.addEventListener("input", () => {
    ablo.reports.update({ id, data: { body: text.value } }).catch(told);
  });
  find("button.ask", made).addEventListener("click", () => {
    ablo.reports.update({ id, data: { status: "asked" } }).catch(told);
  });
  find("button.delete", made).addEventListener("click", () => {
    ablo.reports.delete({ id }).catch(told);
  });
  cards.set(id, made);
  find("#reports").append(made);
  return made;
}

function draw(): void {
  const reports = ablo.reports.getAll({ orderBy: { createdAt: "asc" } });
  for (const report of reports) {
    const made = card(report.id);
    find("h2", made).textContent = report.title;
    find(".status", made).textContent = report.status;
    const holder = ablo.presence.others.find((peer) =>
      peer.activeIntents?.some((claim) => claim.entityId === report.id && (claim.status ?? "active") === "active"),
    );
    const claim = ablo.reports.claim.holder(report.id);
    const line = ablo.presence.queue("reports", report.id).length;
    find(".holder", made).textContent = claim === undefined ? "" : `${holder?.userId} is ${claim.action}${line > 0 ? `, ${line} waiting` : ""}`;
    made.classList.toggle("held", claim !== undefined);
    const text = find<HTMLTextAreaElement>("textarea", made);
    if (document.activeElement !== text) text.value = report.body ?? "";
    text.disabled = claim !== undefined;
  }
  const there = new Set(reports.map((report) => report.id));
  for (const [id, made] of cards) {
    if (there.has(id)) continue;
    made.remove();
    cards.delete(id);
  }
}

find<HTMLFormElement>("#add").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  ablo.reports.create({ data: { title: String(new FormData(form).get("title")) } }).catch(told);
  form.reset();
});

find("#who").textContent = `as ${user}`;
ablo.onSyncStatus(({ state, pendingChanges }) => {
  find("#state").textContent = pendingChanges > 0 ? `${state}, ${pendingChanges} unsaved` : state;
});
ablo.subscribe(draw);
await ablo.ready();
draw();
