/**
 * Checks a webhook (Standard Webhooks 1.0.0) in the browser alone: its secret must not leave the machine. The rules and their order are
 * those of `src/auth/webhook_verification.rs`.
 */

/** Seconds that a webhook's time may be from the receiver's. */
const TOLERANCE = 300;

export interface Received {
  secrets: string;
  id: string;
  timestamp: string;
  signature: string;
  body: Uint8Array;
}

export interface Verdict {
  valid: boolean;
  sentences: string[];
}

const refused = (...sentences: string[]): Verdict => ({ valid: false, sentences });

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The keys, or what is wrong with one of them. */
async function keysOf(text: string): Promise<CryptoKey[] | string> {
  const keys: CryptoKey[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (word.startsWith('whsk_')) return 'This is a private key (`whsk_`); use the secret of the endpoint, which begins with `whsec_`.';
    if (word.startsWith('whpk_')) return 'This checks `v1` signatures, by a secret that begins with `whsec_`; `v1a` signatures are checked by a public key.';
    const bytes = word.startsWith('whsec_') ? bytesOf(word.slice('whsec_'.length)) : null;
    if (!bytes || bytes.length < 24 || bytes.length > 64) {
      return 'A secret begins with `whsec_`, and 24 to 64 bytes in base64 follow; copy the whole text, with each + and / and =.';
    }
    keys.push(await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']));
  }
  return keys.length > 0 ? keys : 'Enter the secret of the endpoint, which begins with `whsec_`.';
}

/** Bodies that may have been sent, with what was done to them since. */
function shapes(body: Uint8Array): [string, Uint8Array][] {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);
  const encode = (changed: string): Uint8Array => new TextEncoder().encode(changed);
  const found: [string, Uint8Array][] = [
    ['begins with a byte order mark that was not sent', encode(text.replace(/^\uFEFF/, ''))],
    ['has white space before or after it that was not sent, such as a line break', encode(text.trim())],
  ];
  try {
    const written = JSON.stringify(JSON.parse(text.replace(/^\uFEFF/, '')));
    found.push(['was parsed and written again: its white space or its escapes are others than were sent', encode(written)]);
  } catch {
    // What is no JSON has no other shape.
  }
  return found;
}

export async function verify({ secrets, id, timestamp, signature, body }: Received, now: number): Promise<Verdict> {
  const missing = Object.entries({ 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature })
    .filter(([, value]) => value.trim() === '')
    .map(([name]) => `\`${name}\``);
  if (missing.length > 0) return refused(`Missing: ${missing.join(', ')}. Enter the headers as they came in.`);
  const keys = await keysOf(secrets);
  if (typeof keys === 'string') return refused(keys);
  if (!/^\d{1,12}$/.test(timestamp.trim())) {
    return refused('`webhook-timestamp` is sent in unix seconds; enter the header as it came in.');
  }
  const sent = signature.trim().split(/\s+/).filter((one) => one.startsWith('v1,'));
  if (sent.length === 0) {
    return refused('`webhook-signature` has no signature that begins with `v1,`; enter the whole header as it came in.');
  }
  const signatures = sent.map((one) => bytesOf(one.slice(3)));
  if (signatures.includes(null)) {
    return refused('A signature is not whole base64; enter the header as it came in, with each + and / and =.');
  }
  const isSigned = async (tried: Uint8Array): Promise<boolean> => {
    const head = new TextEncoder().encode(`${id.trim()}.${timestamp.trim()}.`);
    const text = new Uint8Array([...head, ...tried]);
    for (const key of keys) {
      for (const one of signatures) {
        if (one && (await crypto.subtle.verify('HMAC', key, one, text))) return true;
      }
    }
    return false;
  };
  if (await isSigned(body)) {
    const off = now - Number(timestamp.trim());
    if (Math.abs(off) <= TOLERANCE) return { valid: true, sentences: ['The signature is of these headers and this body.'] };
    const which = off > 0 ? 'behind' : 'ahead of';
    return {
      valid: true,
      sentences: [
        `The signature is of these headers and this body, but its time is ${Math.abs(off)} seconds ${which} the clock here: a receiver \
refuses it beyond ${TOLERANCE}, so that nobody can send a copy of it later.`,
      ],
    };
  }
  if (body.length === 0) {
    return refused('The body is empty; something read it before: keep its bytes when they come in.');
  }
  for (const [change, tried] of shapes(body)) {
    if (await isSigned(tried)) {
      return refused(`The body ${change}. Check its bytes as they came in, before anything reads or writes them.`);
    }
  }
  return refused(
    'No given secret made a signature of this text: compare the secret with that of this endpoint (each has its own, and a rotated one \
ends), and enter the body and the headers as they came in.',
  );
}

const form = document.querySelector<HTMLFormElement>('#webhook-form');
const result = document.querySelector<HTMLElement>('#webhook-result');

async function show(form: HTMLFormElement, result: HTMLElement): Promise<void> {
  result.removeAttribute('data-done');
  const entered = new FormData(form);
  const field = (name: string): string => String(entered.get(name) ?? '');
  const file = entered.get('webhookBodyFile');
  const isFile = file instanceof File && file.size > 0;
  const body = isFile ? new Uint8Array(await file.arrayBuffer()) : new TextEncoder().encode(field('webhookBody'));
  const received = {
    secrets: field('webhookSecrets'),
    id: field('webhookId'),
    timestamp: field('webhookTimestamp'),
    signature: field('webhookSignature'),
    body,
  };
  const isAble = 'subtle' in crypto;
  const verdict = isAble
    ? await verify(received, Math.floor(Date.now() / 1000))
    : refused('This browser checks signatures only on pages that came by https.');
  const heading = document.createElement('h3');
  heading.textContent = verdict.valid ? 'The webhook is genuine' : 'The webhook would be refused';
  heading.className = verdict.valid ? 'valid' : 'invalid';
  const sentences = verdict.sentences.map((sentence) => {
    const paragraph = document.createElement('p');
    sentence.split('`').forEach((part, index) => {
      const piece = index % 2 === 0 ? document.createTextNode(part) : document.createElement('code');
      if (index % 2 === 1) piece.textContent = part;
      paragraph.append(piece);
    });
    return paragraph;
  });
  result.replaceChildren(heading, ...sentences);
  result.dataset['done'] = 'true';
  result.focus();
}

if (form && result) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void show(form, result);
  });
}
