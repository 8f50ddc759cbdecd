const $ = (id) => document.getElementById(id);
const text = (tag, content, name) => {
  const node = document.createElement(tag);
  node.textContent = content;
  if (name) node.className = name;
  return node;
};
const key = decodeURIComponent(location.hash.slice(1));
const queues = new Map(), peers = new Map();
let models = [], chosen, cursor = 0, retryDelay = 500;

const get = async (path) => {
  const response = await fetch("/api" + path, { headers: { authorization: `Bearer ${key}` } });
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.code}: ${body.message}`);
  return body;
};
const setState = (message, live) => {
  $("state").textContent = message;
  $("state").className = live ? "live" : "";
};
const format = (value) =>
  value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);

const drawRows = (changedId) => {
  if (!chosen) return;
  const table = document.createElement("table"), head = table.createTHead().insertRow();
  const hidden = new Set(["createdAt", "updatedAt", "organizationId", "createdBy"]);
  const names = chosen.fields.filter((name) => !hidden.has(name));
  for (const name of names) head.append(text("th", name));
  for (const row of chosen.rows.values()) {
    const tableRow = table.insertRow();
    if (row.id === changedId) tableRow.className = "changed";
    const isOnRow = (claim) => claim.entityType === chosen.key && claim.entityId === row.id;
    const holder = [...peers.values()].find((peer) => peer.claims.some(isOnRow));
    for (const name of names) {
      const cell = text("td", format(row[name] ?? null));
      if (name === "id" && holder) cell.append(text("div", `held by ${holder.id}`, "claim"));
      tableRow.append(cell);
    }
  }
  $("rows").className = "";
  $("rows").replaceChildren(chosen.rows.size ? table : text("span", "No rows.", "soft"));
};
const choose = async (model) => {
  chosen = model;
  for (const button of $("models").children) {
    button.toggleAttribute("aria-current", button.dataset.key === model.key);
  }
  $("title").textContent = `${model.key}, the first 100`;
  const page = await get(`/v1/models/${encodeURIComponent(model.key)}?limit=100`);
  model.rows = new Map(page.data.map((row) => [row.id, row]));
  drawRows();
};
const drawPeers = () => {
  const connected = [...peers.values()].filter((peer) => peer.connected);
  $("peers").replaceChildren(...connected.map((peer) =>
    text("li", peer.id + (peer.activity ? `: ${peer.activity}` : ""))));
  if (!connected.length) $("peers").append(text("li", "No one else.", "soft"));
  const held = [...peers.values()].flatMap((peer) =>
    peer.claims.map((claim) => ({ ...claim, by: peer.id })));
  $("claims").replaceChildren(...held.map((claim) => {
    const item = text("li", `${claim.entityType}/${claim.entityId} `);
    item.append(text("span", `${claim.by}, ${claim.action}`, "claim"));
    const waiters = queues.get(`${claim.entityType}:${claim.entityId}`) ?? [];
    if (waiters.length) {
      const names = waiters.map((waiter) => waiter.heldBy).join(", ");
      item.append(text("div", "waiting: " + names, "soft"));
    }
    return item;
  }));
  if (!held.length) $("claims").append(text("li", "No claims.", "soft"));
  drawRows();
};
const actions = {
  I: "created", U: "changed", D: "deleted", A: "archived", C: "appeared:",
  G: "granted group:", S: "revoked group:",
};
const apply = (delta) => {
  cursor = delta.id;
  const action = actions[delta.actionType] ?? delta.actionType;
  const item = text("li", `${action} ${delta.modelName}/${delta.modelId} `);
  item.append(text("span", `by ${delta.actor?.id ?? "?"}`, "soft"));
  item.title = JSON.stringify(delta.data, null, 2) ?? "";
  $("deltas").prepend(item);
  while ($("deltas").children.length > 200) $("deltas").lastChild.remove();
  const model = models.find((model) => model.typename === delta.modelName);
  if (!model?.rows || "GS".includes(delta.actionType)) return;
  if (delta.actionType === "D") model.rows.delete(delta.modelId);
  else model.rows.set(delta.modelId, delta.data);
  if (model === chosen) drawRows(delta.modelId);
};
const handlers = {
  delta: ({ deltas }) => deltas.forEach(apply),
  presence_update: (frame) => {
    const peer = peers.get(frame.userId) ?? { id: frame.userId, connected: false };
    if (frame.kind === "leave") peer.connected = false;
    else if (frame.status) peer.connected = frame.status !== "offline";
    if (frame.activity) peer.activity = frame.activity.action;
    const isActive = (claim) => (claim.status ?? "active") === "active";
    peer.claims = (frame.activeIntents ?? []).filter(isActive);
    peers.set(frame.userId, peer);
    drawPeers();
  },
  intent_queue: ({ target, queue }) => {
    queues.set(`${target.type}:${target.id}`, queue);
    drawPeers();
  },
};
const connect = () => {
  const url = `${location.origin.replace("http", "ws")}/api/sync/ws?cursor=&kind=agent`;
  const socket = new WebSocket(url, [`ablo.bearer.${key}`, "ablo.sync.v1"]);
  socket.onopen = () => {
    setState("live", true);
    retryDelay = 500;
    const payload = {
      cursor: null, versions: {}, lastSyncId: cursor, capabilities: ["completeDeltas"],
    };
    socket.send(JSON.stringify({ type: "sync_request", payload }));
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    handlers[frame.type]?.(frame.payload);
  };
  socket.onclose = () => {
    setState("connection lost, reconnecting", false);
    peers.clear();
    drawPeers();
    setTimeout(connect, retryDelay);
    retryDelay = Math.min(retryDelay * 2, 10000);
  };
  const ping = setInterval(() => {
    if (socket.readyState === 1) socket.send('{"type":"ping"}');
    else clearInterval(ping);
  }, 20000);
};

$("login").onsubmit = (event) => {
  event.preventDefault();
  location.hash = encodeURIComponent($("key").value.trim());
  location.reload();
};
if (!key) $("login").hidden = false;
else try {
  const schema = await get("/schema");
  models = schema.models;
  $("models").replaceChildren(...models.map((model) => {
    const button = text("button", model.key);
    button.dataset.key = model.key;
    button.onclick = () => choose(model).catch((error) => setState(error.message, false));
    return button;
  }));
  if (models[0]) await choose(models[0]);
  drawPeers();
  connect();
} catch (error) {
  setState(error.message, false);
  $("login").hidden = false;
}
