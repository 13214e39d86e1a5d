/** What of an order became another between two readings of it. */
import type { OrderDetails } from '../../../../generated/documents';
import { decimal, number, time, words } from '../../format';

export interface Difference {
  label: string;
  read: string;
  now: string;
}

const NOTHING = 'nothing';

/** Every part of an order that somebody may have decided by, as a text. */
function parts(order: OrderDetails): Map<string, string> {
  const found = new Map<string, string>([
    ['Status', words(order.status)],
    ['Address', order.address],
    ['Delivery asked for', order.requestedDeliveryDate ?? NOTHING],
    ['Quantity', number(order.totalQuantity)],
    ['Amount', order.totalAmount === null ? 'no price' : `${decimal(order.totalAmount)} ${order.currency}`],
  ]);
  for (const { lineNo, productCode, quantity, answer } of order.products) {
    found.set(`Line ${lineNo}`, `${productCode}, ${number(quantity)}`);
    found.set(`Answer to line ${lineNo}`, answer ? answered(answer) : 'not answered');
  }
  for (const { shipmentNumber, shippedAt, deliveredAt } of order.shipments) {
    found.set(`Shipment ${shipmentNumber}`, deliveredAt ? `arrived ${time(deliveredAt)}` : `left ${time(shippedAt)}`);
  }
  for (const { requestNumber, kind, state } of order.requests) {
    found.set(`Request ${requestNumber}`, `${words(kind)}, ${words(state).toLowerCase()}`);
  }
  return found;
}

type Answer = NonNullable<OrderDetails['products'][number]['answer']>;

function answered(answer: Answer): string {
  const quantities: [string, number][] = [
    ['open', answer.openQuantity],
    ['confirmed', answer.confirmedQuantity],
    ['later', answer.backOrderedQuantity],
    ['rejected', answer.rejectedQuantity],
    ['cancelled', answer.cancelledQuantity],
    ['shipped', answer.shippedQuantity],
  ];
  const said = quantities.filter(([, quantity]) => quantity > 0).map(([name, quantity]) => `${number(quantity)} ${name}`);
  if (answer.promisedOn) said.push(`for ${answer.promisedOn}`);
  return said.join(', ');
}

export function differences(read: OrderDetails, now: OrderDetails): Difference[] {
  const before = parts(read);
  const after = parts(now);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((label) => ({ label, read: before.get(label) ?? NOTHING, now: after.get(label) ?? NOTHING }))
    .filter(({ read, now }) => read !== now);
}
