import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { Order, type OrderDetails } from '../../../generated/documents';
import { useAnswer, useLive } from '../asked';
import { number } from '../format';
import { Day, Heading, Link, Money, Or, Status, Time, Trouble } from '../parts/basics';
import { readsRequests } from '../request-filter';
import { may } from '../session';
import { Acknowledgements } from './order/acknowledgements';
import { Conflict } from './order/conflict';
import { Lines } from './order/lines';
import { NextSteps } from './order/next-steps';
import { Receipt } from './order/receipt';
import { Requests } from './order/requests';
import { Shipments } from './order/shipments';
import { Timeline } from './order/timeline';

/** What each part of the screen needs to change the order. */
export interface Changing {
  order: OrderDetails;
  /** Without the scope there is nothing to press. */
  mayManage: boolean;
  done: () => void;
  conflict: (read: OrderDetails) => void;
  /** Shows the order as it was read for as long as somebody decides about it. */
  hold: (read: OrderDetails | undefined) => void;
}

/** Milliseconds between two readings while much happens to the order. */
const PAUSE = 500;

export function OneOrder({ orderNumber }: { orderNumber: string }): VNode {
  const answer = useAnswer(Order, { orderNumber, withReceipt: may('orders:read') });
  useLive(answer, PAUSE, (event) => event.orderNumber === orderNumber);
  const [read, setRead] = useState<OrderDetails>();
  const [held, hold] = useState<OrderDetails>();
  const order = answer.data?.salesOrder;
  const conflict = (seen: OrderDetails): void => {
    setRead(seen);
    answer.again();
  };
  // An order that changes under an open dialog would take the dialog away, with what was typed there.
  const shown = held?.orderNumber === orderNumber ? held : order;
  const changing = shown && { order: shown, mayManage: may('orders:manage'), done: answer.again, conflict, hold };
  return (
    <div class="screen">
      <p class="back">
        <Link to="/orders">Orders</Link>
      </p>
      <Heading title={orderNumber}>
        {order && readsRequests() && (
          <Link to="/requests" query={new URLSearchParams({ order_number: orderNumber })}>
            Its requests
          </Link>
        )}
        {order && <Status status={order.status} />}
      </Heading>
      {answer.refusal && <Trouble refusal={answer.refusal} isAskedAgain again={answer.again} />}
      {!answer.data && !answer.refusal && <p class="quiet">Reading the order …</p>}
      {answer.data && !order && <p>There is no order with this number that you may read.</p>}
      {read && order && order.version !== read.version && (
        <Conflict read={read} now={order} close={() => setRead(undefined)} />
      )}
      {changing && (
        <>
          <NextSteps {...changing} />
          <Requests {...changing} />
          <div class="columns">
            <div>
              <Facts order={changing.order} />
              <Lines {...changing} />
              <Shipments {...changing} />
              <Acknowledgements {...changing} />
              {answer.data?.salesOrder?.receipt && (
                <Receipt receipt={answer.data.salesOrder.receipt} clientId={changing.order.clientId} />
              )}
            </div>
            <Timeline events={changing.order.events} />
          </div>
        </>
      )}
    </div>
  );
}

function Facts({ order }: { order: OrderDetails }): VNode {
  return (
    <section class="card">
      <h2>Order</h2>
      <dl class="facts">
        <dt>Partner</dt>
        <dd>
          <Link to="/orders" query={new URLSearchParams({ client_id: order.clientId })}>
            {order.clientId}
          </Link>
        </dd>
        <dt>Partner's number</dt>
        <dd>
          <Or value={order.partnerReference} />
        </dd>
        <dt>Customer</dt>
        <dd>{order.customerCode}</dd>
        <dt>Site</dt>
        <dd>{order.siteCode}</dd>
        <dt>Sales person</dt>
        <dd>{order.salesName}</dd>
        <dt>Address</dt>
        <dd class="text">{order.address}</dd>
        <dt>Note</dt>
        <dd class="text">
          <Or value={order.note} />
        </dd>
        <dt>Delivery asked for</dt>
        <dd>{order.requestedDeliveryDate ? <Day at={order.requestedDeliveryDate} /> : <Or value={null} />}</dd>
        <dt>In all</dt>
        <dd>
          {number(order.totalQuantity)} pieces, <Money amount={order.totalAmount} currency={order.currency} />
        </dd>
        <dt>Received</dt>
        <dd>
          <Time at={order.createdAt} isLong />
        </dd>
        <dt>Changed</dt>
        <dd>
          <Time at={order.updatedAt} isLong />, version {order.version}
        </dd>
      </dl>
    </section>
  );
}
