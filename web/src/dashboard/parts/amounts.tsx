import type { VNode } from 'preact';
import type { Figures } from '../../../generated/documents';
import { Money } from './basics';

/** Sums by currency: sums of different currencies are never one figure. */
export function Amounts({ amounts }: { amounts: Figures['amounts'] }): VNode {
  if (amounts.length === 0) return <span class="quiet">no amount</span>;
  return (
    <>
      {amounts.map(({ currency, amount }, index) => (
        <span key={currency}>
          {index > 0 && ' + '}
          <Money amount={amount} currency={currency} />
        </span>
      ))}
    </>
  );
}
