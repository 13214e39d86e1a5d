// What it takes to keep many dashboards told while orders come in: the service's processor time, and how soon each viewer is told.
//
//   node --experimental-websocket benches/viewers.mjs BINARY [VIEWERS] [ORDERS A SECOND] [SECONDS]      VIEWERS_DATABASE_URL for PostgreSQL
//
// Viewers and partner share this machine with the service, whose processor time is counted alone. Only node's own modules are used.
import { execFileSync, spawn } from "node:child_process";
import { createSign, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [binary, viewers = "1000", rate = "100", seconds = "20"] = process.argv.slice(2);
if (!binary) {
  console.error("usage: node --experimental-websocket benches/viewers.mjs BINARY [VIEWERS] [ORDERS A SECOND] [SECONDS]");
  process.exit(2);
}
/** The most sockets of a client. */
const OF_A_CLIENT = 100;
const FOLLOW =
  "subscription Follow($after: String) { salesOrderEventBatches(after: $after) { nodes { cursor kind orderNumber createdAt } nextCursor } }";

const folder = mkdtempSync(join(tmpdir(), "sales-order-viewers."));
const database = process.env.VIEWERS_DATABASE_URL ?? `sqlite://${folder}/orders.db`;
const environment = {
  PATH: process.env.PATH, SALES_ORDER_RATE_LIMIT__ENABLED: "false", SALES_ORDER_HTTP__DRAIN_DELAY: "0s", SALES_ORDER_LOG__FORMAT: "json", SALES_ORDER_HTTP__MAX_SOCKETS_PER_ADDRESS: "1000",
};
const run = (...parameters) =>
  execFileSync(resolve(binary), ["--database-url", database, ...parameters], { env: environment, cwd: folder, stdio: ["ignore", "pipe", "ignore"] })
    .toString().trim();
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
writeFileSync(join(folder, "key.pem"), publicKey.export({ type: "spki", format: "pem" }));
const secrets = { partner: run("client", "create", "--client-id", "partner", "--name", "P", "--scope", "orders:create", "--public-key", "key.pem") };
const clients = Array.from({ length: Math.ceil(Number(viewers) / OF_A_CLIENT) }, (_, n) => `board-${n}`);
for (const client of clients) secrets[client] = run("client", "create", "--client-id", client, "--name", "B", "--scope", "orders:read");

const service = spawn(resolve(binary), ["serve", "--listen", "127.0.0.1:0", "--database-url", database],
  { env: environment, cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
process.on("exit", () => {
  service.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
const port = await new Promise((found) => {
  let said = "";
  service.stdout.on("data", (chunk) => {
    said += chunk;
    const address = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
    if (address) found(Number(address[1]));
  });
});

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
function post(path, headers, body) {
  const text = JSON.stringify(body);
  return new Promise((done, failed) => {
    const sent = request(
      { host: "127.0.0.1", port, agent, method: "POST", path, headers: { "content-type": "application/json", ...headers, "content-length": Buffer.byteLength(text) } },
      (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => done({ status: answer.statusCode, body: JSON.parse(Buffer.concat(chunks)) }));
      });
    sent.on("error", failed);
    sent.end(text);
  });
}
const tokens = {};
for (const [client_id, client_secret] of Object.entries(secrets)) {
  tokens[client_id] = (await post("/api/v1/auth/login", {}, { client_id, client_secret })).body.token;
}

/** Of each message the milliseconds since the newest of its events, and how many messages and events there were. */
const delays = [];
let [messages, events, begun] = [0, 0, 0];
for (let n = 0; n < Number(viewers); n += 1) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql/ws`, "graphql-transport-ws");
  const say = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () => say({ type: "connection_init", payload: { Authorization: `Bearer ${tokens[clients[n % clients.length]]}` } });
  socket.onclose = ({ code }) => { throw new Error(`a viewer was closed with ${code}`); };
  socket.onmessage = ({ data }) => {
    if (data.startsWith('{"type":"connection_ack"')) {
      say({ id: "1", type: "subscribe", payload: { query: FOLLOW } });
      begun += 1;
    } else if (data.startsWith('{"type":"ping"')) {
      say({ type: "pong" });
    } else if (data.includes('"nodes"')) {
      messages += 1;
      events += data.split('"orderNumber"').length - 1;
      // All viewers get the same text: one of them reads it whole.
      if (n !== 0) return;
      const { nodes } = JSON.parse(data).payload.data.salesOrderEventBatches;
      nodes.forEach(({ createdAt }) => delays.push(Date.now() - Date.parse(createdAt)));
    }
  };
  if (n % 50 === 49) await new Promise((soon) => setTimeout(soon, 100));
}
while (begun < Number(viewers)) await new Promise((soon) => setTimeout(soon, 100));
await new Promise((soon) => setTimeout(soon, 2000));

const used = () => {
  const fields = readFileSync(`/proc/${service.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const order = {
  customer_code: "C-1", site_code: "S-1", sales_name: "Jane Doe", address: "1 Harbour Street",
  products: [{ product_code: "P-1", product_name: "Kettle", quantity: 2, unit: "PCS", unit_price: "19.5" }],
};
const timestamp = new Date().toISOString();
const signed = createSign("RSA-SHA256").update(`partner|${timestamp}`).sign(privateKey, "base64");
const headers = { authorization: `Bearer ${tokens.partner}`, "x-client-id": "partner", "x-timestamp": timestamp, "x-signature": signed };
async function measure() {
  [messages, events, delays.length] = [0, 0, 0];
  const [cpu, began] = [used(), performance.now()];
  let [sent, taken] = [0, 0];
  const under = [];
  const taking = ({ status, body }) => {
    if (status !== 201) throw new Error(JSON.stringify(body));
    taken += 1;
  };
  while (performance.now() - began < Number(seconds) * 1000) {
    while (sent < ((performance.now() - began) / 1000) * Number(rate)) {
      sent += 1;
      under.push(post("/api/v1/sales-orders", { ...headers, "idempotency-key": `v-${sent}-${began}` }, order).then(taking));
    }
    await new Promise((soon) => setTimeout(soon, 5));
  }
  await Promise.all(under);
  const elapsed = (performance.now() - began) / 1000;
  await new Promise((soon) => setTimeout(soon, 1500));
  delays.sort((one, other) => one - other);
  const of = (share) => delays[Math.floor(delays.length * share)] ?? 0;
  return { taken, cores: (used() - cpu) / elapsed, a_viewer_a_second: messages / Number(viewers) / (elapsed + 1.5), events_a_viewer: events / Number(viewers), p50: of(0.5), p99: of(0.99) };
}
const result = await measure();
console.log(`${viewers} viewers, ${result.taken} orders in ${seconds} s: the service takes ${result.cores.toFixed(2)} cores; ` +
  `each viewer got ${result.events_a_viewer.toFixed(0)} events in ${result.a_viewer_a_second.toFixed(2)} messages a second, ` +
  `${result.p50} ms after the order at the median, ${result.p99} ms at the 99th percentile`);
process.exit(0);
