import type { VNode } from 'preact';
import { AuditLog } from '../../../generated/documents';
import { words } from '../format';
import { Heading, Link, Time, Trouble } from '../parts/basics';
import { More } from '../parts/more';
import { usePages } from '../paged';
import { go, usePlace } from '../router';
import { askAs } from '../session';

const PAGE = 50;

export function Audit(): VNode {
  const { query } = usePlace();
  const clientId = query.get('client_id');
  return (
    <div class="screen">
      <Heading title="Audit log">
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            const id = String(new FormData(event.currentTarget).get('client') ?? '').trim();
            go('/audit', new URLSearchParams(id ? { client_id: id } : {}));
          }}
        >
          <label>
            Client <input name="client" key={clientId} defaultValue={clientId ?? ''} maxLength={64} spellcheck={false} />
          </label>
          <button type="submit">Show</button>
        </form>
      </Heading>
      <AuditEntries clientId={clientId} first={PAGE} />
    </div>
  );
}

/** Changes to clients and their webhooks, the newest first. */
export function AuditEntries({ clientId, first }: { clientId: string | null; first: number }): VNode {
  const list = usePages(clientId ?? '', async (after) => {
    const { nodes, pageInfo } = (await askAs(AuditLog, { clientId, after, first })).clientAuditLog;
    return { items: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
  });
  return (
    <>
      {list.refusal && <Trouble refusal={list.refusal} again={list.again} />}
      {list.items.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Entries of the audit log">
          <table class="plain list">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col">Client</th>
                <th scope="col">By</th>
                <th scope="col">Details</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map((entry) => (
                <tr key={entry.id}>
                  <th scope="row">
                    <Time at={entry.createdAt} isLong />
                  </th>
                  <td>{words(entry.action)}</td>
                  <td>
                    <Link to={`/partners/${encodeURIComponent(entry.clientId)}`}>{entry.clientId}</Link>
                  </td>
                  <td>
                    {entry.actor}
                    <small class="quiet">
                      {entry.via === 'CLI' ? 'command line' : 'API'}, {entry.host}
                    </small>
                  </td>
                  <td>
                    {entry.detail.map(({ name, value }) => (
                      <div key={name}>
                        <span class="quiet">{name}</span> {value}
                      </div>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More list={list} nothing="Nothing was changed." />
    </>
  );
}
