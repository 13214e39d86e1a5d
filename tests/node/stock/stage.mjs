// What the programs beside this file share: a partner that signs, a link that breaks, and the story that each stock GraphQL
// client goes through: create, list, subscribe, lose the connection, go on from the cursor.
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

export const { BASE_URL, CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET } = process.env;
const PRIVATE_KEY = readFileSync(process.env.PRIVATE_KEY);

// Whoever waits for an event that does not come waits no longer than this.
setTimeout(() => {
  console.error(`no end within ${process.env.DEADLINE_SECONDS} s`);
  process.exit(1);
}, 1000 * Number(process.env.DEADLINE_SECONDS)).unref();

/** The three headers of a signed request. */
export function signature() {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const sign = createSign('RSA-SHA256').update(`${CLIENT_ID}|${timestamp}`);
  return { 'X-CLIENT-ID': CLIENT_ID, 'X-TIMESTAMP': timestamp, 'X-SIGNATURE': sign.sign(PRIVATE_KEY, 'base64') };
}

/** What is sent with a signed order that this name alone decides. */
export const signed = (token, key) => ({ Authorization: `Bearer ${token}`, 'Idempotency-Key': key, ...signature() });

/** An order as GraphQL takes it. */
export const order = (reference) => ({
  customerCode: 'CUST-001',
  siteCode: 'SITE-001',
  salesName: 'Siti Nurhaliza – Ωmega',
  address: 'Jl. Sudirman № 1\nJakarta',
  partnerReference: reference,
  products: [{ productCode: 'HD9650', quantity: 2, unitPrice: '125000.5' }],
});

export const LOGIN = 'mutation Login($input: LoginInput!) { login(input: $input) { token } }';
export const CREATE =
  'mutation Create($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { replayed salesOrder { id orderNumber totalAmount } } }';
export const LIST = 'query List { salesOrders(first: 10) { nodes { id orderNumber } } }';
export const EVENTS =
  'subscription Events($after: String) { salesOrderEvents(after: $after) { id cursor kind orderNumber } }';

/** Asks over plain HTTP, for what is not the client's part. */
export async function ask(query, variables, headers = {}) {
  const answer = await fetch(`${BASE_URL}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

export async function logIn() {
  return (await ask(LOGIN, { input: { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET } })).login.token;
}

/** A way to the service that can be cut: what goes through it ends as on a network that fails. */
export class Link {
  static async open() {
    const link = new Link();
    const { hostname, port } = new URL(BASE_URL);
    link.server = createServer((near) => {
      if (link.isDown) return near.resetAndDestroy();
      const far = connect(Number(port), hostname);
      for (const [from, to] of [[near, far], [far, near]]) {
        link.sockets.add(from);
        from.on('error', () => to.destroy()).on('close', () => (link.sockets.delete(from), to.destroy())).pipe(to);
      }
    });
    link.server.listen(0, '127.0.0.1');
    await once(link.server, 'listening');
    link.base = `http://127.0.0.1:${link.server.address().port}`;
    return link;
  }

  sockets = new Set();
  isDown = false;
  mended = Promise.resolve();

  cut() {
    this.isDown = true;
    this.mended = new Promise((resolve) => (this.mend = () => ((this.isDown = false), resolve())));
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

/**
 * The story of a client of GraphQL. `make({ base, token, mended })` gives its functions:
 *   create(order, headers)   sends a signed order and gives its payload
 *   list()                   gives the orders
 *   subscribe(cursor, tell)  follows the events after `cursor()` and tells each; returns when its stream has ended, however
 *   close()                  ends it
 */
export async function follow(make) {
  const link = await Link.open();
  const token = await logIn();
  const client = await make({ base: link.base, token, mended: () => link.mended });

  const first = await client.create(order('first'), signed(token, 'first'));
  assert.equal(first.salesOrder.totalAmount, '250001');
  const again = await client.create(order('first'), signed(token, 'first'));
  assert.equal(again.replayed, true);
  assert.ok((await client.list()).some((one) => one.orderNumber === first.salesOrder.orderNumber), 'it is listed');

  const authorization = { Authorization: `Bearer ${token}` };
  const feed = await ask('{ salesOrderEvents { nodes { cursor } } }', {}, authorization);
  let cursor = feed.salesOrderEvents.nodes.at(-1).cursor;
  const told = [];
  let heard = () => {};
  const tell = (event) => {
    cursor = event.cursor;
    told.push(event.orderNumber);
    heard();
  };
  const hears = async (count) => {
    while (told.length < count) await new Promise((resolve) => (heard = resolve));
  };
  let isOver = false;
  const following = (async () => {
    while (!isOver) {
      await client.subscribe(() => cursor, tell).catch(() => {});
      await link.mended;
    }
  })();

  const create = async (name) =>
    (await ask(CREATE, { input: order(name) }, signed(token, name))).createSalesOrder.salesOrder.orderNumber;
  const expected = [await create('seen-live')];
  await hears(1);
  link.cut();
  expected.push(await create('while-away-1'), await create('while-away-2'));
  link.mend();
  await hears(3);
  expected.push(await create('live-again'));
  await hears(4);
  assert.deepEqual(told, expected, 'each event once, in sequence');

  isOver = true;
  await client.close();
  link.close();
  await following;
  console.log(`told ${told.join(' ')}`);
}
