// Sends what the document allows through Prism, which compares each request and each answer with it, and counts what differs.
//
//   PROXY=http://127.0.0.1:40001 node prism.mjs
import assert from 'node:assert/strict';
import { CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET, signature } from './stage.mjs';

const violations = [];
async function send(method, path, expected, headers = {}, body = undefined) {
  const answer = await fetch(process.env.PROXY + path, {
    method,
    headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, expected, `${method} ${path}: ${text}`);
  const found = answer.headers.get('sl-violations');
  if (found) violations.push(`${method} ${path} ${expected}: ${found}`);
  return text && text.startsWith('{') && !text.includes('}\n') ? JSON.parse(text) : text;
}

const line = (more) => ({ product_code: 'HD9650', quantity: 2, ...more });
const order = {
  customer_code: 'CUST-001',
  site_code: 'SITE-001',
  sales_name: 'Siti Nurhaliza – Ωmega',
  address: 'Jl. Sudirman № 1\nJakarta',
  products: [line({ unit_price: '19.99' })],
};
const login = '/api/v1/auth/login';
const orders = '/api/v1/sales-orders';
const { token } = await send('POST', login, 200, {}, { client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
await send('POST', login, 401, {}, { client_id: CLIENT_ID, client_secret: 'wrong' });
await send('POST', '/api/v1/auth/refresh', 200, {}, { token });
await send('POST', '/api/v1/auth/refresh', 401, {}, { token: 'no token' });

const bearer = { Authorization: `Bearer ${token}` };
const signed = (key) => ({ ...bearer, ...signature(), ...(key && { 'Idempotency-Key': key }) });
const made = await send('POST', orders, 201, signed('prism-1'), order);
await send('POST', orders, 201, signed('prism-1'), order);
await send('POST', orders, 422, signed('prism-1'), { ...order, note: 'another one' });
await send('POST', orders, 201, signed('prism-2'), { ...order, products: [line({ unit_price: 125000 }), line({ unit_price: 0.5 })] });
await send('POST', orders, 201, signed(), {
  ...order,
  currency: 'EUR',
  note: null,
  partner_reference: '4500012345',
  requested_delivery_date: '2026-12-24',
  products: [line({ product_name: 'Airfryer XXL', unit: 'PCS', unit_price: '125000', note: '', reference: '10' })],
});
// Sums have a bound that no schema can tell.
const dear = line({ quantity: 1_000_000, unit_price: '9999999999.9999' });
await send('POST', orders, 400, signed(), { ...order, products: [dear] });
await send('POST', orders, 401, { ...signed(), 'X-SIGNATURE': Buffer.from('none').toString('base64') }, order);
await send('POST', orders, 401, { ...signed(), 'X-TIMESTAMP': '1' }, order);
await send('POST', orders, 401, { ...signed(), 'X-CLIENT-ID': 'somebody-else' }, order);
await send('POST', orders, 401, { ...signed(), Authorization: 'Bearer no.such.token' }, order);

await send('POST', '/api/v1/signature/check', 200, signed(), order);
await send('POST', '/api/v1/signature/check', 200, { ...bearer, ...signature(), 'X-TIMESTAMP': 'now' });
await send('POST', '/api/v1/signature/check', 200, bearer);

await send('GET', `${orders}/${made.data.order_number}`, 200, bearer);
await send('GET', `${orders}/SO-9999999999`, 404, bearer);
await send('GET', `${orders}/${made.data.order_number}`, 401, { Authorization: 'Bearer no.such.token' });

const reader = await send('POST', login, 200, {}, { client_id: DASHBOARD_ID, client_secret: DASHBOARD_SECRET });
const reads = { Authorization: `Bearer ${reader.token}` };
for (const query of ['', '?status=RECEIVED&status=CONFIRMED&order_by=updated_at_desc', '?created_at_gte=2026-01-01T00:00:00Z', '?search=siti']) {
  await send('GET', `${orders}.csv${query}`, 200, reads);
  await send('GET', `${orders}.jsonl${query}`, 200, reads);
}
await send('GET', `${orders}.csv`, 403, bearer);

for (const violation of violations) console.log(violation);
console.log(`${violations.length} violations`);
process.exitCode = violations.length ? 1 : 0;
