import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Refusal } from '../../../api';
import { EndSession, type ClientFacts } from '../../../../generated/documents';
import { announce } from '../../announce';
import { refusalOf } from '../../asked';
import { time } from '../../format';
import { Or, Time, Trouble } from '../../parts/basics';
import { askAs, may } from '../../session';

/** The browsers in which a person is signed in. */
export function Sessions({ client: { clientId, sessions }, again }: { client: ClientFacts; again: () => void }): VNode {
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  const end = (session: string): void => {
    setBusy(true);
    setRefusal(undefined);
    askAs(EndSession, { input: { clientId, session } })
      .then(
        () => announce('The session has ended'),
        (error: unknown) => setRefusal(refusalOf(error)),
      )
      .finally(() => {
        setBusy(false);
        again();
      });
  };
  return (
    <section class="card">
      <h2>Browser sessions</h2>
      <p class="quiet">A session that is ended gives no token any more; the last one that it gave ends within 10 minutes.</p>
      {refusal && <Trouble refusal={refusal} />}
      {sessions.length === 0 && <p class="quiet">The person is signed in nowhere.</p>}
      {sessions.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Browser sessions of the person">
          <table class="plain list">
            <thead>
              <tr>
                <th scope="col">Signed in</th>
                <th scope="col">Last used</th>
                <th scope="col">Until</th>
                <th scope="col">From</th>
                <th scope="col">Browser</th>
                {may('clients:manage') && (
                  <th scope="col">
                    <span class="unseen">End it</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {sessions.map(({ name, createdAt, lastUsedAt, expiresAt, network, userAgent }) => (
                <tr key={name}>
                  <th scope="row">
                    <Time at={createdAt} />
                  </th>
                  <td>
                    <Time at={lastUsedAt} />
                  </td>
                  <td>
                    <Time at={expiresAt} />
                  </td>
                  <td>{network}</td>
                  <td>
                    <Or value={userAgent} />
                  </td>
                  {may('clients:manage') && (
                    <td>
                      <button
                        type="button"
                        disabled={isBusy}
                        aria-label={`End the session from ${network} in ${userAgent ?? 'an unknown browser'}, signed in ${time(createdAt, true)}`}
                        onClick={() => end(name)}
                      >
                        End
                      </button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
