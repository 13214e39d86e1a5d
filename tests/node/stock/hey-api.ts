// @hey-api/openapi-ts with its fetch client.
import assert from 'node:assert/strict';
import { client } from './generated/hey-api/client.gen.js';
import { createSalesOrder, exportSalesOrders, login, salesOrder, signatureCheck } from './generated/hey-api/index.js';
import { BASE_URL, CLIENT_ID, CLIENT_SECRET, DASHBOARD_ID, DASHBOARD_SECRET, signature } from './stage.mjs';

client.setConfig({ baseUrl: BASE_URL });
const token = async (client_id: string, client_secret: string) => {
  const { data, error } = await login({ body: { client_id, client_secret } });
  assert.ok(data, JSON.stringify(error));
  return data.token;
};
const own = await token(CLIENT_ID, CLIENT_SECRET);
// It asks this for each header that is named as a security scheme too, and keeps those that are given.
client.setConfig({ auth: ({ scheme }) => (scheme === 'bearer' ? own : undefined) });

const made = await createSalesOrder({
  headers: { ...signature(), 'Idempotency-Key': 'hey-api' },
  body: {
    customer_code: 'CUST-001',
    site_code: 'SITE-001',
    sales_name: 'Siti Nurhaliza – Ωmega',
    address: 'Jl. Sudirman № 1\nJakarta',
    products: [{ product_code: 'HD9650', quantity: 2, unit_price: '125000.5' }],
  },
});
assert.equal(made.data?.data.total_amount, '250001', JSON.stringify(made.error));
const order_number = made.data.data.order_number;
const read = await salesOrder({ path: { order_number } });
assert.equal(read.data?.data.status, 'RECEIVED');
const check = await signatureCheck({ headers: signature() });
assert.deepEqual([check.data?.valid, check.data?.form], [true, 'documented']);
const unsigned = await signatureCheck();
assert.deepEqual([unsigned.data?.valid, unsigned.data?.code], [false, 'MISSING_HEADER']);
const missing = await salesOrder({ path: { order_number: 'SO-9999999999' } });
assert.equal(missing.error?.code, 'NOT_FOUND');

const reader = await token(DASHBOARD_ID, DASHBOARD_SECRET);
// Without `parseAs` it takes application/jsonl for application/json, which has the same beginning.
const listed = await exportSalesOrders({ auth: () => reader, path: { format: 'jsonl' }, parseAs: 'text' });
assert.ok(listed.data?.includes(order_number), JSON.stringify(listed.error));
console.log(`made ${order_number}`);
