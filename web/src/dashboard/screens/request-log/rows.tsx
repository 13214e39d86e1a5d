import type { RefObject, VNode } from 'preact';
import type { RequestRow } from '../../../../generated/documents';
import { milliseconds, number } from '../../format';
import { Code, Link, Or, Time } from '../../parts/basics';
import { keyOf, type RequestList } from '../../request-list';
import { may } from '../../session';

export function RequestRows({ list, box }: { list: RequestList; box: RefObject<HTMLDivElement | null> }): VNode {
  const isOfAll = may('clients:read');
  return (
    <div ref={box} class="scrolls" tabIndex={0} role="region" aria-label="Requests" aria-busy={list.isLoading}>
      <table class="plain list requests">
        <thead>
          <tr>
            <th scope="col">Answered</th>
            {isOfAll && <th scope="col">Client</th>}
            <th scope="col">Request</th>
            <th scope="col">Answer</th>
            <th scope="col">Order</th>
            <th scope="col" class="number">
              ms
            </th>
          </tr>
        </thead>
        <tbody>
          {list.rows.map((entry) => (
            <tr key={keyOf(entry)} class={list.arrived.has(keyOf(entry)) ? 'new' : ''}>
              <th scope="row">
                <Link to="/requests/entry" query={new URLSearchParams({ request_id: entry.requestId })}>
                  <Time at={entry.at} isLong />
                </Link>
              </th>
              {isOfAll && (
                <td>
                  <Sender entry={entry} />
                </td>
              )}
              <td>
                {entry.method} {entry.operation ?? entry.route}
                {entry.row !== null && <small class="quiet">order {number(entry.row)} of a batch</small>}
              </td>
              <td>
                <Answer entry={entry} />
              </td>
              <td>
                <About entry={entry} />
              </td>
              <td class="number">{milliseconds(entry.durationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Sender({ entry: { clientId, isProven } }: { entry: RequestRow }): VNode {
  return (
    <>
      <Or value={clientId} />
      {clientId !== null && !isProven && <small class="quiet">not proven</small>}
    </>
  );
}

export function Answer({ entry: { status, code, hint, replayed } }: { entry: RequestRow }): VNode {
  return (
    <>
      <span class={status < 400 ? 'good' : 'bad'}>
        {status} {code && <Code name={code} />}
      </span>
      {hint && <small class="quiet">{hint}</small>}
      {replayed && <small class="quiet">answered again</small>}
    </>
  );
}

export function About({ entry: { orderNumber, partnerReference } }: { entry: RequestRow }): VNode {
  return (
    <>
      {orderNumber ? <Link to={`/orders/${encodeURIComponent(orderNumber)}`}>{orderNumber}</Link> : <Or value={null} />}
      {partnerReference && <small class="quiet">{partnerReference}</small>}
    </>
  );
}
