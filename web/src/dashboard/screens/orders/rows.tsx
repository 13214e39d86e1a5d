import type { RefObject, VNode } from 'preact';
import { useEffect, useImperativeHandle, useRef, useState } from 'preact/hooks';
import type { SalesOrderSort } from '../../../../generated/documents';
import type { OrderList, Row } from '../../order-list';
import { Link, Money, Status, Time, useMedia } from '../../parts/basics';
import type { Column } from './columns';

export interface RowsHandle {
  /** Nobody points at the rows, works in them or has scrolled down: new ones may push them along. */
  isIdle: () => boolean;
  move: (by: number) => void;
  toTop: () => void;
}

interface Props {
  handle: RefObject<RowsHandle | null>;
  list: OrderList;
  columns: Column[];
  sort: SalesOrderSort;
  total: number | undefined;
  sortBy: (sort: SalesOrderSort) => void;
}

/** Pixels: each row has the same height, so that only those in sight need be drawn. */
const HEIGHT = { wide: 34, narrow: 62 };
/** Rows drawn above and below those in sight. */
const BEYOND = 12;
const NUMBER_WIDTH = 140;
const NARROW_COLUMNS = 3;

export function Rows({ handle, list, columns, sort, total, sortBy }: Props): VNode {
  const isNarrow = useMedia('(max-width: 700px)');
  const height = isNarrow ? HEIGHT.narrow : HEIGHT.wide;
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 800 });
  const [active, setActive] = useState<string>();
  const wantsFocus = useRef<string | undefined>(undefined);

  const measure = (): void => {
    if (box.current) setSeen({ top: box.current.scrollTop, height: box.current.clientHeight });
  };
  useEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const first = Math.max(Math.floor(seen.top / height) - BEYOND, 0);
  const last = Math.min(Math.ceil((seen.top + seen.height) / height) + BEYOND, list.rows.length);
  useEffect(() => {
    if (last >= list.rows.length - BEYOND) list.more();
  }, [last, list.rows.length, list.isLoading]);

  useEffect(() => {
    if (wantsFocus.current === undefined) return;
    // The effect of an earlier drawing may come first, in which the row is not the active one yet.
    const row = box.current?.querySelector<HTMLElement>('tr[data-active]');
    if (row?.dataset['active'] !== wantsFocus.current) return;
    wantsFocus.current = undefined;
    row.querySelector('a')?.focus({ preventScroll: true });
  });

  useImperativeHandle(handle, () => ({
    isIdle: () => {
      const rows = box.current;
      return !rows || (rows.scrollTop === 0 && !rows.matches(':hover') && !rows.contains(document.activeElement));
    },
    toTop: () => box.current?.scrollTo({ top: 0 }),
    move: (by) => {
      const rows = list.rows;
      const present = rows.findIndex(({ order }) => order.orderNumber === active);
      const next = Math.min(Math.max(present < 0 ? 0 : present + by, 0), rows.length - 1);
      const number = rows[next]?.order.orderNumber;
      if (number === undefined || !box.current) return;
      const { scrollTop, clientHeight } = box.current;
      const head = box.current.querySelector('thead')?.clientHeight ?? 0;
      const top = next * height;
      if (top < scrollTop) box.current.scrollTop = top;
      if (top + height > scrollTop + clientHeight - head) box.current.scrollTop = top + height - clientHeight + head;
      measure();
      // Where it is the active one already, as after a click elsewhere, nothing is drawn anew.
      const link = box.current.querySelector<HTMLElement>(`tr[data-active="${CSS.escape(number)}"] a`);
      link?.focus({ preventScroll: true });
      wantsFocus.current = link ? undefined : number;
      setActive(number);
    },
  }));

  const width = NUMBER_WIDTH + columns.reduce((sum, column) => sum + column.width, 0);
  const drawn = list.rows.slice(first, last);
  return (
    <div
      ref={box}
      class={`rows ${isNarrow ? 'narrow' : ''}`}
      role="region"
      aria-label="List of orders"
      aria-busy={list.isLoading}
      tabIndex={0}
      onScroll={measure}
    >
      <table aria-rowcount={total === undefined ? -1 : total + 1} style={isNarrow ? {} : { minWidth: `${width}px` }}>
        <thead>
          <tr aria-rowindex={1}>
            <Head label="Order" by="ORDER_NUMBER" sort={sort} sortBy={sortBy} width={isNarrow ? undefined : NUMBER_WIDTH} />
            {isNarrow ? (
              <>
                <Head label="Received" by="CREATED_AT" sort={sort} sortBy={sortBy} />
                <th scope="col" class="number">
                  Amount
                </th>
              </>
            ) : (
              columns.map(({ id, label, sort: by, isNumber, width }) => (
                <Head key={id} label={label} by={by} sort={sort} sortBy={sortBy} isNumber={isNumber} width={width} />
              ))
            )}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} height={height} columns={isNarrow ? NARROW_COLUMNS : columns.length + 1} />
          {drawn.map((row, index) => (
            <OneRow
              key={row.order.orderNumber}
              row={row}
              index={first + index}
              columns={columns}
              isNarrow={isNarrow}
              isActive={row.order.orderNumber === active}
            />
          ))}
          <Space rows={list.rows.length - last} height={height} columns={isNarrow ? NARROW_COLUMNS : columns.length + 1} />
        </tbody>
      </table>
      {list.isLoading && <p class="quiet loading">Reading orders …</p>}
    </div>
  );
}

