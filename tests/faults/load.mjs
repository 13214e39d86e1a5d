// Callers under load: partners that send orders until each is answered, dashboards that follow the feed, and probes.
import { createSign } from "node:crypto";
import { Agent, request } from "node:http";
import { Worker } from "node:worker_threads";

import { json, send } from "./http.mjs";
import { now, pause } from "./machine.mjs";
import { DASHBOARD, PARTNER } from "./service.mjs";

/** How long an order may go unanswered at the end before it counts as never answered. */
const GIVE_UP = 60_000;
/** How often somebody new comes with an order, in ms: a partner whose last order hangs cannot tell whether one could be taken. */
const NEWCOMER = 250;

export class Load {
  acknowledged = new Map();
  unanswered = 0;
  statuses = new Map();
  #going = true;
  #count = 0;
  #answers = new Map();

  /** Callers at `bases`, which may be proxies, and probes of the `instances` themselves. */
  constructor(service, bases, instances, { writers = 16, restMs = 10 } = {}) {
    Object.assign(this, { service, bases, instances, writers, restMs });
  }

  async begin() {
    const at = this.bases[0];
    this.token = await this.service.logIn(at, PARTNER);
    const reader = await this.service.logIn(at, DASHBOARD);
    this.agent = new Agent({ keepAlive: true });
    this.probes = new Worker(new URL("probe.mjs", import.meta.url), { workerData: this.instances.map(({ base }) => base) });
    this.followers = this.bases.map((base) => new Follower(base, reader));
    this.begun = now();
    for (const base of this.bases) this.#answers.set(base, [this.begun]);
    this.writing = Array.from({ length: this.writers }, (_, n) => this.#write(this.bases[n % this.bases.length], n));
    this.writing.push(...this.bases.map((base) => this.#come(base)));
  }

  /** How many orders were acknowledged at this base since. */
  takenAt(base, since = 0) {
    return this.#answers.get(base).filter((at) => at > since).length;
  }

  #sign() {
    const second = Math.floor(Date.now() / 1000);
    if (this.signed?.second !== second) {
      const signature = createSign("RSA-SHA256").update(`${PARTNER}|${second}`).sign(this.service.privateKey, "base64");
      const headers = { ...json, authorization: `Bearer ${this.token}`, "x-client-id": PARTNER, "x-timestamp": String(second), "x-signature": signature };
      this.signed = { second, headers };
    }
    return this.signed.headers;
  }

  /** One order after the other. */
  async #write(base, writer) {
    while (this.#going && !this.failure) {
      await this.#order(base, writer);
      await pause(this.restMs);
    }
  }

  /** Orders of callers who wait for nobody. */
  async #come(base) {
    const orders = [];
    while (this.#going && !this.failure) {
      orders.push(this.#order(base, "new"));
      await pause(NEWCOMER);
    }
    await Promise.all(orders);
  }

  #order(base, writer) {
    const key = `K-${writer}-${this.#count++}`;
    const product = (n) => ({ product_code: `P-${n}`, quantity: n, unit_price: "125000" });
    const order = { customer_code: key, site_code: "S", sales_name: `N-${writer}`, address: "Jl. Sudirman No. 1", products: [product(1), product(2), product(3)] };
    return this.#deliver(base, key, JSON.stringify(order)).catch((error) => (this.failure ??= error));
  }

  /** As clients retry: the same order under the same key, after the time that the answer names. */
  async #deliver(base, key, body) {
    for (;;) {
      const answer = await send(base, this.agent, "POST", "/api/v1/sales-orders", { ...this.#sign(), "idempotency-key": key }, body);
      const status = answer.status || answer.text;
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      if (answer.status === 201) {
        const number = JSON.parse(answer.text).data.order_number;
        this.acknowledged.set(key, number);
        this.#answers.get(base).push(now());
        return;
      }
      if (answer.status !== 0 && answer.status < 429) throw new Error(`${answer.status}: ${answer.text}`);
      if (this.ending && now() > this.ending + GIVE_UP) {
        this.unanswered += 1;
        return;
      }
      await pause(Math.min(Number(answer.headers["retry-after"] ?? 0.5), 5) * 1000);
    }
  }

  /** Lets every order under way be answered, and the followers come to the end; gives what was seen. */
  async end(expected) {
    this.#going = false;
    this.ending = now();
    await Promise.all(this.writing);
    if (this.failure) throw this.failure;
    const last = await expected(this);
    const deadline = Date.now() + 30_000;
    while (this.followers.some((follower) => follower.seen.length < last.length) && Date.now() < deadline) await pause(100);
    this.followers.forEach((follower) => follower.end());
    const answers = new Map([...this.#answers].map(([base, times]) => [base, times]));
    const silences = [...answers.values()].flatMap((times) => times.slice(1).map((time, n) => time - times[n]));
    const probed = await new Promise((done) => {
      this.probes.once("message", done);
      this.probes.postMessage("enough");
    });
    await this.probes.terminate();
    this.agent.destroy();
    return { silence: silences.reduce((most, silence) => Math.max(most, silence), 0) / 1000, probed, gaps: this.followers.map((follower) => follower.gaps(last)), answers: this.#byInstance(answers) };
  }

  /** When each instance acknowledged orders; behind a proxy nobody knows whose they were. */
  #byInstance(answers) {
    return this.instances.map(({ base }) => answers.get(base) ?? null);
  }
}

/** A dashboard that follows the feed by server-sent events, and comes again with the last cursor. */
class Follower {
  seen = [];
  cursor = "ZTA";
  #going = true;

  constructor(base, token) {
    Object.assign(this, { base, token });
    this.#follow();
  }

  async #follow() {
    while (this.#going) {
      await new Promise((done) => this.#connect(done));
      await pause(300);
    }
  }

  #connect(done) {
    const { hostname: host, port } = new URL(this.base);
    const query = "subscription($after:String){salesOrderEvents(after:$after){cursor orderNumber sequence}}";
    const body = JSON.stringify({ query, variables: { after: this.cursor } });
    const headers = { ...json, authorization: `Bearer ${this.token}`, accept: "text/event-stream", "content-length": Buffer.byteLength(body) };
    this.sent = request({ host, port, method: "POST", path: "/graphql", headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) this.#take(event);
      });
      answer.on("close", done).on("error", () => {});
    });
    // The service sends something every few seconds; nothing at all is a connection that is dead.
    this.sent.setTimeout(40_000, () => this.sent.destroy());
    this.sent.on("error", done);
    this.sent.end(body);
  }

  #take(event) {
    const data = /^data: (.+)$/m.exec(event)?.[1];
    const told = data && JSON.parse(data).data?.salesOrderEvents;
    if (!told) return;
    this.cursor = told.cursor;
    this.seen.push(`${told.orderNumber}/${told.sequence}`);
  }

  /** How many events it missed, saw twice or saw in another order than they stand in the database. */
  gaps(expected) {
    const seen = new Set(this.seen);
    const missing = expected.filter((event) => !seen.has(event)).length;
    const twice = this.seen.length - seen.size;
    const inOrder = this.seen.every((event, n) => event === expected[n]);
    return missing + twice + (inOrder || missing || twice ? 0 : 1);
  }

  end() {
    this.#going = false;
    this.sent?.destroy();
  }
}
