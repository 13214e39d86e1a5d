import type { RefObject, VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { OrderTotals } from '../../../generated/documents';
import { announce } from '../announce';
import { useAnswer, useLive } from '../asked';
import { exported, orderBy, where } from '../filter';
import { number } from '../format';
import { OrderList } from '../order-list';
import { Amounts } from '../parts/amounts';
import { Heading, Trouble } from '../parts/basics';
import { useKeys } from '../parts/shortcuts';
import { go, usePlace } from '../router';
import { useStore } from '../store';
import { type Column, ColumnPicker, useColumns } from './orders/columns';
import { Export } from './orders/export';
import { FilterBar } from './orders/filter-bar';
import { Rows, type RowsHandle } from './orders/rows';
import { useViews, ViewMenu } from './orders/views';

/** Milliseconds between two questions for the figures while orders come in. */
const FIGURES = 1_000;

export function Orders(): VNode {
  const { query } = usePlace();
  // What the list depends on; anything else in the address leaves it as it is.
  const key = exported(query).toString();
  const [views, isOpening] = useViews(query);
  const [columns, setColumns] = useColumns(query);
  return (
    <div class="screen fills">
      <Heading title="Orders">
        <div class="tools">
          <ViewMenu query={query} views={views} columns={columns.map(({ id }) => id)} />
          <Export query={query} />
        </div>
      </Heading>
      <FilterBar query={query} change={(next) => go('/orders', asking(next))} />
      {isOpening ? <p class="quiet">Reading your views …</p> : <List key={key} query={query} columns={columns} setColumns={setColumns} />}
    </div>
  );
}

/** An address that asks for something: one that asks for nothing is that of the default view. */
function asking(query: URLSearchParams): URLSearchParams {
  return query.size > 0 ? query : new URLSearchParams({ order_by: orderBy(query).toLowerCase() });
}

interface ListProps {
  query: URLSearchParams;
  columns: Column[];
  setColumns: (ids: string[]) => void;
}

function List({ query, columns, setColumns }: ListProps): VNode {
  const filter = useMemo(() => where(query), []);
  const sort = orderBy(query);
  const handle = useRef<RowsHandle>(null);
  const list = useMemo(() => new OrderList(filter, sort, () => handle.current?.isIdle() ?? true), []);
  useEffect(() => () => list.close(), [list]);
  useStore(list.version);
  const figures = useAnswer(OrderTotals, { where: filter });
  useLive(figures, FIGURES);
  const totals = figures.data?.salesOrderSummary.totals;
  useNewsOf(list);
  useKeys({
    j: () => handle.current?.move(1),
    k: () => handle.current?.move(-1),
    n: () => showNews(list, handle),
    '/': () => document.querySelector<HTMLInputElement>('input[name="search"]')?.focus(),
  });

  return (
    <>
      <div class="figures-line">
        {totals ? (
          <p>
            <strong data-figure="orders">{number(totals.orders)}</strong> {totals.orders === 1 ? 'order' : 'orders'},{' '}
            {number(totals.lines)} {totals.lines === 1 ? 'line' : 'lines'}
            {totals.amounts.length > 0 && (
              <>
                , <Amounts amounts={totals.amounts} />
              </>
            )}
          </p>
        ) : (
          !figures.refusal && <p class="quiet">Adding up …</p>
        )}
        <ColumnPicker columns={columns} change={setColumns} />
      </div>
      {figures.refusal && <Trouble refusal={figures.refusal} isAskedAgain again={figures.again} />}
      <News list={list} handle={handle} />
      {list.refusal && <Trouble refusal={list.refusal} isAskedAgain again={() => list.reload()} />}
      {list.rows.length === 0 && !list.isLoading && !list.refusal ? (
        <p class="nothing">No order meets every condition.</p>
      ) : (
        <Rows
          handle={handle}
          list={list}
          columns={columns}
          sort={sort}
          total={totals?.orders}
          sortBy={(next) => {
            const changed = new URLSearchParams(query);
            changed.set('order_by', next.toLowerCase());
            go('/orders', changed);
          }}
        />
      )}
    </>
  );
}

/** What came in while somebody reads: told, and put in when wanted. */
function News({ list, handle }: { list: OrderList; handle: RefObject<RowsHandle | null> }): VNode | null {
  const count = list.fresh.size;
  if (count === 0 && !list.isStale) return null;
  return (
    <button type="button" class="news" onClick={() => showNews(list, handle)}>
      {list.isStale ? 'Many orders changed: read the list anew' : `${number(count)} new: show`}
    </button>
  );
}

function showNews(list: OrderList, handle: RefObject<RowsHandle | null>): void {
  list.show();
  handle.current?.toTop();
}

/** Tells a screen reader of new orders, not more often than it can be listened to. */
function useNewsOf(list: OrderList): void {
  const count = list.fresh.size + list.rows.reduce((sum, { cursor }) => sum + (cursor === undefined ? 1 : 0), 0);
  const told = useRef(0);
  useEffect(() => {
    if (count > told.current) announce(count - told.current === 1 ? 'One new order' : `${count - told.current} new orders`);
    told.current = count;
  }, [count]);
}
