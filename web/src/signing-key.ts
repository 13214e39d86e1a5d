import { base64, hex, readPrivateKey, utf8 } from './pem';

const RSA_SHA256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/** A private key in the browser's own keeping: it signs, but cannot be read out again. */
export interface SigningKey {
  fileName: string;
  bits: number;
  /** The name the service gives the public half. */
  fingerprint: string;
  key: CryptoKey;
}

/** Reads a key file; fails with a sentence for people. */
export async function loadKey(file: File): Promise<SigningKey> {
  return readKey(await file.text(), file.name);
}

/** Reads the text of a key; fails with a sentence for people. */
export async function readKey(pem: string, fileName: string): Promise<SigningKey> {
  if (!globalThis.crypto?.subtle) {
    throw new Error('Browsers sign on https pages and on this machine (localhost, 127.0.0.1) only; open this page there.');
  }
  const pkcs8 = readPrivateKey(pem);
  const refused = (): never => {
    throw new Error('The browser cannot read this RSA key; is the file complete?');
  };
  // Readable only here, to find its public half.
  const readable = await crypto.subtle.importKey('pkcs8', pkcs8, RSA_SHA256, true, ['sign']).catch(refused);
  const { kty, n, e } = await crypto.subtle.exportKey('jwk', readable);
  if (!kty || !n || !e) return refused();
  const publicHalf = await crypto.subtle.importKey('jwk', { kty, n, e }, RSA_SHA256, true, ['verify']);
  const spki = await crypto.subtle.exportKey('spki', publicHalf);
  const digest = base64(await crypto.subtle.digest('SHA-256', spki)).replace(/=+$/, '');
  return {
    fileName,
    bits: (readable.algorithm as RsaKeyAlgorithm).modulusLength,
    fingerprint: `SHA256:${digest}`,
    key: await crypto.subtle.importKey('pkcs8', pkcs8, RSA_SHA256, false, ['sign']),
  };
}

export async function sign({ key }: SigningKey, text: string): Promise<string> {
  return base64(await crypto.subtle.sign(RSA_SHA256.name, key, utf8(text)));
}

export async function sha256Hex(text: string): Promise<string> {
  return hex(await crypto.subtle.digest('SHA-256', utf8(text)));
}
