// openapi-typescript and openapi-fetch: the types are of the document, as it is.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/openapi.js';
import { BASE_URL, CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET, signature } from './stage.mjs';

const client = createClient<paths>({ baseUrl: BASE_URL });

const { data: opened } = await client.POST('/api/v1/auth/login', {
  body: { client_id: CLIENT_ID, client_secret: CLIENT_SECRET },
});
assert.ok(opened);
const { data: refreshed } = await client.POST('/api/v1/auth/refresh', { body: { token: opened.token } });
assert.ok(refreshed && refreshed.expired_at >= opened.expired_at);
const headers = { Authorization: `Bearer ${refreshed.token}` };

const body: components['schemas']['CreateSalesOrderInput'] = {
  customer_code: 'CUST-001',
  site_code: 'SITE-001',
  sales_name: 'Siti Nurhaliza – Ωmega',
  address: 'Jl. Sudirman № 1\nJakarta',
  currency: 'IDR',
  products: [{ product_code: 'HD9650', quantity: 2, unit_price: '125000.5' }],
};
const header = () => ({ ...signature(), 'Idempotency-Key': 'openapi-fetch' });
const made = await client.POST('/api/v1/sales-orders', { headers, params: { header: header() }, body });
assert.equal(made.response.status, 201, JSON.stringify(made.error));
assert.equal(made.data?.data.total_amount, '250001');
const order_number = made.data.data.order_number;
const again = await client.POST('/api/v1/sales-orders', { headers, params: { header: header() }, body });
assert.equal(again.response.headers.get('Idempotent-Replayed'), 'true');

const read = await client.GET('/api/v1/sales-orders/{order_number}', { headers, params: { path: { order_number } } });
const status: 'RECEIVED' | 'CONFIRMED' | 'SHIPPED' | 'DELIVERED' | 'CANCELLED' | undefined = read.data?.data.status;
assert.equal(status, 'RECEIVED');

// A failure is typed as well: its code, and the hint that says what to mend.
const forged = { ...header(), 'X-SIGNATURE': Buffer.from('no signature').toString('base64') };
const refused = await client.POST('/api/v1/sales-orders', { headers, params: { header: forged }, body });
const code: components['schemas']['ErrorCode'] | undefined = refused.error?.code;
const hint: components['schemas']['Hint'] | undefined = refused.error?.hint;
assert.deepEqual([code, hint], ['INVALID_SIGNATURE', 'signature_wrong_length']);
assert.ok(refused.error?.string_to_sign?.startsWith(`${CLIENT_ID}|`));
const check = await client.POST('/api/v1/signature/check', { headers, params: { header: forged } });
assert.deepEqual([check.data?.valid, check.data?.hint], [false, 'signature_wrong_length']);

const reader = await client.POST('/api/v1/auth/login', {
  body: { client_id: DASHBOARD_ID, client_secret: DASHBOARD_SECRET },
});
const listed = await client.GET('/api/v1/sales-orders.{format}', {
  headers: { Authorization: `Bearer ${reader.data?.token}` },
  params: { path: { format: 'jsonl' }, query: { status: ['RECEIVED'], order_by: 'created_at_desc' } },
  parseAs: 'text',
});
const numbers = listed.data?.trim().split('\n').map((line) => JSON.parse(line).order_number);
assert.ok(numbers?.includes(order_number));
console.log(`made ${order_number}`);
