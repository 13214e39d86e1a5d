// Node's own cryptography, with keys as they are published: a key set and signed texts come in, and out goes for each whether
// the key of its `kid` made the signature.
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { keys, signed } = JSON.parse(readFileSync(0, 'utf8'));

const isValid = ({ kid, text, signature }) => {
  const jwk = keys.find((key) => key.kid === kid);
  // Ed25519 hashes by itself.
  const digest = { EdDSA: null, RS256: 'sha256' }[jwk.alg];
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return verify(digest, Buffer.from(text), key, Buffer.from(signature, 'base64'));
};

console.log(JSON.stringify(signed.map(isValid)));
