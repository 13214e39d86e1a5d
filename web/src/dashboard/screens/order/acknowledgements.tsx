import type { VNode } from 'preact';
import { Acknowledge } from '../../../../generated/documents';
import { Action, Field } from '../../parts/action';
import { Or, Time } from '../../parts/basics';
import { askAs } from '../../session';
import type { Changing } from '../order';

/** Which systems have taken the order over. */
export function Acknowledgements({ order, mayManage, done, conflict, hold }: Changing): VNode {
  return (
    <section class="card">
      <div class="heading">
        <h2>Taken over by</h2>
        {mayManage && (
          <Action
            label="Acknowledge"
            title={`Acknowledge ${order.orderNumber}`}
            order={order}
            done={done}
            conflict={conflict}
            hold={hold}
            run={(entered, read) =>
              askAs(Acknowledge, {
                input: {
                  orderNumber: read.orderNumber,
                  system: entered.text('system') ?? '',
                  externalNumber: entered.text('external'),
                },
              })
            }
            fields={() => (
              <>
                <Field label="System, such as erp">
                  <input name="system" required maxLength={64} />
                </Field>
                <Field label="Number of the order in that system">
                  <input name="external" maxLength={64} />
                </Field>
              </>
            )}
          />
        )}
      </div>
      {order.acknowledgements.length === 0 ? (
        <p class="quiet">No system has acknowledged the order.</p>
      ) : (
        <dl class="facts">
          {order.acknowledgements.map(({ system, externalNumber, actor, createdAt }, index) => (
            <div key={index}>
              <dt>{system ?? 'A system'}</dt>
              <dd>
                <Or value={externalNumber} />, <Time at={createdAt} />
                {actor && <span class="quiet"> by {actor}</span>}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
