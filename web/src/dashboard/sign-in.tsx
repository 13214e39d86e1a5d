import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { refusalOf } from './asked';
import { PROVIDER, signInAddress } from './person';
import { ended, signIn, signInByBrowser } from './session';
import { useStore } from './store';

export function SignIn(): VNode {
  const [message, setMessage] = useState('');
  const [isBusy, setBusy] = useState(false);
  const why = useStore(ended);
  useEffect(() => {
    document.title = 'Sign in · Dashboard · Sales Order API';
    // Who has just been signed out is not signed in again.
    if (!ended.get()) signInByBrowser().catch((error: unknown) => setMessage(refusalOf(error).message));
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setMessage('');
    try {
      await signIn(String(fields.get('client-id')).trim(), String(fields.get('client-secret')).trim());
    } catch (error) {
      setMessage(refusalOf(error).message);
      setBusy(false);
    }
  }

  return (
    <main class="sign-in">
      <h1>Sign in</h1>
      {why && (
        <p class="trouble" role="alert">
          {why}
        </p>
      )}
      {PROVIDER && (
        <p>
          <a class="first" href={signInAddress()}>
            Sign in with {PROVIDER}
          </a>
        </p>
      )}
      <form onSubmit={(event) => void submit(event)} autoComplete="off">
        <label>
          Client id
          <input name="client-id" required autoComplete="off" spellcheck={false} />
        </label>
        <label>
          Client secret
          <input name="client-secret" type="password" required autoComplete="off" />
        </label>
        <button type="submit" class="first" disabled={isBusy}>
          Sign in
        </button>
        <p role="alert" class="bad">
          {message}
        </p>
      </form>
      <p class="quiet">
        With a client that an operator made for you. What it may do is what you see here. The secret is not kept; the token
        it brings is kept in this tab, also when the browser opens the tab again: sign out before you leave.
      </p>
    </main>
  );
}
