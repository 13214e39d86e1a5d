import type { VNode } from 'preact';
import { OverviewGroups, type SummaryDimension } from '../../../../generated/documents';
import { useAnswer, useLive } from '../../asked';
import { change, number, words } from '../../format';
import { Link, Trouble } from '../../parts/basics';
import { created, type bounds, type Span } from './span';

interface Props {
  title: string;
  by: SummaryDimension;
  /** The parameter of the list that means a group. */
  parameter: string;
  filters: ReturnType<typeof bounds>;
  span: Span;
}

/** Milliseconds between two questions while orders come in. */
const PAUSE = 5_000;

/** The largest groups of orders with a bar each, and the same groups before. */
export function GroupTable({ title, by, parameter, filters: { span, before }, span: { label } }: Props): VNode {
  const answer = useAnswer(OverviewGroups, { span, before, by }, label);
  useLive(answer, PAUSE);
  const { data, refusal } = answer;
  // Orders of before had the time to move on: their statuses are no measure for the present ones.
  const isCompared = by !== 'STATUS';
  const groups = data?.span.groups ?? [];
  const most = Math.max(...groups.map(({ figures }) => figures.orders), 1);
  const earlier = new Map(data?.before.groups.map(({ keys, figures }) => [keys[0]?.value, figures.orders]));
  return (
    <section class="card">
      <h2>{title}</h2>
      {refusal && <Trouble refusal={refusal} isAskedAgain again={answer.again} />}
      {data && groups.length === 0 && <p class="quiet">No orders.</p>}
      {groups.length > 0 && (
        <table class="plain bars">
          <thead>
            <tr>
              <th scope="col">{title === 'Status' ? 'Status' : title.slice(0, -1)}</th>
              <th scope="col" class="number">
                Orders
              </th>
              <th scope="col" class="number">
                Before
              </th>
              {isCompared && (
                <th scope="col" class="number">
                  Change
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {groups.map(({ keys, figures }) => {
              const value = keys[0]?.value ?? '';
              // A group that is not among so many had no orders, unless some were left out.
              const was = earlier.get(value) ?? (data?.before.truncated ? undefined : 0);
              return (
                <tr key={value}>
                  <th scope="row" title={value}>
                    <Link to="/orders" query={created(span, { [parameter]: value })}>
                      {by === 'STATUS' ? words(value) : value}
                    </Link>
                    <svg class="bar-line" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
                      <rect width={(figures.orders / most) * 100} height="2" />
                    </svg>
                  </th>
                  <td class="number">{number(figures.orders)}</td>
                  <td class="number quiet">{was === undefined ? '–' : number(was)}</td>
                  {isCompared && <td class="number quiet">{was === undefined ? '–' : change(figures.orders, was)}</td>}
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {data?.span.truncated && <p class="quiet">The largest {groups.length}; there are more.</p>}
    </section>
  );
}
