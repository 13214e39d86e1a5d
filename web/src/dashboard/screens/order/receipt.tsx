import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { KeysOf, type Receipt as Evidence } from '../../../../generated/documents';
import { base64, readPublicKey, utf8 } from '../../../pem';
import { words } from '../../format';
import { askAs, may } from '../../session';

const RSA_SHA256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

interface Verdict {
  valid: boolean;
  says: string;
}

/** Checks in this browser that the partner's key made the signature; the service is only asked for the key. */
async function prove({ keyFingerprint, stringToSign, signature }: Evidence, clientId: string): Promise<Verdict> {
  const { client } = await askAs(KeysOf, { clientId });
  const key = client?.keys.find(({ fingerprint }) => fingerprint === keyFingerprint);
  if (!key) return { valid: false, says: `${clientId} has no key with this fingerprint any more.` };
  const spki = readPublicKey(key.publicKey);
  const digest = base64(await crypto.subtle.digest('SHA-256', spki)).replace(/=+$/, '');
  if (`SHA256:${digest}` !== keyFingerprint) return { valid: false, says: 'The key is not the one of the fingerprint.' };
  const imported = await crypto.subtle.importKey('spki', spki, RSA_SHA256, false, ['verify']);
  const bytes = Uint8Array.from(atob(signature), (character) => character.charCodeAt(0));
  const valid = await crypto.subtle.verify(RSA_SHA256.name, imported, bytes, utf8(stringToSign));
  return {
    valid,
    says: valid
      ? `The signature is genuine: whoever holds the private key of ${clientId} signed this text. Checked in this browser.`
      : 'The signature is not of this text and this key.',
  };
}

export function Receipt({ receipt, clientId }: { receipt: Evidence; clientId: string }): VNode {
  const [verdict, setVerdict] = useState<Verdict>();
  const check = (): void => {
    prove(receipt, clientId).then(setVerdict, (error: unknown) =>
      setVerdict({ valid: false, says: error instanceof Error ? error.message : 'It could not be checked.' }),
    );
  };
  // Browsers check signatures on https pages and on this machine only.
  const isAble = 'subtle' in crypto && may('clients:read');
  return (
    <section class="card">
      <div class="heading">
        <h2>Receipt</h2>
        {isAble && (
          <button type="button" onClick={check}>
            Prove it
          </button>
        )}
      </div>
      <p role="status" class={verdict?.valid ? 'good' : 'bad'}>
        {verdict?.says}
      </p>
      <dl class="facts">
        <dt>Form</dt>
        <dd>{words(receipt.signatureForm)}</dd>
        <dt>Signed text</dt>
        <dd>
          <code>{receipt.stringToSign}</code>
        </dd>
        <dt>Signature</dt>
        <dd>
          <code>{receipt.signature}</code>
        </dd>
        <dt>Key</dt>
        <dd>
          <code>{receipt.keyFingerprint}</code>
        </dd>
        <dt>SHA-256 of the body</dt>
        <dd>
          <code>{receipt.bodySha256}</code>
        </dd>
      </dl>
    </section>
  );
}
