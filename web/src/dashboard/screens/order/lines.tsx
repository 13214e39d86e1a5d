import type { VNode } from 'preact';
import { ConfirmLines, type OrderDetails, type SalesOrderLineReason } from '../../../../generated/documents';
import { day, number, words } from '../../format';
import { Action } from '../../parts/action';
import type { Entered } from '../../parts/entered';
import { Money, Or } from '../../parts/basics';
import { askAs } from '../../session';
import type { Changing } from '../order';

type Line = OrderDetails['products'][number];

const REASONS: SalesOrderLineReason[] = [
  'OUT_OF_STOCK',
  'DISCONTINUED',
  'NOT_IN_ASSORTMENT',
  'UNKNOWN_PRODUCT',
  'WRONG_UNIT',
  'PRICE_DIFFERS',
  'QUANTITY_LIMITED',
  'DATE_CHANGED',
  'OTHER',
];

/** The quantities of an answer, with the words for them. */
function quantities(line: Line): [string, number][] {
  const { answer } = line;
  if (!answer) return [['open', line.quantity]];
  const all: [string, number][] = [
    ['open', answer.openQuantity],
    ['confirmed', answer.confirmedQuantity],
    ['shipped of it', answer.shippedQuantity],
    ['later', answer.backOrderedQuantity],
    ['rejected', answer.rejectedQuantity],
    ['cancelled', answer.cancelledQuantity],
  ];
  return all.filter(([, quantity]) => quantity > 0);
}

export function Lines({ order, mayManage, done, conflict, hold }: Changing): VNode {
  const isOpen = !['DELIVERED', 'CANCELLED'].includes(order.status);
  return (
    <section class="card">
      <div class="heading">
        <h2>Lines</h2>
        {mayManage && isOpen && (
          <Action
            label="Answer lines"
            title={`Answer the lines of ${order.orderNumber}`}
            order={order}
            done={done}
            conflict={conflict}
            hold={hold}
            fields={(read) => <Answers order={read} />}
            run={(entered, read) =>
              askAs(ConfirmLines, {
                input: {
                  orderNumber: read.orderNumber,
                  expectedVersion: read.version,
                  lines: read.products.filter(isAnswerable).map((line) => answerTo(line, entered)),
                },
              })
            }
          />
        )}
      </div>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Lines of the order">
        <table class="plain lines">
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Product</th>
              <th scope="col" class="number">
                Ordered
              </th>
              <th scope="col" class="number">
                Price
              </th>
              <th scope="col">Answer</th>
            </tr>
          </thead>
          <tbody>
            {order.products.map((line) => (
              <tr key={line.lineNo}>
                <th scope="row">{line.lineNo}</th>
                <td>
                  {line.productCode}
                  <small class="quiet">
                    <Or value={[line.productName, line.reference, line.note].filter(Boolean).join('; ')} />
                  </small>
                </td>
                <td class="number">
                  {number(line.quantity)} {line.unit}
                </td>
                <td class="number">
                  <Money amount={line.unitPrice} currency={order.currency} />
                </td>
                <td>
                  {quantities(line)
                    .map(([name, quantity]) => `${number(quantity)} ${name}`)
                    .join(', ')}
                  {line.answer?.promisedOn && `, for ${day(line.answer.promisedOn)}`}
                  {line.answer?.reason && <small class="quiet">{words(line.answer.reason)}</small>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What is cancelled as a whole takes no answer. */
function isAnswerable({ quantity, answer }: Line): boolean {
  return !answer || answer.cancelledQuantity < quantity;
}

function answerTo({ lineNo }: Line, entered: Entered) {
  return {
    lineNo,
    confirmedQuantity: entered.number(`confirmed-${lineNo}`),
    backOrderedQuantity: entered.number(`later-${lineNo}`),
    rejectedQuantity: entered.number(`rejected-${lineNo}`),
    promisedOn: entered.text(`promised-${lineNo}`),
    reason: entered.text(`reason-${lineNo}`) as SalesOrderLineReason | null,
  };
}

/** One row of fields a line: as it is answered, or all of it confirmed where nothing was said. */
function Answers({ order }: { order: OrderDetails }): VNode {
  return (
    <div class="answers">
      {order.products.filter(isAnswerable).map(({ lineNo, productCode, quantity, answer }) => {
        const isNew = !answer || answer.openQuantity > 0;
        const left = quantity - (answer?.cancelledQuantity ?? 0);
        const later = answer?.backOrderedQuantity ?? 0;
        const rejected = answer?.rejectedQuantity ?? 0;
        return (
          <fieldset key={lineNo}>
            <legend>
              Line {lineNo}, {productCode}: {number(left)}
            </legend>
            {(
              [
                ['confirmed', 'Confirmed', isNew ? left - later - rejected : answer.confirmedQuantity],
                ['later', 'Later', later],
                ['rejected', 'Rejected', rejected],
              ] as [string, string, number][]
            ).map(([name, label, value]) => (
              <label key={name}>
                {label}
                <input type="number" name={`${name}-${lineNo}`} min={0} max={1_000_000} defaultValue={String(value)} />
              </label>
            ))}
            <label>
              Promised for
              <input type="date" name={`promised-${lineNo}`} defaultValue={answer?.promisedOn ?? ''} />
            </label>
            <label>
              Reason
              <select name={`reason-${lineNo}`}>
                <option value="">none</option>
                {REASONS.map((reason) => (
                  <option key={reason} value={reason} selected={answer?.reason === reason}>
                    {words(reason)}
                  </option>
                ))}
              </select>
            </label>
          </fieldset>
        );
      })}
    </div>
  );
}
