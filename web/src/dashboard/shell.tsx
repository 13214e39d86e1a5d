import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { announced } from './announce';
import { liveState, SAYS } from './live';
import { ZONE } from './format';
import { Link } from './parts/basics';
import { Shortcuts } from './parts/shortcuts';
import { usePlace } from './router';
import { SCREENS, screenAt } from './screens';
import { leave, may, session } from './session';
import { SignIn } from './sign-in';
import { useStore } from './store';

export function Shell(): VNode {
  const signedIn = useStore(session);
  return signedIn ? <SignedInShell name={signedIn.name} clientId={signedIn.clientId} /> : <SignIn />;
}

function SignedInShell({ name, clientId }: { name: string; clientId: string }): VNode {
  const { path } = usePlace();
  const first = useRef(true);
  useEffect(() => {
    // The page as it opens keeps the browser's own focus; from then on it is where the reading begins.
    if (!first.current) document.getElementById('heading')?.focus();
    first.current = false;
  }, [path]);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        To the content
      </a>
      <div class="side">
        <nav aria-label="Dashboard">
          <ul>
            {SCREENS.filter(({ name, scopes }) => name && (!scopes || scopes.some(may))).map(({ path, name }) => (
              <li key={path}>
                <Link to={path}>{name}</Link>
              </li>
            ))}
          </ul>
        </nav>
        <div class="who">
          <Live />
          <p title={clientId}>{name}</p>
          <p>
            <button type="button" class="plain" onClick={() => void leave()}>
              Sign out
            </button>
          </p>
          <Shortcuts />
          <p class="quiet">Times in {ZONE}</p>
        </div>
      </div>
      <main id="content" tabIndex={-1}>
        <Shown path={path} />
      </main>
      <Announcements />
    </div>
  );
}

function Shown({ path }: { path: string }): VNode {
  const found = screenAt(path);
  if (!found) {
    return (
      <div class="screen">
        <h1 id="heading" tabIndex={-1}>
          There is no such screen
        </h1>
        <p>
          <Link to="/">To the overview</Link>
        </p>
      </div>
    );
  }
  const { screen, parts } = found;
  const Screen = screen.show;
  return <Screen key={path} {...parts} />;
}

function Live(): VNode {
  const state = useStore(liveState);
  return <p class={`live ${state}`}>{SAYS[state]}</p>;
}

function Announcements(): VNode {
  const text = useStore(announced);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {text}
    </p>
  );
}
