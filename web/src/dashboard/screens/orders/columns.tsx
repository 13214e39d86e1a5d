import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { OrderRow } from '../../../../generated/documents';
import { decimal, number } from '../../format';
import { Day, Money, Or, Status, Time } from '../../parts/basics';

export interface Column {
  id: string;
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
  { id: 'status', label: 'Status', width: 106, isDefault: true, cell: ({ status }) => <Status status={status} /> },
  {
    id: 'received',
    label: 'Received',
    sort: 'CREATED_AT',
    width: 118,
    isDefault: true,
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
  { id: 'changed', label: 'Changed', sort: 'UPDATED_AT', width: 118, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
  text('partner', 'Partner', 146, ({ clientId }) => clientId, true),
  text('customer', 'Customer', 102, ({ customerCode }) => customerCode, true),
  text('site', 'Site', 88, ({ siteCode }) => siteCode, true),
  text('sales', 'Sales person', 124, ({ salesName }) => salesName, true),
  text('reference', "Partner's number", 150, ({ partnerReference }) => partnerReference),
  {
    id: 'delivery',
    label: 'Delivery',
    width: 120,
    cell: ({ requestedDeliveryDate }) => (requestedDeliveryDate ? <Day at={requestedDeliveryDate} /> : <Or value={null} />),
  },
  {
    id: 'quantity',
    label: 'Quantity',
    isNumber: true,
    width: 84,
    isDefault: true,
    cell: ({ totalQuantity }) => <>{number(totalQuantity)}</>,
    text: ({ totalQuantity }) => number(totalQuantity),
  },
  {
    id: 'amount',
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
  label: string,
  width: number,
  value: (order: OrderRow) => string | null,
  isDefault = false,
): Column {
  return { id, label, width, isDefault, cell: (order) => <Or value={value(order)} />, text: value };
}

const KEY = 'dashboard:columns';

/** Which columns are shown; the browser remembers it. */
export function useColumns(): [Column[], (ids: string[]) => void] {
  const [ids, setIds] = useState(() => {
    const kept = localStorage.getItem(KEY)?.split(' ');
    return kept ?? COLUMNS.filter(({ isDefault }) => isDefault).map(({ id }) => id);
  });
  const change = (next: string[]): void => {
    localStorage.setItem(KEY, next.join(' '));
    setIds(next);
  };
  return [COLUMNS.filter(({ id }) => ids.includes(id)), change];
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
