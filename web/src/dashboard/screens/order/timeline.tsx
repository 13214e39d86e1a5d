import type { VNode } from 'preact';
import type { OrderEvent } from '../../../../generated/documents';
import { number, words } from '../../format';
import { Time } from '../../parts/basics';

/** What happened to the order, the newest first. */
export function Timeline({ events }: { events: OrderEvent[] }): VNode {
  return (
    <section class="card">
      <h2>Life of the order</h2>
      <ol class="timeline">
        {[...events].reverse().map((event) => (
          <li key={event.id} class={event.kind.toLowerCase()}>
            <p>
              <strong>{title(event)}</strong>
            </p>
            <p class="quiet">
              <Time at={event.createdAt} isLong />
              {event.actor && ` by ${event.actor}`}
            </p>
            <Details event={event} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function title({ kind, status, previousStatus, shipment, request, system }: OrderEvent): string {
  switch (kind) {
    case 'CREATED':
      return 'Received';
    case 'STATUS_CHANGED':
      return `${words(previousStatus ?? '')} → ${words(status ?? '').toLowerCase()}`;
    case 'LINES_CONFIRMED':
      return 'Lines answered';
    case 'SHIPMENT_RECORDED':
      return `Shipment ${shipment?.shipmentNumber} left`;
    case 'SHIPMENT_DELIVERED':
      return `Shipment ${shipment?.shipmentNumber} arrived`;
    case 'REQUEST_RECEIVED':
      return `${words(request?.kind ?? '')} asked for (${request?.requestNumber})`;
    case 'REQUEST_ANSWERED':
      return `${words(request?.kind ?? '')} ${words(request?.state ?? '').toLowerCase()} (${request?.requestNumber})`;
    case 'ORDER_CHANGED':
      return 'Changed as the partner asked';
    case 'ACKNOWLEDGED':
      return `Taken over by ${system ?? 'a system'}`;
    case 'PERSONAL_DATA_ERASED':
      return 'Personal data erased';
  }
}

function Details({ event: { lines, changes, note, partnerNote, externalNumber, request } }: { event: OrderEvent }): VNode {
  return (
    <>
      {lines && (
        <ul>
          {lines.map(({ lineNo, answer }) => (
            <li key={lineNo}>
              Line {lineNo}: {number(answer.confirmedQuantity)} confirmed
              {answer.backOrderedQuantity > 0 && `, ${number(answer.backOrderedQuantity)} later`}
              {answer.rejectedQuantity > 0 && `, ${number(answer.rejectedQuantity)} rejected`}
              {answer.cancelledQuantity > 0 && `, ${number(answer.cancelledQuantity)} cancelled`}
            </li>
          ))}
        </ul>
      )}
      {changes && (
        <ul>
          {changes.map(({ field, lineNo, before, after }, index) => (
            <li key={index}>
              {words(field)}
              {lineNo !== null && ` of line ${lineNo}`}: <del>{before ?? 'nothing'}</del> <ins>{after ?? 'nothing'}</ins>
            </li>
          ))}
        </ul>
      )}
      {request?.answerReason && <p>{words(request.answerReason)}</p>}
      {externalNumber && <p>Number there: {externalNumber}</p>}
      {partnerNote && <p class="text">To the partner: {partnerNote}</p>}
      {note && <p class="text">For us: {note}</p>}
    </>
  );
}
