import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Figures, Groups, SalesOrderFilter, SummaryDimension } from '../../../../generated/documents';
import { decimal, number } from '../../format';
import { Link } from '../../parts/basics';
import { go } from '../../router';

type Group = Groups['groups'][number];

interface Measure {
  label: string;
  of: (figures: Figures) => string;
}

const HEIGHT = 200;
const MARGIN = { top: 8, right: 8, bottom: 22, left: 52 };
const GAP = 0.25;

/** What can be drawn: orders, quantities, and the value in each currency that there is. */
function measures(groups: Group[]): Record<string, Measure> {
  const currencies = new Set(groups.flatMap(({ figures }) => figures.amounts.map(({ currency }) => currency)));
  const found: Record<string, Measure> = {
    orders: { label: 'Orders', of: ({ orders }) => String(orders) },
    quantity: { label: 'Quantity', of: ({ quantity }) => String(quantity) },
  };
  for (const currency of [...currencies].sort()) {
    const of = ({ amounts }: Figures): string => amounts.find((one) => one.currency === currency)?.amount ?? '0';
    found[currency] = { label: `Value in ${currency}`, of };
  }
  return found;
}

interface Props {
  present: Group[];
  /** For each of them the one before; none where there is none. */
  before: (Group | undefined)[];
  by: SummaryDimension;
  /** What is drawn; the first and the last bar may stand for a part of their hour or week. */
  within: SalesOrderFilter;
}

/** A bar for each span of time, a mark for the same one before, and the same as a table. */
export function Chart({ present, before, by, within }: Props): VNode {
  const [name, setName] = useState('orders');
  const all = measures([...present, ...before.filter((group) => group !== undefined)]);
  const measure = all[name] ?? (all['orders'] as Measure);
  return (
    <figure class="chart">
      <div class="legend">
        <label>
          <span class="unseen">What is drawn</span>
          <select value={name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
            {Object.entries(all).map(([key, { label }]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <span class="key now">now</span>
        <span class="key then">the period before</span>
      </div>
      <Bars present={present} before={before} by={by} within={within} measure={measure} />
      <details>
        <summary>As a table</summary>
        <div class="scrolls" tabIndex={0} role="region" aria-label="The chart as a table">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" class="number">
                  {measure.label}
                </th>
                <th scope="col" class="number">
                  Before
                </th>
              </tr>
            </thead>
            <tbody>
              {present.map((group, index) => (
                <tr key={group.keys[0]?.value}>
                  <th scope="row">
                    <Link to="/orders" query={listOf(group, within)}>
                      {label(group, by, true)}
                    </Link>
                  </th>
                  <td class="number">{decimal(measure.of(group.figures))}</td>
                  <td class="number quiet">{before[index] ? decimal(measure.of(before[index].figures)) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

/** The list of the orders of a bar. */
function listOf({ keys }: Group, { createdAt }: SalesOrderFilter): URLSearchParams {
  const instants = (bar: string | null | undefined, edge: string | null | undefined): string[] =>
    [bar, edge].filter((one) => one != null).sort((one, other) => Date.parse(one) - Date.parse(other));
  return new URLSearchParams({
    created_at_gte: instants(keys[0]?.from, createdAt?.gte).at(-1) ?? '',
    created_at_lt: instants(keys[0]?.to, createdAt?.lt)[0] ?? '',
  });
}

const HOUR: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const DAY: Intl.DateTimeFormatOptions = { day: '2-digit', month: 'short' };

function label({ keys }: Group, by: SummaryDimension, isLong = false): string {
  const [key] = keys;
  if (!key?.from) return key?.value ?? '';
  const options = by !== 'HOUR' ? DAY : isLong ? { ...DAY, ...HOUR } : HOUR;
  return new Intl.DateTimeFormat(undefined, isLong && by !== 'HOUR' ? { ...options, weekday: 'short' } : options).format(
    new Date(key.from),
  );
}

/** A round number that is no smaller. */
function ceiling(value: number): number {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact' });

function Bars({ present, before, by, within, measure }: Props & { measure: Measure }): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  // A picture needs no exact figures; the table has them.
  const values = present.map(({ figures }) => Number(measure.of(figures)));
  const earlier = before.map((group) => group && Number(measure.of(group.figures)));
  const top = ceiling(Math.max(...values, ...earlier.map((was) => was ?? 0), 1));
  const inner = { width: Math.max(width - MARGIN.left - MARGIN.right, 0), height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const step = inner.width / Math.max(present.length, 1);
  const y = (value: number): number => MARGIN.top + inner.height * (1 - value / top);
  const every = Math.max(Math.ceil(present.length / Math.max(Math.floor(inner.width / 64), 1)), 1);
  const total = measure.label === 'Orders' ? values.reduce((sum, value) => sum + value, 0) : undefined;
  return (
    <div ref={box} class="chart-space">
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`${measure.label} by ${by.toLowerCase()}, ${present.length} bars${total === undefined ? '' : `, ${number(total)} in all`}; the table below has each figure`}
        >
          {[0, 0.25, 0.5, 0.75, 1].map((part) => (
            <g key={part} class="grid">
              <line x1={MARGIN.left} x2={MARGIN.left + inner.width} y1={y(top * part)} y2={y(top * part)} />
              <text x={MARGIN.left - 8} y={y(top * part) + 4} text-anchor="end">
                {COMPACT.format(top * part)}
              </text>
            </g>
          ))}
          {present.map((group, index) => {
            const x = MARGIN.left + index * step;
            const value = values[index] ?? 0;
            const was = earlier[index];
            const bar = Math.max(step * (1 - GAP), 1);
            return (
              <g key={group.keys[0]?.value} class="column" onClick={() => go('/orders', listOf(group, within))}>
                <title>{`${label(group, by, true)}: ${decimal(measure.of(group.figures))}${
                  before[index] ? `; before ${decimal(measure.of(before[index].figures))}` : ''
                }`}</title>
                <rect class="touch" x={x} y={MARGIN.top} width={step} height={inner.height} />
                <rect class="now" x={x + (step - bar) / 2} y={y(value)} width={bar} height={Math.max(y(0) - y(value), 0)} />
                {was !== undefined && <line class="then" x1={x + 1} x2={x + step - 1} y1={y(was)} y2={y(was)} />}
                {index % every === 0 && (
                  <text x={x + step / 2} y={HEIGHT - 6} text-anchor="middle">
                    {label(group, by)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
