import { useState, type ChangeEvent, type ReactElement } from 'react';
import { change, useSession, type Form, type Signed } from './session';
import { loadKey } from '../signing-key';

/** The texts that are signed, by form. */
const FORMS: Record<Form, { name: string; text: string; means: string }> = {
  documented: { name: 'Published form', text: 'client_id|timestamp', means: 'The signature fits any body.' },
  body_bound: {
    name: 'Binds the body',
    text: 'POST:/graphql:sha256(body):timestamp',
    means: 'The signature is worthless for any other body.',
  },
  body_and_key_bound: {
    name: 'Binds the body and the Idempotency-Key',
    text: 'POST:/graphql:sha256(body):timestamp:idempotency_key',
    means: 'The signature is worthless for any other request. The key is that of the headers editor, or else a new one each time.',
  },
};

export function KeyPanel(): ReactElement {
  const { session, key, form, signed } = useSession();
  const [message, setMessage] = useState('');

  async function choose(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const [file] = event.currentTarget.files ?? [];
    setMessage('');
    change({ key: undefined, signed: undefined });
    if (!file) return;
    try {
      change({ key: await loadKey(file) });
    } catch (error) {
      setMessage(error instanceof Error ? error.message : 'The file cannot be read.');
    }
  }

  return (
    <section className="panel">
      <h2>Signing key</h2>
      <p>
        With a key, every operation that contains <code>createSalesOrder</code>, <code>createSalesOrders</code> or{' '}
        <code>validateSalesOrder</code> is sent with X-CLIENT-ID, X-TIMESTAMP and X-SIGNATURE. The key does not leave this browser.
      </p>
      <label>
        Private key file (PEM)
        <input type="file" accept=".pem,.key" onChange={(event) => void choose(event)} />
      </label>
      <p role="alert" className="bad">
        {message}
      </p>
      {key && (
        <p role="status">
          {key.fileName}: RSA, {key.bits} bits
          <br />
          <code>{key.fingerprint}</code>
        </p>
      )}
      {key && !session && <p className="bad">Sign in too: the client id is part of what is signed.</p>}
      <label>
        Form of the signature
        <select value={form} onChange={(event) => change({ form: event.currentTarget.value as Form })}>
          {Object.entries(FORMS).map(([form, { name }]) => (
            <option key={form} value={form}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <p className="quiet">
        <code>{FORMS[form].text}</code> is signed. {FORMS[form].means}
      </p>
      {signed && <LastSigned signed={signed} />}
    </section>
  );
}

function LastSigned({ signed }: { signed: Signed }): ReactElement {
  const lines = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}`);
  return (
    <>
      <h3>Last signed</h3>
      <pre tabIndex={0} aria-label="The text that was signed">
        {signed.stringToSign}
      </pre>
      <pre tabIndex={0} aria-label="The headers it was sent with">
        {lines.join('\n')}
      </pre>
    </>
  );
}
