import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ErrorGroup } from '../../../../generated/documents';
import { number } from '../../format';
import { Code, Link, Sentence, Time } from '../../parts/basics';
import { may } from '../../session';

/** So many are shown at first. */
const FIRST = 5;

interface Props {
  groups: ErrorGroup[];
  /** The filter that they are within. */
  within: URLSearchParams;
}

/** Failures of one cause each: a click shows the requests. */
export function ErrorGroups({ groups, within }: Props): VNode {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? groups : groups.slice(0, FIRST);
  return (
    <>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Failures by cause">
        <table class="plain list causes">
          <thead>
            <tr>
              <th scope="col">Cause</th>
              <th scope="col">What to do about it</th>
              <th scope="col" class="number">
                Requests
              </th>
              {may('clients:read') && (
                <th scope="col" class="number">
                  Clients
                </th>
              )}
              <th scope="col">Last</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((group) => (
              <tr key={[group.code, group.hint, group.status, group.route].join(' ')}>
                <th scope="row">
                  <Link to="/requests" query={requestsOf(group, within)}>
                    {group.code ? <Code name={group.code} /> : `Status ${group.status}`}
                  </Link>
                  <small class="quiet">
                    {group.hint && `${group.hint}, `}
                    {group.status}, {group.route}
                  </small>
                </th>
                <td>{group.explanation && <Sentence text={group.explanation} />}</td>
                <td class="number">{number(group.count)}</td>
                {may('clients:read') && <td class="number">{number(group.clients)}</td>}
                <td>
                  <Link to="/requests/entry" query={new URLSearchParams({ request_id: group.lastRequestId })}>
                    <Time at={group.lastAt} />
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {groups.length > shown.length && (
        <p>
          <button type="button" class="plain" onClick={() => setWhole(true)}>
            All {number(groups.length)} causes
          </button>
        </p>
      )}
    </>
  );
}

/** Exactly the requests of the group: what it has no code or hint of is asked for by `none`. */
function requestsOf({ code, hint, route, status }: ErrorGroup, within: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams(within);
  query.delete('outcome');
  query.set('code', code ?? 'none');
  query.set('hint', hint ?? 'none');
  query.set('route', route);
  query.set('status', String(status));
  return query;
}
