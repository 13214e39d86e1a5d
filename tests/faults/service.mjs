// The service: its clients and its instances.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import { json, send } from "./http.mjs";
import { run, until } from "./machine.mjs";

export const PARTNER = "partner";
export const DASHBOARD = "dashboard";

/** A database with the schema and two clients, and the instances on it. */
export class Service {
  constructor(machine, binary, url, env = {}) {
    Object.assign(this, { machine, binary, url });
    this.env = { SALES_ORDER_AUTH__JWT_SECRET: "one secret of more than 32 bytes for all instances", SALES_ORDER_LOG__FORMAT: "json", ...env };
  }

  async run(...args) {
    const env = { PATH: process.env.PATH, ...this.env };
    return (await run(this.binary, ["--database-url", this.url, ...args], { cwd: this.machine.folder, env })).trim();
  }

  /** Makes the schema and the clients. */
  async prepare() {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(this.machine.path("public.pem"), publicKey.export({ type: "spki", format: "pem" }));
    this.privateKey = privateKey;
    this.secrets = {
      [PARTNER]: await this.run("client", "create", "--client-id", PARTNER, "--name", "Partner", "--scope", "orders:create", "--public-key", "public.pem"),
      [DASHBOARD]: await this.run("client", "create", "--client-id", DASHBOARD, "--name", "Dashboard", "--scope", "orders:read"),
    };
  }

  async logIn(base, client) {
    const body = JSON.stringify({ client_id: client, client_secret: this.secrets[client] });
    const answer = await until(`a login of ${client}`, async () => {
      const answer = await send(base, undefined, "POST", "/api/v1/auth/login", json, body);
      return answer.status === 200 && answer;
    });
    return JSON.parse(answer.text).token;
  }

  /** An instance at a port of its own, ready. */
  async start(name, options = {}) {
    const instance = new Instance(this, name, options.port ?? (await this.machine.port()), options);
    await instance.start();
    return instance;
  }
}

class Instance {
  constructor(service, name, port, { env = {}, url = service.url, wrap = (command, args) => [command, args], stdio } = {}) {
    Object.assign(this, { service, name, port, env, url, wrap, stdio, base: `http://127.0.0.1:${port}` });
  }

  /** Starts it, and waits until it says that it is ready. */
  async start() {
    const { machine, binary } = this.service;
    const [command, args] = this.wrap(binary, ["serve", "--listen", `127.0.0.1:${this.port}`, "--database-url", this.url]);
    this.child = machine.spawn(this.name, command, args, { env: { ...this.service.env, ...this.env }, stdio: this.stdio });
    this.isUp = true;
    const { child } = this;
    child.once("exit", () => (this.isUp &&= this.child !== child));
    await until(`${this.name} is ready`, async () => {
      if (!this.isUp) throw Object.assign(new Error(`${this.name} ended: ${this.log().trim().split("\n").at(-1)}`), { isEnd: true });
      return (await send(this.base, undefined, "GET", "/health/ready", {}, "", 2000)).status === 200;
    }, 30);
  }

  log() {
    return readFileSync(this.service.machine.path(`${this.name}.log`), "utf8");
  }

  async kill() {
    this.child.killAll();
    await this.child.ended;
  }

  /** Asks it to stop; gives its exit code and how long it took. */
  async stop(limit = 40) {
    const begun = Date.now();
    this.child.kill("SIGTERM");
    const code = await Promise.race([this.child.ended, new Promise((done) => setTimeout(done, limit * 1000, "hangs").unref())]);
    if (code === "hangs") await this.kill();
    return { code, seconds: (Date.now() - begun) / 1000 };
  }
}
