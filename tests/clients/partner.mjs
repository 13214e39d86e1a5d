#!/usr/bin/env node
// A partner's client for Node 18 or newer, with nothing to install: log in, sign, create one sales order.
// Prints the HTTP status, then the body, of the last answer.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] node partner.mjs
import { createHash, createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { BASE_URL, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, BODY, IDEMPOTENCY_KEY, BODY_BOUND, KEY_BOUND } = process.env;
const PATH = '/api/v1/sales-orders';

async function post(path, headers, body) {
  const response = await fetch(BASE_URL + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const show = ({ status, text }) => console.log(`${status}\n${text}`);

async function main() {
  // 1. The token.
  const credentials = JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
  const login = await post('/api/v1/auth/login', {}, credentials);
  if (login.status !== 200) return show(login);
  const { token } = JSON.parse(login.text);

  // 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
  const body = readFileSync(BODY);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const stringToSign = BODY_BOUND
    ? `POST:${PATH}:${createHash('sha256').update(body).digest('hex')}:${timestamp}${KEY_BOUND ? `:${IDEMPOTENCY_KEY}` : ''}`
    : `${CLIENT_ID}|${timestamp}`;
  const signature = createSign('RSA-SHA256').update(stringToSign).sign(readFileSync(PRIVATE_KEY), 'base64');

  // 3. The order.
  const headers = {
    Authorization: `Bearer ${token}`,
    'X-CLIENT-ID': CLIENT_ID,
    'X-TIMESTAMP': timestamp,
    'X-SIGNATURE': signature,
  };
  if (IDEMPOTENCY_KEY) headers['Idempotency-Key'] = IDEMPOTENCY_KEY;
  show(await post(PATH, headers, body));
}

await main();
