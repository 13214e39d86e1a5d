import type { VNode } from 'preact';
import { Clients, type ClientFacts } from '../../../generated/documents';
import { words } from '../format';
import { Heading, Link, Or, Time, Trouble, useNow } from '../parts/basics';
import { More } from '../parts/more';
import { usePages } from '../paged';
import { askAs } from '../session';

/** Every client with what an operator looks after: keys that end, and when each was last heard of. */
export function Partners(): VNode {
  const list = usePages('clients', async (after) => {
    const { nodes, pageInfo } = (await askAs(Clients, { after })).clients;
    return { items: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
  return (
    <div class="screen">
      <Heading title="Partners" />
      {list.refusal && <Trouble refusal={list.refusal} again={list.again} />}
      <div class="scrolls" tabIndex={0} role="region" aria-label="Partners and other clients">
        <table class="plain list">
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Name</th>
              <th scope="col">May</th>
              <th scope="col">Keys</th>
              <th scope="col">Last used</th>
              <th scope="col">Signatures</th>
            </tr>
          </thead>
          <tbody>
            {list.items.map((client) => (
              <tr key={client.clientId}>
                <th scope="row">
                  <Link to={`/partners/${encodeURIComponent(client.clientId)}`}>{client.clientId}</Link>
                  {client.status === 'DISABLED' && <small class="bad">disabled</small>}
                </th>
                <td>{client.name}</td>
                <td>{client.scopes.join(', ')}</td>
                <td>
                  <Keys client={client} />
                </td>
                <td>{lastUse(client) ? <Time at={lastUse(client) as string} /> : <Or value={null} />}</td>
                <td>{words(client.signaturePolicy)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <More list={list} />
    </div>
  );
}

const DAY = 86_400_000;
/** Milliseconds before its end from which on a key is pointed out. */
const SOON = 14 * DAY;

function Keys({ client: { keys } }: { client: ClientFacts }): VNode {
  const now = useNow(60_000);
  const active = keys.filter(({ status }) => status === 'ACTIVE');
  if (active.length === 0) return <span class="quiet">{keys.length === 0 ? 'none' : 'none active'}</span>;
  const ends = active.map(({ expiresAt }) => expiresAt).filter((end) => end !== null);
  // While one key goes on without an end, the end of another stops nobody.
  const [last] = ends.length === active.length ? ends.sort().reverse() : [];
  return (
    <>
      {active.length} active
      {last && (
        <small class={Date.parse(last) - now < SOON ? 'bad' : 'quiet'}>
          until <Time at={last} />
        </small>
      )}
    </>
  );
}

/** When a key or a secret of the client was last used. */
export function lastUse({ keys, secrets }: ClientFacts): string | undefined {
  return [...keys, ...secrets]
    .map(({ lastUsedAt }) => lastUsedAt)
    .filter((at) => at !== null)
    .sort()
    .at(-1);
}
