import type { VNode } from 'preact';
import { RecordDelivery, RecordShipment, type OrderDetails } from '../../../../generated/documents';
import { number } from '../../format';
import { Action, Field } from '../../parts/action';
import { Or, Time } from '../../parts/basics';
import { askAs } from '../../session';
import type { Changing } from '../order';

/** What of each line may leave: what is confirmed and has not left yet. */
function ready({ products }: OrderDetails): { lineNo: number; productCode: string; left: number }[] {
  return products
    .map(({ lineNo, productCode, answer }) => ({
      lineNo,
      productCode,
      left: answer ? answer.confirmedQuantity - answer.shippedQuantity : 0,
    }))
    .filter(({ left }) => left > 0);
}

export function Shipments({ order, mayManage, done, conflict, hold }: Changing): VNode | null {
  const mayShip = mayManage && ready(order).length > 0;
  if (order.shipments.length === 0 && !mayShip) return null;
  return (
    <section class="card">
      <div class="heading">
        <h2>Shipments</h2>
        {mayShip && (
          <Action
            label="Record a shipment"
            order={order}
            done={done}
            conflict={conflict}
            hold={hold}
            fields={(read) => <ShipmentFields order={read} />}
            run={(entered, read) =>
              askAs(RecordShipment, {
                input: {
                  orderNumber: read.orderNumber,
                  shipmentNumber: entered.text('number') ?? '',
                  carrier: entered.text('carrier'),
                  trackingNumber: entered.text('tracking'),
                  lines: ready(read)
                    .map(({ lineNo }) => ({ lineNo, quantity: entered.number(`quantity-${lineNo}`) }))
                    .filter(({ quantity }) => quantity > 0),
                },
              })
            }
          />
        )}
      </div>
      {order.shipments.length === 0 && <p class="quiet">None has left yet.</p>}
      {order.shipments.map(({ shipmentNumber, carrier, trackingNumber, shippedAt, deliveredAt, lines }) => (
        <article key={shipmentNumber} class="shipment">
          <h3>{shipmentNumber}</h3>
          <p class="quiet">
            <Or value={[carrier, trackingNumber].filter(Boolean).join(', ')} />; left <Time at={shippedAt} />
            {deliveredAt ? (
              <>
                , arrived <Time at={deliveredAt} />
              </>
            ) : (
              ', on its way'
            )}
          </p>
          <p>{lines.map(({ lineNo, quantity }) => `${number(quantity)} of line ${lineNo}`).join(', ')}</p>
          {mayManage && !deliveredAt && (
            <Action
              label="It arrived"
              title={`Shipment ${shipmentNumber} arrived`}
              order={order}
              done={done}
              conflict={conflict}
              hold={hold}
              run={(_, read) => askAs(RecordDelivery, { input: { orderNumber: read.orderNumber, shipmentNumber } })}
            />
          )}
        </article>
      ))}
    </section>
  );
}

function ShipmentFields({ order }: { order: OrderDetails }): VNode {
  return (
    <>
      <Field label="Number of the shipment">
        <input name="number" required maxLength={64} />
      </Field>
      <Field label="Carrier">
        <input name="carrier" maxLength={64} />
      </Field>
      <Field label="Tracking number">
        <input name="tracking" maxLength={64} />
      </Field>
      {ready(order).map(({ lineNo, productCode, left }) => (
        <Field key={lineNo} label={`Quantity of line ${lineNo}, ${productCode}, at most ${number(left)}`}>
          <input type="number" name={`quantity-${lineNo}`} min={0} max={left} defaultValue={String(left)} />
        </Field>
      ))}
    </>
  );
}
