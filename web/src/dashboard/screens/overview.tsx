import type { VNode } from 'preact';
import {
  OverviewFigures,
  OverviewSeries,
  type Figures,
  type OverviewFiguresAnswer,
  type SalesOrderFilter,
  type SummaryDimension,
} from '../../../generated/documents';
import { useAnswer, useLive } from '../asked';
import { change, decimal, number, words, ZONE } from '../format';
import { Age, Heading, Link, Trouble, useNow } from '../parts/basics';
import { go, usePlace } from '../router';
import { Chart } from './overview/chart';
import { GroupTable } from './overview/groups';
import { paired } from './overview/pairing';
import { bounds, created, SPANS, type Span } from './overview/span';

/** Milliseconds between two questions while orders come in. */
const FIGURES = 1_000;
const SERIES = 2_000;
const MINUTE = 60_000;

export function Overview(): VNode {
  const { query } = usePlace();
  const name = query.get('span') ?? 'week';
  const span = SPANS[name] ?? (SPANS['week'] as Span);
  const by = span.by.find((one) => one === query.get('by')?.toUpperCase()) ?? (span.by[0] as SummaryDimension);
  // The day changes while the page is open; the minute is as exact as a comparison needs it.
  const now = Math.floor(useNow(MINUTE) / MINUTE) * MINUTE;
  const filters = bounds(span, now);
  const chosen = (changes: Record<string, string>): void => {
    const next = new URLSearchParams(query);
    Object.entries(changes).forEach(([key, value]) => next.set(key, value));
    go('/', next);
  };
  return (
    <div class="screen">
      <Heading title="Overview">
        <fieldset class="switch">
          <legend class="unseen">Span of time</legend>
          {Object.entries(SPANS).map(([key, { label }]) => (
            <label key={key} class="toggle">
              <input type="radio" name="span" checked={SPANS[key] === span} onChange={() => chosen({ span: key })} />
              {label}
            </label>
          ))}
        </fieldset>
      </Heading>
      <Cards filters={filters} span={span} />
      <Series filters={filters} span={span} by={by} choose={(next) => chosen({ by: next.toLowerCase() })} />
      <div class="cards groups">
        <GroupTable title="Partners" by="CLIENT" parameter="client_id" filters={filters} span={span} />
        <GroupTable title="Sites" by="SITE" parameter="site_code" filters={filters} span={span} />
        <GroupTable title="Products" by="PRODUCT" parameter="product_code" filters={filters} span={span} />
        <GroupTable title="Status" by="STATUS" parameter="status" filters={filters} span={span} />
      </div>
    </div>
  );
}

type Filters = ReturnType<typeof bounds>;
const WAITING: SalesOrderFilter = { status: { in: ['RECEIVED'] } };

function Cards({ filters: { today, yesterday, span: present, before }, span }: { filters: Filters; span: Span }): VNode {
  const answer = useAnswer(OverviewFigures, { today, yesterday, span: present, before, waiting: WAITING }, span.label);
  useLive(answer, FIGURES);
  const { data, refusal } = answer;
  return (
    <>
      {refusal && <Trouble refusal={refusal} isAskedAgain again={answer.again} />}
      <div class="cards first-row" aria-busy={answer.isBusy && !data}>
        <section class="card">
          <h2>Today</h2>
          <p class="figure" data-figure="today">
            <Link to="/orders" query={created(today)}>
              {data ? number(data.today.totals.orders) : '–'}
            </Link>
          </p>
          <p class="quiet">
            {data ? `${change(data.today.totals.orders, data.yesterday.totals.orders)}; yesterday by now ${number(data.yesterday.totals.orders)}` : 'orders'}
          </p>
        </section>
        <section class="card">
          <h2>Waiting to be confirmed</h2>
          <p class="figure" data-figure="waiting">
            <Link to="/orders" query={new URLSearchParams({ status: 'RECEIVED', order_by: 'created_at_asc' })}>
              {data ? number(data.waiting.totals.orders) : '–'}
            </Link>
          </p>
          <Oldest data={data} />
        </section>
        <section class="card">
          <h2>{span.label === 'Today' ? 'Today in figures' : `In ${span.label}`}</h2>
          <p class="figure" data-figure="span">
            <Link to="/orders" query={created(present)}>
              {data ? number(data.span.totals.orders) : '–'}
            </Link>
          </p>
          <p class="quiet">
            {data ? `${change(data.span.totals.orders, data.before.totals.orders)}; before ${number(data.before.totals.orders)}` : 'orders'}
          </p>
        </section>
        <section class="card">
          <h2>Value by currency</h2>
          {data && <Values present={data.span.totals} before={data.before.totals} />}
        </section>
      </div>
    </>
  );
}

function Oldest({ data }: { data: OverviewFiguresAnswer | undefined }): VNode {
  const [oldest] = data?.oldest.nodes ?? [];
  if (!oldest) return <p class="quiet">{data ? 'none waits' : 'orders'}</p>;
  return (
    <p class="quiet">
      the oldest for <Age since={oldest.createdAt} />:{' '}
      <Link to={`/orders/${encodeURIComponent(oldest.orderNumber)}`}>{oldest.orderNumber}</Link>
    </p>
  );
}

function Values({ present, before }: { present: Figures; before: Figures }): VNode {
  const currencies = [...new Set([...present.amounts, ...before.amounts].map(({ currency }) => currency))].sort();
  const of = (figures: Figures, currency: string): string =>
    figures.amounts.find((one) => one.currency === currency)?.amount ?? '0';
  if (currencies.length === 0) return <p class="quiet">no amounts</p>;
  return (
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Currency</th>
          <th scope="col" class="number">
            Value
          </th>
        </tr>
      </thead>
      <tbody>
        {currencies.map((currency) => (
          <tr key={currency}>
            <th scope="row">{currency}</th>
            <td class="number">
              {decimal(of(present, currency))}
              <small class="quiet">
                {change(Number(of(present, currency)), Number(of(before, currency)))}; before {decimal(of(before, currency))}
              </small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface SeriesProps {
  filters: Filters;
  span: Span;
  by: SummaryDimension;
  choose: (by: SummaryDimension) => void;
}

function Series({ filters, span, by, choose }: SeriesProps): VNode {
  const variables = { span: filters.span, before: filters.wholeBefore, by, timeZone: ZONE };
  const answer = useAnswer(OverviewSeries, variables, `${span.label} ${by}`);
  useLive(answer, SERIES);
  const { data, refusal } = answer;
  return (
    <section class="card series">
      <div class="heading">
        <h2>Orders by {by.toLowerCase()}</h2>
        {span.by.length > 1 && (
          <fieldset class="switch">
            <legend class="unseen">Length of a bar</legend>
            {span.by.map((one) => (
              <label key={one} class="toggle">
                <input type="radio" name="by" checked={one === by} onChange={() => choose(one)} />
                {words(one)}
              </label>
            ))}
          </fieldset>
        )}
      </div>
      {refusal && <Trouble refusal={refusal} isAskedAgain again={answer.again} />}
      {data ? (
        <Chart present={data.span.groups} before={paired(data.span.groups, data.before.groups, span.days)} by={by} within={filters.span} />
      ) : (
        !refusal && <p class="quiet chart-space">Adding up …</p>
      )}
    </section>
  );
}
