// A partner whose orders the scenes of the dashboard are about. It signs each request with its body and its Idempotency-Key.
import assert from 'node:assert/strict';
import { createHash, createSign, randomUUID } from 'node:crypto';

export const order = (changes = {}) => ({
  customer_code: 'CUST-001',
  site_code: 'SITE-001',
  sales_name: 'John Doe',
  address: 'Jl. Sudirman No. 1, Jakarta',
  products: [
    { product_code: 'HD9650', product_name: 'Airfryer XXL', quantity: 4, unit: 'PCS', unit_price: '125000' },
    { product_code: 'HR2223', quantity: 2 },
  ],
  ...changes,
});

/** Logs in and gives what the partner can do. */
export async function partner({ base, clientId, secret, privateKey }) {
  const login = await fetch(`${base}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: clientId, client_secret: secret }),
  });
  const { token } = await login.json();
  const request = async (path, input) => {
    const body = JSON.stringify(input);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const digest = createHash('sha256').update(body).digest('hex');
    const key = randomUUID();
    const signature = createSign('sha256').update(`POST:${path}:${digest}:${timestamp}:${key}`).sign(privateKey, 'base64');
    return fetch(base + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${token}`,
        'X-CLIENT-ID': clientId,
        'X-TIMESTAMP': timestamp,
        'X-SIGNATURE': signature,
        'Idempotency-Key': key,
      },
      body,
    });
  };
  const post = async (path, input) => {
    const answer = await request(path, input);
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  };
  return {
    /** Sends an order over REST; gives its number. */
    send: async (changes) => (await post('/api/v1/sales-orders', order(changes))).data.order_number,
    /** Sends an order that is refused; gives the id of the request. */
    fail: async (changes) => {
      const answer = await request('/api/v1/sales-orders', order(changes));
      assert.ok(!answer.ok, await answer.text());
      return answer.headers.get('X-Request-Id');
    },
    ask: (orderNumber, what, input) => post(`/api/v1/sales-orders/${orderNumber}/${what}`, input),
  };
}

/** Asks over GraphQL as a client with a secret, beside the page. */
export async function colleague(base, { clientId, secret }) {
  const ask = async (query, variables, headers = {}) => {
    const answer = await fetch(`${base}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await answer.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  };
  const input = { clientId, clientSecret: secret };
  const { login } = await ask('mutation ($input: LoginInput!) { login(input: $input) { token } }', { input });
  return (query, variables) => ask(query, variables, { Authorization: `Bearer ${login.token}` });
}
