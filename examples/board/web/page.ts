// The page: the reports, their holders, and a text that is claimed while the user types.

import { connect, type Report, type runtime } from "./typescript/index.js";

const user = new URLSearchParams(location.search).get("user") ?? "ada";
const ablo = connect({
  baseURL: location.origin,
  // The server creates a session for its user; a page must not have an API key.
  getToken: async () => (await fetch(`/session?user=${encodeURIComponent(user)}`)).text(),
});

const find = <T extends Element>(selector: string, root: ParentNode = document): T => {
  const found = root.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
};

const claims = new Map<string, Promise<runtime.Claim<Report, unknown>>>();
const cards = new Map<string, HTMLElement>();

/** Shows an error. */
const showError = (error: unknown): void => {
  find("#fault").textContent = error instanceof Error ? error.message : String(error);
};

function card(id: string): HTMLElement {
  const known = cards.get(id);
  if (known !== undefined) return known;
  const element = find<HTMLTemplateElement>("#report").content.firstElementChild!.cloneNode(
    true,
  ) as HTMLElement;
  const text = find<HTMLTextAreaElement>("textarea", element);
  // A user who types holds the report until the text loses focus; others join the claim queue.
  text.addEventListener("focus", () => {
    const claim = ablo.reports.claim({ id, action: "typing", ttl: "10s" });
    claims.set(id, claim);
    claim.catch(showError);
  });
  text.addEventListener("blur", () => {
    const claim = claims.get(id);
    claims.delete(id);
    claim?.then((held) => held.release()).catch(showError);
  });
  text.addEventListener("input", () => {
    ablo.reports.update({ id, data: { body: text.value } }).catch(showError);
  });
  find("button.ask", element).addEventListener("click", () => {
    ablo.reports.update({ id, data: { status: "asked" } }).catch(showError);
  });
  find("button.delete", element).addEventListener("click", () => {
    ablo.reports.delete({ id }).catch(showError);
  });
  cards.set(id, element);
  find("#reports").append(element);
  return element;
}

function render(): void {
  const reports = ablo.reports.getAll({ orderBy: { createdAt: "asc" } });
  for (const report of reports) {
    const element = card(report.id);
    find("h2", element).textContent = report.title;
    find(".status", element).textContent = report.status;
    const holder = ablo.presence.others.find((peer) =>
      peer.activeIntents?.some(
        (claim) => claim.entityId === report.id && (claim.status ?? "active") === "active",
      ),
    );
    const claim = ablo.reports.claim.holder(report.id);
    const waiters = ablo.presence.queue("reports", report.id).length;
    find(".holder", element).textContent =
      claim === undefined
        ? ""
        : `${holder?.userId} is ${claim.action}${waiters > 0 ? `, ${waiters} waiting` : ""}`;
    element.classList.toggle("held", claim !== undefined);
    const text = find<HTMLTextAreaElement>("textarea", element);
    if (document.activeElement !== text) text.value = report.body ?? "";
    text.disabled = claim !== undefined;
  }
  const ids = new Set(reports.map((report) => report.id));
  for (const [id, element] of cards) {
    if (ids.has(id)) continue;
    element.remove();
    cards.delete(id);
  }
}

find<HTMLFormElement>("#add").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  ablo.reports
    .create({ data: { title: String(new FormData(form).get("title")) } })
    .catch(showError);
  form.reset();
});

find("#who").textContent = `as ${user}`;
ablo.onSyncStatus(({ state, pendingChanges }) => {
  find("#state").textContent = pendingChanges > 0 ? `${state}, ${pendingChanges} unsaved` : state;
});
ablo.subscribe(render);
await ablo.ready();
render();
