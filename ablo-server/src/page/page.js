const $ = (id) => document.getElementById(id);
const text = (tag, content, name) => { const node = document.createElement(tag); node.textContent = content; if (name) node.className = name; return node; };
const key = decodeURIComponent(location.hash.slice(1));
const queues = new Map(), peers = new Map();
let models = [], chosen, cursor = 0, wait = 500;

const ask = async (path) => {
  const answer = await fetch("/api" + path, { headers: { authorization: `Bearer ${key}` } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.code}: ${body.message}`);
  return body;
};
const state = (words, live) => { $("state").textContent = words; $("state").className = live ? "live" : ""; };
const shown = (value) => value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);

const draw = (fresh) => {
  if (!chosen) return;
  const table = document.createElement("table"), head = table.createTHead().insertRow();
  const hidden = new Set(["createdAt", "updatedAt", "organizationId", "createdBy"]);
  const names = chosen.fields.filter((name) => !hidden.has(name));
  for (const name of names) head.append(text("th", name));
  for (const row of chosen.rows.values()) {
    const line = table.insertRow();
    if (row.id === fresh) line.className = "fresh";
    const held = [...peers.values()].find((peer) => peer.claims.some((claim) => claim.entityType === chosen.key && claim.entityId === row.id));
    for (const name of names) {
      const cell = text("td", shown(row[name] ?? null));
      if (name === "id" && held) cell.append(text("div", `held by ${held.id}`, "claim"));
      line.append(cell);
    }
  }
  $("rows").className = "";
  $("rows").replaceChildren(chosen.rows.size ? table : text("span", "No rows.", "soft"));
};
const choose = async (model) => {
  chosen = model;
  for (const button of $("models").children) button.toggleAttribute("aria-current", button.dataset.key === model.key);
  $("title").textContent = `${model.key}, the first 100`;
  const page = await ask(`/v1/models/${encodeURIComponent(model.key)}?limit=100`);
  model.rows = new Map(page.data.map((row) => [row.id, row]));
  draw();
};
const drawPeers = () => {
  $("peers").replaceChildren(...[...peers.values()].filter((peer) => peer.here).map((peer) => text("li", peer.id + (peer.doing ? `: ${peer.doing}` : ""))));
  if (!$("peers").children.length) $("peers").append(text("li", "Nobody else.", "soft"));
  const held = [...peers.values()].flatMap((peer) => peer.claims.map((claim) => ({ ...claim, by: peer.id })));
  $("claims").replaceChildren(...held.map((claim) => {
    const item = text("li", `${claim.entityType}/${claim.entityId} `);
    item.append(text("span", `${claim.by}, ${claim.action}`, "claim"));
    const line = queues.get(`${claim.entityType}:${claim.entityId}`) ?? [];
    if (line.length) item.append(text("div", "waiting: " + line.map((next) => next.heldBy).join(", "), "soft"));
    return item;
  }));
  if (!held.length) $("claims").append(text("li", "Nobody holds a row.", "soft"));
  draw();
};
const applied = (delta) => {
  cursor = delta.id;
  const done = { I: "created", U: "changed", D: "deleted", A: "archived", C: "came into sight:", G: "gave access:", S: "took access:" };
  const item = text("li", `${done[delta.actionType] ?? delta.actionType} ${delta.modelName}/${delta.modelId} `);
  item.append(text("span", `by ${delta.actor?.id ?? "?"}`, "soft"));
  item.title = JSON.stringify(delta.data, null, 2) ?? "";
  $("deltas").prepend(item);
  while ($("deltas").children.length > 200) $("deltas").lastChild.remove();
  const model = models.find((model) => model.typename === delta.modelName);
  if (!model?.rows || "GS".includes(delta.actionType)) return;
  delta.actionType === "D" ? model.rows.delete(delta.modelId) : model.rows.set(delta.modelId, delta.data);
  if (model === chosen) draw(delta.modelId);
};
const hear = {
  delta: ({ deltas }) => deltas.forEach(applied),
  presence_update: (peer) => {
    const known = peers.get(peer.userId) ?? { id: peer.userId, here: false };
    if (peer.kind === "leave") known.here = false; else if (peer.status) known.here = peer.status !== "offline";
    if (peer.activity) known.doing = peer.activity.action;
    known.claims = (peer.activeIntents ?? []).filter((claim) => (claim.status ?? "active") === "active");
    peers.set(peer.userId, known);
    drawPeers();
  },
  intent_queue: ({ target, queue }) => { queues.set(`${target.type}:${target.id}`, queue); drawPeers(); },
};
const connect = () => {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/sync/ws?cursor=&kind=agent`, [`ablo.bearer.${key}`, "ablo.sync.v1"]);
  socket.onopen = () => {
    state("live", true);
    wait = 500;
    socket.send(JSON.stringify({ type: "sync_request", payload: { cursor: null, versions: {}, lastSyncId: cursor, capabilities: ["completeDeltas"] } }));
  };
  socket.onmessage = ({ data }) => { const frame = JSON.parse(data); hear[frame.type]?.(frame.payload); };
  socket.onclose = () => { state("connection lost, trying again", false); peers.clear(); drawPeers(); setTimeout(connect, wait); wait = Math.min(wait * 2, 10000); };
  const beat = setInterval(() => socket.readyState === 1 ? socket.send('{"type":"ping"}') : clearInterval(beat), 20000);
};

$("login").onsubmit = (event) => { event.preventDefault(); location.hash = encodeURIComponent($("key").value.trim()); location.reload(); };
if (!key) $("login").hidden = false;
else try {
  const schema = await ask("/schema");
  models = schema.models;
  $("models").replaceChildren(...models.map((model) => {
    const button = text("button", model.key);
    button.dataset.key = model.key;
    button.onclick = () => choose(model).catch((error) => state(error.message, false));
    return button;
  }));
  if (models[0]) await choose(models[0]);
  drawPeers();
  connect();
} catch (error) { state(error.message, false); $("login").hidden = false; }
