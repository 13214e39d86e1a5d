/** What a partner's program does: log in, sign, send. */
import { at } from '../root';
import { sha256Hex, sign, type SigningKey } from '../signing-key';

export type Form = 'documented' | 'body_bound' | 'body_and_key_bound';

export interface Order {
  clientId: string;
  secret: string;
  key: SigningKey;
  path: string;
  form: Form;
  idempotencyKey: string;
  body: string;
}

export interface Signed {
  bodySha256: string;
  stringToSign: string;
  signature: string;
  headers: Record<string, string>;
}

export interface Answer {
  status: number;
  ok: boolean;
  headers: Record<string, string>;
  text: string;
}

/** Headers of an answer that say something about it. */
const TELLING = ['location', 'idempotent-replayed', 'x-request-id', 'retry-after', 'ratelimit'];
/** Milliseconds: longer than any answer takes. */
const DEADLINE = 60_000;

export async function signed({ clientId, key, path, form, idempotencyKey, body }: Order): Promise<Signed> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const bodySha256 = await sha256Hex(body);
  const bound = `POST:${at(path)}:${bodySha256}:${timestamp}`;
  const stringToSign = {
    documented: `${clientId}|${timestamp}`,
    body_bound: bound,
    body_and_key_bound: `${bound}:${idempotencyKey}`,
  }[form];
  const signature = await sign(key, stringToSign);
  const headers = {
    'Content-Type': 'application/json',
    'X-CLIENT-ID': clientId,
    'X-TIMESTAMP': timestamp,
    'X-SIGNATURE': signature,
    'Idempotency-Key': idempotencyKey,
  };
  return { bodySha256, stringToSign, signature, headers };
}

export async function logIn({ clientId, secret }: Order): Promise<Answer> {
  return post('/api/v1/auth/login', { 'Content-Type': 'application/json' }, JSON.stringify({ client_id: clientId, client_secret: secret }));
}

export async function send({ path, body }: Order, { headers }: Signed, token: string): Promise<Answer> {
  return post(path, { ...headers, Authorization: `Bearer ${token}` }, body);
}

async function post(path: string, headers: Record<string, string>, body: string): Promise<Answer> {
  const answer = await fetch(at(path), { method: 'POST', headers, body, signal: AbortSignal.timeout(DEADLINE) });
  const telling = TELLING.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { status: answer.status, ok: answer.ok, headers: Object.fromEntries(telling), text: await answer.text() };
}
