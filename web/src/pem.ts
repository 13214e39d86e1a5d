/** Key files as people have them. What they hold is read here; nothing is sent anywhere. */

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

export function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/;

/** The PKCS#8 bytes of an RSA private key; fails with a sentence for people. */
export function readPrivateKey(text: string): Uint8Array<ArrayBuffer> {
  const [, label, body] = PEM.exec(text) ?? [];
  switch (label) {
    case 'PRIVATE KEY':
      return decode(body);
    case 'RSA PRIVATE KEY':
      if (/Proc-Type:.*ENCRYPTED/.test(body ?? '')) throw new Error(ENCRYPTED);
      return wrap(decode(body));
    case 'ENCRYPTED PRIVATE KEY':
      throw new Error(ENCRYPTED);
    case 'PUBLIC KEY':
    case 'RSA PUBLIC KEY':
    case 'CERTIFICATE':
      throw new Error('This is a public key or a certificate. Signing takes the private key that belongs to it.');
    case undefined:
      throw new Error('There is no PEM key in this file. It would begin with -----BEGIN PRIVATE KEY-----.');
    default:
      throw new Error(`This is a key of another kind (${label.toLowerCase()}). Orders are signed with an RSA key.`);
  }
}

const ENCRYPTED =
  'The key in this file is encrypted, and this page asks for no passphrase. ' +
  'Decrypt a copy with: openssl pkcs8 -in private.pem -out plain.pem';

function decode(body = ''): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(body.replace(/\s+/g, '')), (character) => character.charCodeAt(0));
  } catch {
    throw new Error('The key in this file is damaged: what stands between its first and last line is not base64.');
  }
}

/** PKCS#1 within PKCS#8, the one form browsers import: version 0, the algorithm rsaEncryption, then the key itself. */
function wrap(pkcs1: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const version = [0x02, 0x01, 0x00];
  const rsaEncryption = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
  return tagged(0x30, Uint8Array.from([...version, ...rsaEncryption, ...tagged(0x04, pkcs1)]));
}

/** A DER value: its tag, its length, its content. */
function tagged(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  const head = content.length < 0x80 ? [content.length] : [0x80 | length.length, ...length];
  return Uint8Array.from([tag, ...head, ...content]);
}

/** The SubjectPublicKeyInfo of a public key. */
export function readPublicKey(text: string): Uint8Array<ArrayBuffer> {
  const [, label, body] = PEM.exec(text) ?? [];
  if (label !== 'PUBLIC KEY') throw new Error('There is no public key (X.509 SubjectPublicKeyInfo, PEM).');
  return decode(body);
}
