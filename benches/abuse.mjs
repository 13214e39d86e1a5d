// What an honest partner and a health check wait for while somebody does harm: a row of a Markdown table for each attack.
//
//   node benches/abuse.mjs BINARY [NAME...]      the release binary; NAME picks attacks; ABUSE_DATABASE_URL for PostgreSQL
//
// Service, attackers and the honest partner share this machine, so the attackers' own work is in the figures; they have a
// thread of their own, for else the honest would wait for that work. Only node's own modules are used, and only loopback is
// called.
import { execFileSync, spawn } from "node:child_process";
import { createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const [binary, ...picked] = process.argv.slice(2);
if (!binary) {
  console.error("usage: node benches/abuse.mjs BINARY [NAME...]");
  process.exit(2);
}
const SECONDS = Number(process.env.ABUSE_SECONDS ?? 8);
const ORDERS = process.env.ABUSE_ORDERS ?? "50000";
/** Sends a request; gives its status, text and milliseconds. Status 0 is a connection that broke. */
function send(port, agent, method, path, headers = {}, body = "", limit = 60_000) {
  const started = performance.now();
  return new Promise((done) => {
    const finish = (status, text) => done({ status, text, ms: performance.now() - started });
    const sent = request({ host: "127.0.0.1", port, agent, method, path, headers: { ...headers, "content-length": Buffer.byteLength(body) } }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => finish(answer.statusCode, Buffer.concat(chunks).toString()));
      answer.on("error", () => finish(0, ""));
    });
    sent.setTimeout(limit, () => sent.destroy());
    sent.on("error", () => finish(0, ""));
    sent.end(body);
  });
}

const json = { "content-type": "application/json" };
const bearer = (tokens) => (client) => ({ ...json, authorization: `Bearer ${tokens[client]}` });

// The document itself may not be too large for the limit of fields, fragments spread out.
const fragments =
  "{__schema{types{fields{...c ...c ...c ...c ...c ...c ...c}}}} fragment a on __Field{" + "type{name}".repeat(10) +
  "} fragment b on __Field{" + "...a ".repeat(10) + "} fragment c on __Field{" + "...b ".repeat(10) + "}";
