import type { VNode } from 'preact';
import type { Endpoint } from '../../../../generated/documents';
import { number, words } from '../../format';
import { Age, Link, Or, Time } from '../../parts/basics';

export function endpointPath({ clientId, name }: Endpoint): string {
  return `/webhooks/${encodeURIComponent(clientId)}/${encodeURIComponent(name)}`;
}

/** How an endpoint fares, in a word or two. */
export function Health({ endpoint: { state, failingSince, restUntil } }: { endpoint: Endpoint }): VNode {
  if (state !== 'ACTIVE') return <span class={state === 'PENDING' ? 'quiet' : 'bad'}>{words(state)}</span>;
  if (!failingSince) return <span class="good">Active</span>;
  return (
    <span class="bad">
      Fails for <Age since={failingSince} />
      {restUntil && (
        <>
          , rests until <Time at={restUntil} />
        </>
      )}
    </span>
  );
}

export function Parked({ endpoint: { parked } }: { endpoint: Endpoint }): VNode {
  const counts: [string, number][] = [
    ['sent again', parked.retrying],
    ['behind them', parked.waiting],
    ['not taken', parked.exhausted],
  ];
  const said = counts.filter(([, count]) => count > 0).map(([name, count]) => `${number(count)} ${name}`);
  return <Or value={said.join(', ')} />;
}

export function EndpointTable({ endpoints }: { endpoints: Endpoint[] }): VNode {
  if (endpoints.length === 0) return <p class="quiet">There is no endpoint.</p>;
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Endpoints of webhooks">
      <table class="plain list">
        <thead>
          <tr>
            <th scope="col">Endpoint</th>
            <th scope="col">Client</th>
            <th scope="col">State</th>
            <th scope="col">Held up</th>
            <th scope="col">URL</th>
          </tr>
        </thead>
        <tbody>
          {endpoints.map((endpoint) => (
            <tr key={`${endpoint.clientId}/${endpoint.name}`}>
              <th scope="row">
                <Link to={endpointPath(endpoint)}>{endpoint.name}</Link>
              </th>
              <td>{endpoint.clientId}</td>
              <td>
                <Health endpoint={endpoint} />
              </td>
              <td>
                <Parked endpoint={endpoint} />
              </td>
              <td>{endpoint.url}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
