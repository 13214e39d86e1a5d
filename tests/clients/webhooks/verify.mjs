#!/usr/bin/env node
// A partner's receiver of webhooks for Node 18 or newer, with nothing to install: is this one from the service, and is it
// new? Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
//
//   WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
//   [SEEN=ids.txt] [NOW=1795441036] node verify.mjs < body
//   WEBHOOK_SECRET   while it is rotated, both secrets with a space between them; a whpk_ public key verifies v1a
//   SEEN             a file with the ids of webhooks that were taken before
//   NOW              the time in unix seconds, for tests
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

const { WEBHOOK_SECRET = '', WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE, SEEN, NOW } = process.env;
const TOLERANCE = 300;

/** Whether this key made the signature. One of another version is for another kind of key. */
function isOf(key, version, signature, signed) {
  if (version === 'v1' && key.startsWith('whsec_')) {
    const right = createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64')).update(signed).digest();
    // Not ===, whose duration tells how much of a guess is right.
    return signature.length === right.length && timingSafeEqual(signature, right);
  }
  if (version === 'v1a' && key.startsWith('whpk_')) {
    const x = Buffer.from(key.slice('whpk_'.length), 'base64').toString('base64url');
    return verify(null, signed, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
  }
  return false;
}

/** Why the webhook is refused; nothing if it is not. */
function fault(keys, id, timestamp, header, body, now) {
  if (!id || !timestamp || !header) return 'a header is missing';
  // 1. The time, or whoever has a copy could send it for ever.
  if (!/^[0-9]{1,11}$/.test(timestamp)) return 'webhook-timestamp is not in unix seconds';
  if (now - Number(timestamp) > TOLERANCE) return 'webhook-timestamp is too old';
  if (Number(timestamp) - now > TOLERANCE) return 'webhook-timestamp is in the future';
  // 2. The signatures: one by one of these keys is enough.
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const matches = header.split(' ').some((one) => {
    const [version, encoded = ''] = one.split(',');
    return keys.some((key) => isOf(key, version, Buffer.from(encoded, 'base64'), signed));
  });
  return matches ? undefined : 'no signature matches';
}

/** Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do. */
function seenBefore(id) {
  if (!SEEN) return false;
  if (existsSync(SEEN) && readFileSync(SEEN, 'utf8').split('\n').includes(id)) return true;
  appendFileSync(SEEN, `${id}\n`);
  return false;
}

const keys = WEBHOOK_SECRET.split(' ').filter(Boolean);
if (keys.length === 0 || !keys.every((key) => /^(whsec|whpk)_/.test(key))) {
  console.error('WEBHOOK_SECRET is not one or more whsec_ secrets or whpk_ public keys');
  process.exit(2);
}
const now = NOW ? Number(NOW) : Math.floor(Date.now() / 1000);
// The bytes as they came in: parsed and written again, the same JSON has another signature.
const body = readFileSync(0);
const why = fault(keys, WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE, body, now);
if (why) {
  console.log(`invalid: ${why}`);
  process.exitCode = 1;
} else {
  console.log(seenBefore(WEBHOOK_ID) ? 'valid: seen before' : 'valid');
}
