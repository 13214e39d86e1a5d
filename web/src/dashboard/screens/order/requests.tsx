import type { VNode } from 'preact';
import { AnswerRequest, type OrderDetails, type Request, type SalesOrderRefusalReason } from '../../../../generated/documents';
import { day, number, words } from '../../format';
import { Action, Field } from '../../parts/action';
import { Age, Time } from '../../parts/basics';
import { askAs } from '../../session';
import type { Changing } from '../order';

const REASONS: SalesOrderRefusalReason[] = ['IN_PREPARATION', 'ALREADY_SHIPPED', 'MADE_TO_ORDER', 'NOT_AGREED', 'OTHER'];

/** What the partner asked for, with what it would change; the one that waits can be answered here. */
export function Requests({ order, mayManage, done, conflict, hold }: Changing): VNode | null {
  if (order.requests.length === 0) return null;
  return (
    <section class="card" aria-label="Requests of the partner">
      <h2>Requests of the partner</h2>
      {order.requests.map((request) => (
        <article key={request.requestNumber} class={`request ${request.state.toLowerCase()}`}>
          <h3>
            {words(request.kind)} {request.requestNumber}: {words(request.state).toLowerCase()}
          </h3>
          <p class="quiet">
            {words(request.reason)}; asked <Time at={request.requestedAt} />
            {request.state === 'PENDING' && (
              <>
                , waits for <Age since={request.requestedAt} />
              </>
            )}
          </p>
          {request.note && <p class="text">{request.note}</p>}
          <Asked request={request} order={order} />
          {request.answeredAt && (
            <p class="quiet">
              Settled <Time at={request.answeredAt} />
              {request.answerReason && `: ${words(request.answerReason).toLowerCase()}`}
            </p>
          )}
          {request.answerNote && <p class="text">{request.answerNote}</p>}
          {mayManage && request.state === 'PENDING' && (
            <div class="buttons">
              <Answer decision="ACCEPT" request={request} order={order} done={done} conflict={conflict} hold={hold} />
              <Answer decision="REJECT" request={request} order={order} done={done} conflict={conflict} hold={hold} />
            </div>
          )}
        </article>
      ))}
    </section>
  );
}

interface AnswerProps extends Omit<Changing, 'mayManage'> {
  decision: 'ACCEPT' | 'REJECT';
  request: Request;
}

export function Answer({ decision, request, order, done, conflict, hold }: AnswerProps): VNode {
  const isReject = decision === 'REJECT';
  return (
    <Action
      label={isReject ? 'Reject' : 'Accept'}
      title={`${isReject ? 'Reject' : 'Accept'} the ${words(request.kind).toLowerCase()} of ${order.orderNumber}`}
      isFirst={!isReject}
      order={order}
      done={done}
      conflict={conflict}
      hold={hold}
      run={(entered, read) =>
        askAs(AnswerRequest, {
          input: {
            orderNumber: read.orderNumber,
            requestNumber: request.requestNumber,
            decision,
            reason: isReject ? (entered.text('reason') as SalesOrderRefusalReason) : null,
            note: entered.text('note'),
            expectedVersion: read.version,
          },
        })
      }
      fields={() => (
        <>
          <Asked request={request} order={order} />
          {isReject && (
            <Field label="Reason">
              <select name="reason" required>
                {REASONS.map((reason) => (
                  <option key={reason} value={reason}>
                    {words(reason)}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <Field label="Note for the partner">
            <textarea name="note" rows={2} maxLength={1000} />
          </Field>
        </>
      )}
    />
  );
}

/** What would be another if it were accepted. */
export function Asked({ request, order }: { request: Request; order: OrderDetails | undefined }): VNode {
  const { change, lines, kind } = request;
  if (kind === 'CANCELLATION' && !lines) return <p>The whole order is to be cancelled.</p>;
  const product = (lineNo: number): string => {
    const line = order?.products.find((one) => one.lineNo === lineNo);
    return line ? `Line ${lineNo}, ${line.productCode}` : `Line ${lineNo}`;
  };
  const quantity = (lineNo: number): string => {
    const line = order?.products.find((one) => one.lineNo === lineNo);
    return line ? number(line.quantity) : '';
  };
  const rows: [string, string, string][] = [];
  for (const { lineNo, cancelledQuantity } of lines ?? []) {
    rows.push([product(lineNo), quantity(lineNo), `${number(cancelledQuantity)} of it cancelled`]);
  }
  if (change?.address) rows.push(['Address', order?.address ?? '', change.address]);
  if (change?.requestedDeliveryDate) {
    const present = order?.requestedDeliveryDate;
    rows.push(['Delivery asked for', present ? day(present) : '', day(change.requestedDeliveryDate)]);
  }
  for (const line of change?.changedLines ?? []) rows.push([product(line.lineNo), quantity(line.lineNo), number(line.quantity)]);
  for (const { lineNo } of change?.removedLines ?? []) rows.push([product(lineNo), quantity(lineNo), 'no longer wanted']);
  for (const line of change?.addedLines ?? []) {
    rows.push([`New line, ${line.productCode}`, '', `${number(line.quantity)} ${line.unit ?? ''}`]);
  }
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="What is asked for">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">What</th>
            {order && <th scope="col">Is</th>}
            <th scope="col">Asked for</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([what, is, asked]) => (
            <tr key={what}>
              <th scope="row">{what}</th>
              {order && <td>{is}</td>}
              <td>{asked}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
