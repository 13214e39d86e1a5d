import type { VNode } from 'preact';
import { Inbox as Waiting, type InboxAnswer, type SalesOrderFilter } from '../../../generated/documents';
import { useAnswer, useLive } from '../asked';
import { where } from '../filter';
import { number, words } from '../format';
import { Age, Heading, Link, Money, Trouble } from '../parts/basics';
import { go, usePlace } from '../router';
import { Asked } from './order/requests';

/** Milliseconds between two questions while orders come in. */
const PAUSE = 1_000;
/** The oldest of each kind; the list has the others. */
const FIRST = 10;
const KEY = 'dashboard:system';

/** What waits for a person: the oldest first. */
export function Inbox(): VNode {
  const { query } = usePlace();
  const system = query.get('system') ?? localStorage.getItem(KEY) ?? 'erp';
  return (
    <div class="screen">
      <Heading title="Inbox" />
      <Kind title="To be confirmed" query={new URLSearchParams({ status: 'RECEIVED' })} />
      <Kind title="Requests to answer" query={new URLSearchParams({ request_state: 'PENDING' })} withRequests />
      <Kind title={`Not acknowledged by ${system}`} query={new URLSearchParams({ not_acknowledged_by: system })}>
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            const name = String(new FormData(event.currentTarget).get('system') ?? '').trim();
            if (!name) return;
            localStorage.setItem(KEY, name);
            go('/inbox', new URLSearchParams({ system: name }));
          }}
        >
          <label>
            System <input name="system" key={system} defaultValue={system} maxLength={64} size={12} spellcheck={false} />
          </label>
          <button type="submit">Show</button>
        </form>
      </Kind>
    </div>
  );
}

interface KindProps {
  title: string;
  query: URLSearchParams;
  withRequests?: boolean;
  children?: VNode;
}

function Kind({ title, query, withRequests = false, children }: KindProps): VNode {
  const filter = where(query) as SalesOrderFilter;
  const answer = useAnswer(Waiting, { where: filter, first: FIRST, withRequests });
  useLive(answer, PAUSE);
  const { data, refusal } = answer;
  const count = data?.summary.totals.orders;
  const list = new URLSearchParams(query);
  list.set('order_by', 'created_at_asc');
  return (
    <section class="card" aria-label={title}>
      <div class="heading">
        <h2>
          {title}
          {count !== undefined && <span class="count">{number(count)}</span>}
        </h2>
        {children}
      </div>
      {refusal && <Trouble refusal={refusal} isAskedAgain again={answer.again} />}
      {!data && !refusal && <p class="quiet">Reading …</p>}
      {data && data.oldest.nodes.length === 0 && <p class="quiet">Nothing waits.</p>}
      <ul class="waiting-list">
        {data?.oldest.nodes.map((order) => (
          <li key={order.orderNumber}>
            <OneWaiting order={order} />
          </li>
        ))}
      </ul>
      {count !== undefined && count > FIRST && (
        <p>
          <Link to="/orders" query={list}>
            All {number(count)} in the list
          </Link>
        </p>
      )}
    </section>
  );
}

type Order = InboxAnswer['oldest']['nodes'][number];

function OneWaiting({ order }: { order: Order }): VNode {
  const pending = order.requests?.find(({ state }) => state === 'PENDING');
  return (
    <>
      <Link to={`/orders/${encodeURIComponent(order.orderNumber)}`}>{order.orderNumber}</Link>
      <span class="age">
        <Age since={pending?.requestedAt ?? order.createdAt} />
      </span>
      <span class="whose" title={`${order.clientId}, ${order.customerCode}`}>
        <bdi>{order.clientId}</bdi>, <bdi>{order.customerCode}</bdi>
      </span>
      <Money amount={order.totalAmount} currency={order.currency} />
      {pending && (
        <div class="pending">
          <p>
            {words(pending.kind)} {pending.requestNumber}: {words(pending.reason).toLowerCase()}
          </p>
          {pending.note && <p class="text quiet">{pending.note}</p>}
          <Asked request={pending} order={undefined} />
        </div>
      )}
    </>
  );
}