const query = (text) => JSON.stringify({ query: text });
let count = 0;
const megabyte = query(`{a(b:"${"x".repeat(1_000_000)}")}`);
const attackers = (as) => ({
  "introspection through fragments, no token": [8, () => ["POST", "/graphql", json, query(fragments)]],
  "the same by 100 connections": [100, () => ["POST", "/graphql", json, query(fragments)]],
  "introspection, each another, no token": [100, () => {
    const alias = `a${count++}`;
    return ["POST", "/graphql", json, query(`{__schema{types{${alias}:name fields{name args{type{kind name ofType{kind name ofType{name}}}}type{kind name ofType{kind name ofType{name}}}}}}}`)];
  }],
  "a node 9,000 times in 553 bytes, partner": [100, () => ["POST", "/graphql", as("greedy"),
    query(`{${"...a ".repeat(30)}} fragment a on Query{${"...b ".repeat(30)}} fragment b on Query{${'node(id:"U2FsZXNPcmRlcjox"){id}'.repeat(10)}}`)]],
  "one summary 300 times, dashboard": [13, () => ["POST", "/graphql", as("board"),
    query(`{${'salesOrderSummary(first:0,where:{search:"a"}){totals{customers}}'.repeat(300)}}`)]],
  "as many summaries as pass, 100 connections, dashboard": [100, () => ["POST", "/graphql", as("board"),
    query(`{${Array.from({ length: 15 }, (_, n) => `s${n}:salesOrderSummary(first:0,where:{search:"${"aeiou"[n % 5]}"}){totals{customers}}`).join(" ")}}`)]],
  "four pages of orders with 500 lines, partner": [4, () => ["POST", "/graphql", as("greedy"),
    query(`{${["a", "b", "c", "d"].map((name) => `${name}:salesOrders(first:50){nodes{products{lineNo productCode productName quantity unit unitPrice note}}}`).join(" ")}}`)]],
  "pages of such orders as they pass, 100 connections": [100, () => ["POST", "/graphql", as("greedy"),
    query("{salesOrders(first:5){nodes{address products{lineNo productCode productName quantity unit unitPrice note}}}}")]],
  "bodies of 1 MB, no token": [100, () => ["POST", "/graphql", json, megabyte]],
  "documents of 20,000 fields, no token": [100, () => ["POST", "/graphql", json, query(`{${"__typename ".repeat(19_990 - (count++ % 50))}}`)]],
  "forged tokens": [100, () => ["GET", "/api/v1/sales-orders/SO-0000000001", { authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x" }, ""]],
  "wrong logins": [100, () => ["POST", "/api/v1/auth/login", json, JSON.stringify({ client_id: "honest", client_secret: "guess" })]],
  "exports, dashboard": [100, () => ["GET", "/api/v1/sales-orders.csv", as("board"), ""]],
});

if (!isMainThread) {
  const { port, tokens, name } = workerData;
  const [connections, attack] = attackers(bearer(tokens))[name];
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const codes = new Map();
  let goes = true;
  parentPort.once("message", () => {
    goes = false;
    agent.destroy();
  });
  const on = async () => {
    while (goes) {
      const { status } = await send(port, agent, ...attack());
      codes.set(status, (codes.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: connections }, on));
  parentPort.postMessage([...codes]);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "sales-order-abuse."));
const url = process.env.ABUSE_DATABASE_URL ?? `sqlite://${folder}/orders.db`;
const service = resolve(binary);
const run = (...args) =>
  execFileSync(service, ["--database-url", url, ...args], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }).toString().trim();

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
writeFileSync(join(folder, "public.pem"), publicKey.export({ type: "spki", format: "pem" }));
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
writeFileSync(join(folder, "other.pem"), other.publicKey.export({ type: "spki", format: "pem" }));
run("generate", "--orders", ORDERS, "--days", "90");
const secrets = {
  honest: run("client", "create", "--client-id", "honest", "--name", "Honest", "--scope", "orders:create", "--public-key", "public.pem"),
  greedy: run("client", "create", "--client-id", "greedy", "--name", "Greedy", "--scope", "orders:create", "--public-key", "other.pem"),
  board: run("client", "create", "--client-id", "board", "--name", "Board", "--scope", "orders:read"),
};
const server = spawn(service, ["serve", "--listen", "127.0.0.1:0", "--database-url", url], {
  cwd: folder,
  env: { PATH: process.env.PATH, SALES_ORDER_LOG__FORMAT: "json", SALES_ORDER_LOG__FILTER: "warn" },
  stdio: ["ignore", "pipe", "ignore"],
});
process.on("exit", () => {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
const port = await new Promise((found) => {
  let text = "";
  server.stdout.on("data", (chunk) => {
    text += chunk;
    const at = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
    if (at) found(Number(at[1]));
  });
});

const own = new Agent({ keepAlive: true, maxSockets: 1 });
async function login(client_id) {
  const answer = await send(port, own, "POST", "/api/v1/auth/login", json, JSON.stringify({ client_id, client_secret: secrets[client_id] }));
  return JSON.parse(answer.text).token;
}
const tokens = { honest: await login("honest"), greedy: await login("greedy"), board: await login("board") };
const as = bearer(tokens);

function signed(client, key) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createSign("RSA-SHA256").update(`${client}|${timestamp}`).sign(key, "base64");
  return { ...as(client), "x-client-id": client, "x-timestamp": timestamp, "x-signature": signature, "idempotency-key": randomBytes(12).toString("hex") };
}
const order = (lines) =>
  JSON.stringify({
    customer_code: "CUST-001", site_code: "SITE-001", sales_name: "John Doe", address: "Jl. Sudirman No. 1, Jakarta",
    products: Array.from({ length: lines }, (_, line) => ({ product_code: `HD${line}`, product_name: "Airfryer XXL ".repeat(10).trim(), quantity: 2, unit_price: "125000" })),
  });
for (let n = 0; n < 60; n++) {
  const made = await send(port, own, "POST", "/api/v1/sales-orders", signed("greedy", other.privateKey), order(500));
  if (made.status !== 201) throw new Error(made.text);
}

/** Attackers that need a socket of their own: give what ends them. */
const sockets = {
  "200 sockets that ask for the largest file and read nothing": async () => {
    const page = await send(port, own, "GET", "/graphiql");
    const files = new Set(page.text.match(/\/assets\/[^"'\s)]+/g) ?? []);
    let largest = ["/docs", 0];
    for (const file of files) {
      const bytes = (await send(port, own, "GET", file)).text.length;
      if (bytes > largest[1]) largest = [file, bytes];
    }
    const open = Array.from({ length: 200 }, () => {
      const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${largest[0]} HTTP/1.1\r\nhost: a\r\n\r\n`));
      socket.on("error", () => {}).pause();
      return socket;
    });
    return () => open.forEach((socket) => socket.destroy());
  },
  "a WebSocket with 100 such introspections, foreign origin": async () => {
    const frame = (text) => {
      const payload = Buffer.from(text), mask = Buffer.alloc(4);
      const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length])
        : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255]);
      return Buffer.concat([head, mask, payload]);
    };
    const socket = connect(port, "127.0.0.1", () => {
      socket.write("GET /graphql/ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\norigin: https://foreign.example\r\n" +
        `sec-websocket-version: 13\r\nsec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n\r\n`);
      socket.once("data", () => {
        socket.write(frame('{"type":"connection_init"}'));
        for (let id = 0; id < 100; id++) socket.write(frame(JSON.stringify({ id: String(id), type: "subscribe", payload: { query: fragments } })));
      });
    });
    socket.on("error", () => {}).on("data", () => {});
    return () => socket.destroy();
  },
};

const stat = () => readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
const cpu = () => (Number(stat()[11]) + Number(stat()[12])) / 100;
const resident = () => Number(stat()[21]) * 4096 / 2 ** 20;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** What the honest see for so many seconds. */
async function watch(seconds) {
  const [partner, health] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
  const until = performance.now() + seconds * 1000;
  const orders = [], lives = [];
  let failed = 0, memory = 0;
  const repeat = async (work) => {
    while (performance.now() < until) {
      await work();
      memory = Math.max(memory, resident());
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  const spent = cpu();
  await Promise.all([
    repeat(async () => {
      const made = await send(port, partner, "POST", "/api/v1/sales-orders", signed("honest", privateKey), order(3));
      orders.push(made.ms);
      if (made.status !== 201) failed += 1;
    }),
    repeat(async () => lives.push((await send(port, health, "GET", "/health/live")).ms)),
  ]);
  partner.destroy();
  health.destroy();
  return { median: median(orders), most: Math.max(...orders), live: Math.max(...lives), failed, memory, cpu: cpu() - spent, orders: orders.length };
}

const text = (number) => (number < 10 ? number.toFixed(1) : String(Math.round(number)));
console.log(`| attack | CPU s in ${SECONDS} s | resident, MiB | an honest order, ms: median, most | refused | /health/live, most, ms | attacker's answers |`);
console.log("|---|---|---|---|---|---|---|");
function tell(name, seen, answers = "") {
  console.log(`| ${name} | ${text(seen.cpu)} | ${Math.round(seen.memory)} | ${text(seen.median)}, ${text(seen.most)} | ${seen.failed} of ${seen.orders} | ${text(seen.live)} | ${answers} |`);
}
tell("none", await watch(SECONDS));
const chosen = (name) => picked.length === 0 || picked.some((part) => name.includes(part));
for (const name of Object.keys(attackers(as))) {
  if (!chosen(name)) continue;
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, tokens, name }, argv: process.argv.slice(2) });
  const ended = new Promise((done) => worker.once("message", done));
  await new Promise((done) => worker.once("online", done));
  const seen = await watch(SECONDS);
  worker.postMessage("enough");
  const codes = await ended;
  tell(name, seen, codes.filter(([code]) => code).map(([code, times]) => `${times} × ${code}`).join(", "));
  await new Promise((done) => setTimeout(done, 1000));
}
for (const [name, attack] of Object.entries(sockets)) {
  if (!chosen(name)) continue;
  const end = await attack();
  const seen = await watch(SECONDS);
  end();
  tell(name, seen);
  await new Promise((done) => setTimeout(done, 1000));
}
process.exit(0);
