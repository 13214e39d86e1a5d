import { useState, type ChangeEvent, type ReactElement } from 'react';
import { change, useSession, type Signed } from './session';
import { loadKey } from './signing-key';

export function KeyPanel(): ReactElement {
  const { session, key, isBodyBound, signed } = useSession();
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
        With a key, every operation that contains <code>createSalesOrder</code> is sent with X-CLIENT-ID, X-TIMESTAMP and
        X-SIGNATURE. The key does not leave this browser.
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
      <label className="switch">
        <input
          type="checkbox"
          checked={isBodyBound}
          onChange={(event) => change({ isBodyBound: event.currentTarget.checked })}
        />
        Bind the body
      </label>
      <p className="quiet">
        Off: <code>client_id|timestamp</code> is signed. On: <code>POST:/graphql:sha256(body):timestamp</code>, which
        makes the signature worthless for any other body.
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