/** What stands for rows that are out of sight. */
function Space({ rows, height, columns }: { rows: number; height: number; columns: number }): VNode | null {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" style={{ height: `${rows * height}px` }}>
      <td colSpan={columns} />
    </tr>
  );
}

interface HeadProps {
  label: string;
  by?: Column['sort'];
  sort: SalesOrderSort;
  sortBy: Props['sortBy'];
  isNumber?: boolean | undefined;
  width?: number | undefined;
}

function Head({ label, by, sort, sortBy, isNumber, width }: HeadProps): VNode {
  const style = width === undefined ? {} : { width: `${width}px` };
  if (!by) {
    return (
      <th scope="col" class={isNumber ? 'number' : ''} style={style}>
        {label}
      </th>
    );
  }
  const direction = sort === `${by}_DESC` ? 'descending' : sort === `${by}_ASC` ? 'ascending' : 'none';
  return (
    <th scope="col" aria-sort={direction} style={style}>
      <button type="button" onClick={() => sortBy(direction === 'descending' ? `${by}_ASC` : `${by}_DESC`)}>
        {label}
      </button>
    </th>
  );
}

interface OneRowProps {
  row: Row;
  index: number;
  columns: Column[];
  isNarrow: boolean;
  isActive: boolean;
}

function OneRow({ row: { order, isNew, isGone }, index, columns, isNarrow, isActive }: OneRowProps): VNode {
  const link = <Link to={`/orders/${encodeURIComponent(order.orderNumber)}`}>{order.orderNumber}</Link>;
  return (
    <tr
      aria-rowindex={index + 2}
      data-active={isActive ? order.orderNumber : undefined}
      class={`${isNew ? 'new' : ''} ${isGone ? 'gone' : ''}`}
      title={isGone ? 'It no longer meets the conditions' : undefined}
    >
      <th scope="row">
        {link}
        {isGone && <span class="unseen">, no longer meets the conditions</span>}
        {isNarrow && <span class="second">{order.customerCode}</span>}
      </th>
      {isNarrow ? (
        <>
          <td>
            <Time at={order.createdAt} />
            <span class="second">
              <Status status={order.status} />
            </span>
          </td>
          <td class="number">
            <Money amount={order.totalAmount} currency={order.currency} />
          </td>
        </>
      ) : (
        columns.map(({ id, cell, text, isNumber }) => (
          <td key={id} class={isNumber ? 'number' : ''} title={text?.(order) ?? undefined}>
            {cell(order)}
          </td>
        ))
      )}
    </tr>
  );
}
