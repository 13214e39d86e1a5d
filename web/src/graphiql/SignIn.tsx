import { useState, type FormEvent, type ReactElement } from 'react';
import { authorization, GRAPHQL } from './fetcher';
import { change, useSession, type Session } from './session';

const LOGIN = `mutation LogIn($input: LoginInput!) {
  login(input: $input) { token expiredAt }
}`;
const VIEWER = `{ viewer { name scopes } }`;

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string }[];
}

async function ask<Data>(query: string, variables: object, headers: object = {}): Promise<Data> {
  const answer = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await answer.json()) as Answer<Data>;
  if (errors?.[0] || !data) throw new Error(errors?.[0]?.message ?? `The service answered ${answer.status}.`);
  return data;
}

async function logIn(clientId: string, clientSecret: string): Promise<Session> {
  const { login } = await ask<{ login: { token: string; expiredAt: number } }>(LOGIN, {
    input: { clientId, clientSecret },
  });
  return { clientId, token: login.token, expiresAt: new Date(login.expiredAt * 1000) };
}

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
    const { viewer } = await ask<{ viewer: { scopes: string[] } }>(VIEWER, {}, authorization());
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
