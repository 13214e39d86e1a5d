import type { VNode } from 'preact';
import { SetStatus, type OrderStatus } from '../../../../generated/documents';
import { words } from '../../format';
import { Action, Field } from '../../parts/action';
import { askAs } from '../../session';
import type { Changing } from '../order';

const DOES: Record<OrderStatus, string> = {
  RECEIVED: 'Receive',
  CONFIRMED: 'Confirm',
  SHIPPED: 'Set to shipped',
  DELIVERED: 'Set to delivered',
  CANCELLED: 'Cancel',
};

/** What may be done with the whole order next. */
export function NextSteps({ order, mayManage, done, conflict, hold }: Changing): VNode | null {
  if (!mayManage || order.nextStatuses.length === 0) return null;
  return (
    <section class="steps" aria-label="Next steps">
      {order.nextStatuses.map((status, index) => (
        <Action
          key={status}
          label={DOES[status]}
          title={`${DOES[status]} ${order.orderNumber}`}
          isFirst={index === 0 && status !== 'CANCELLED'}
          order={order}
          done={done}
          conflict={conflict}
          hold={hold}
          run={(entered, read) =>
            askAs(SetStatus, {
              input: {
                orderNumber: read.orderNumber,
                status,
                expectedVersion: read.version,
                note: entered.text('note'),
                partnerNote: entered.text('partner-note'),
              },
            })
          }
          fields={(read) => (
            <>
              <p>
                From {words(read.status).toLowerCase()} to {words(status).toLowerCase()}, with all of its lines.
              </p>
              <Field label="Reason, for the partner to read">
                <textarea name="partner-note" rows={2} maxLength={1000} />
              </Field>
              <Field label="Reason, for us alone">
                <textarea name="note" rows={2} maxLength={1000} />
              </Field>
            </>
          )}
        />
      ))}
    </section>
  );
}
