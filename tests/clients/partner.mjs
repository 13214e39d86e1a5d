#!/usr/bin/env node
// A partner's client for Node 18 or newer, with nothing to install: log in, sign, create one sales order; or validate,
// cancel or list orders. Prints the HTTP status, then the body, of the last answer; of a list, those of each page.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] node partner.mjs
//   ACTION=validate   with the same: nothing is stored
//   ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
//   ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
import { createHash, createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { BASE_URL, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, BODY, IDEMPOTENCY_KEY, BODY_BOUND, KEY_BOUND } = process.env;
const { ACTION = 'create', ORDER_NUMBER, CURSOR, LIMIT = '200' } = process.env;
const ORDERS = '/api/v1/sales-orders';

async function send(method, path, headers, body) {
  const response = await fetch(BASE_URL + path, { method, headers, body });
  return { status: response.status, text: await response.text() };
}

const post = (path, headers, body) => send('POST', path, { 'Content-Type': 'application/json', ...headers }, body);

const show = ({ status, text }) => console.log(`${status}\n${text}`);

// Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
async function list(token) {
  const query = new URLSearchParams({ limit: LIMIT });
  if (CURSOR) query.set('cursor', CURSOR);
  for (;;) {
    const page = await send('GET', `${ORDERS}?${query}`, { Authorization: `Bearer ${token}` });
    show(page);
    if (page.status !== 200) return;
    const { has_more, next_cursor } = JSON.parse(page.text);
    if (!has_more) return;
    query.set('cursor', next_cursor);
  }
}

async function main() {
  // 1. The token.
  const credentials = JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
  const login = await post('/api/v1/auth/login', {}, credentials);
  if (login.status !== 200) return show(login);
  const { token } = JSON.parse(login.text);
  if (ACTION === 'list') return list(token);

  // 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
  const paths = {
    create: ORDERS,
    validate: `${ORDERS}/validation`,
    cancel: `${ORDERS}/${ORDER_NUMBER}/cancellation`,
  };
  const path = paths[ACTION];
  if (!path) throw new Error('ACTION is create, validate, cancel or list');
  const body = readFileSync(BODY);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const stringToSign = BODY_BOUND || ACTION === 'cancel'
    ? `POST:${path}:${createHash('sha256').update(body).digest('hex')}:${timestamp}${KEY_BOUND ? `:${IDEMPOTENCY_KEY}` : ''}`
    : `${CLIENT_ID}|${timestamp}`;
  const signature = createSign('RSA-SHA256').update(stringToSign).sign(readFileSync(PRIVATE_KEY), 'base64');

  // 3. The request.
  const headers = {
    Authorization: `Bearer ${token}`,
    'X-CLIENT-ID': CLIENT_ID,
    'X-TIMESTAMP': timestamp,
    'X-SIGNATURE': signature,
  };
  if (IDEMPOTENCY_KEY) headers['Idempotency-Key'] = IDEMPOTENCY_KEY;
  show(await post(path, headers, body));
}

await main();
