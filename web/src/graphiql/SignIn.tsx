import { useState, type FormEvent, type ReactElement } from 'react';
import { ask, logIn, type Session } from '../api';
import { Viewer } from '../../generated/documents';
import { authorization } from './fetcher';
import { change, useSession } from './session';

export function SignIn(): ReactElement {
  const { session } = useSession();
  return (
    <section className="panel">
      <h2>Sign in</h2>
      {session ? <SignedIn session={session} /> : <SignInForm />}
      <p className="quiet">
        Token and secret stay in this page&apos;s memory and are gone when you reload it. To create orders, load a key in
        the panel &quot;Signing key&quot; as well.
      </p>
    </section>
  );
}

function SignInForm(): ReactElement {
  const [message, setMessage] = useState('');
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const field = (name: string): string => String(new FormData(form).get(name) ?? '').trim();
    setBusy(true);
    setMessage('');
    try {
      const session = await logIn(field('client-id'), field('client-secret'));
      change({ session });
    } catch (error) {
      setMessage(error instanceof Error ? error.message : 'The service cannot be reached.');
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} autoComplete="off">
      <label>
        Client id
        <input name="client-id" required autoComplete="off" spellCheck={false} />
      </label>
      <label>
        Client secret
        <input name="client-secret" type="password" required autoComplete="off" />
      </label>
      <button type="submit" disabled={isBusy}>
        Sign in
      </button>
      <p role="alert" className="bad">
        {message}
      </p>
    </form>
  );
}

function SignedIn({ session }: { session: Session }): ReactElement {
  const [scopes, setScopes] = useState('');

  async function show(): Promise<void> {
    const { viewer } = await ask(Viewer, {}, authorization());
    setScopes(viewer.scopes.join(', ') || 'none');
  }

  return (
    <>
      <p role="status">
        Signed in as <strong>{session.clientId}</strong> until {session.expiresAt.toLocaleTimeString()}. Every operation
        now carries the token.
      </p>
      {scopes && <p>Scopes: {scopes}</p>}
      <button type="button" onClick={() => void show()}>
        Show scopes
      </button>
      <button type="button" onClick={() => change({ session: undefined, signed: undefined })}>
        Sign out
      </button>
    </>
  );
}
