import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { OrderRow, SalesOrderColumn } from '../../../../generated/documents';
import { withValues } from '../../filter';
import { decimal, number } from '../../format';
import { Day, Money, Or, Status, Time } from '../../parts/basics';
import { go } from '../../router';

export interface Column {
  id: string;
  /** Its name in a saved view. */
  saved: SalesOrderColumn;
  label: string;
  /** What the service can sort by it. */
  sort?: 'CREATED_AT' | 'UPDATED_AT' | 'ORDER_NUMBER';
  isNumber?: boolean;
  /** Pixels. */
  width: number;
  isDefault?: boolean;
  cell: (order: OrderRow) => VNode;
  /** The whole text, where the cell may be too narrow for it. */
  text?: (order: OrderRow) => string | null;
}

/** Every column but the order's number, which always comes first. */
export const COLUMNS: Column[] = [
  { id: 'status', saved: 'STATUS', label: 'Status', width: 106, isDefault: true, cell: ({ status }) => <Status status={status} /> },
  {
    id: 'received',
    saved: 'CREATED_AT',
    label: 'Received',
    sort: 'CREATED_AT',
    width: 118,
    isDefault: true,
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
  { id: 'changed', saved: 'UPDATED_AT', label: 'Changed', sort: 'UPDATED_AT', width: 118, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
  text('partner', 'CLIENT_ID', 'Partner', 146, ({ clientId }) => clientId, true),
  text('customer', 'CUSTOMER_CODE', 'Customer', 102, ({ customerCode }) => customerCode, true),
  text('site', 'SITE_CODE', 'Site', 88, ({ siteCode }) => siteCode, true),
  text('sales', 'SALES_NAME', 'Sales person', 124, ({ salesName }) => salesName, true),
  text('reference', 'PARTNER_REFERENCE', "Partner's number", 150, ({ partnerReference }) => partnerReference),
  {
    id: 'delivery',
    saved: 'REQUESTED_DELIVERY_DATE',
    label: 'Delivery',
    width: 120,
    cell: ({ requestedDeliveryDate }) => (requestedDeliveryDate ? <Day at={requestedDeliveryDate} /> : <Or value={null} />),
  },
  {
    id: 'quantity',
    saved: 'TOTAL_QUANTITY',
    label: 'Quantity',
    isNumber: true,
    width: 84,
    isDefault: true,
    cell: ({ totalQuantity }) => <>{number(totalQuantity)}</>,
    text: ({ totalQuantity }) => number(totalQuantity),
  },
  {
    id: 'amount',
    saved: 'TOTAL_AMOUNT',
    label: 'Amount',
    isNumber: true,
    width: 146,
    isDefault: true,
    cell: ({ totalAmount, currency }) => <Money amount={totalAmount} currency={currency} />,
    text: ({ totalAmount, currency }) => totalAmount && `${decimal(totalAmount)} ${currency}`,
  },
];

function text(
  id: string,
  saved: SalesOrderColumn,
  label: string,
  width: number,
  value: (order: OrderRow) => string | null,
  isDefault = false,
): Column {
  return { id, saved, label, width, isDefault, cell: (order) => <Or value={value(order)} />, text: value };
}

const KEY = 'dashboard:columns';

/** The columns by the names that a saved view has for them. */
export const columnsOf = (saved: SalesOrderColumn[]): string[] => COLUMNS.filter((column) => saved.includes(column.saved)).map(({ id }) => id);

/** The names that a saved view has for columns. */
export const named = (ids: string[]): SalesOrderColumn[] => COLUMNS.filter(({ id }) => ids.includes(id)).map(({ saved }) => saved);

const withIds = (ids: string[]): Column[] => COLUMNS.filter(({ id }) => ids.includes(id));

/** Which columns are shown: those that the address asks for, as that of a saved view does, or else what the browser remembers. */
export function useColumns(query: URLSearchParams): [Column[], (ids: string[]) => void] {
  const [kept, setKept] = useState(() => {
    return localStorage.getItem(KEY)?.split(' ') ?? [];
  });
  const asked = query.get('columns')?.split(',');
  const change = (next: string[]): void => {
    if (asked) return go('/orders', withValues(query, 'columns', [withIds(next).map(({ id }) => id).join()]), true);
    localStorage.setItem(KEY, next.join(' '));
    setKept(next);
  };
  const columns = withIds(asked ?? kept);
  return [columns.length > 0 ? columns : COLUMNS.filter(({ isDefault }) => isDefault), change];
}

export function ColumnPicker({ columns, change }: { columns: Column[]; change: (ids: string[]) => void }): VNode {
  const shown = columns.map(({ id }) => id);
  return (
    <details class="menu">
      <summary>Columns</summary>
      <fieldset>
        <legend>Columns of the list</legend>
        {COLUMNS.map(({ id, label }) => (
          <label key={id} class="check">
            <input
              type="checkbox"
              checked={shown.includes(id)}
              // A view without columns would be one with the list's own.
              disabled={shown.length === 1 && shown[0] === id}
              onChange={({ currentTarget }) =>
                change(currentTarget.checked ? [...shown, id] : shown.filter((other) => other !== id))
              }
            />
            {label}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
