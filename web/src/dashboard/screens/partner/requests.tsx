import type { VNode } from 'preact';
import { RecentOutcomes, RequestErrors } from '../../../../generated/documents';
import { useAnswer } from '../../asked';
import { number } from '../../format';
import { Link, Trouble } from '../../parts/basics';
import { ErrorGroups } from '../request-log/groups';

/** The most that one page of the log holds. */
const LATEST = 200;

/** How often its requests fail, and why. */
export function PartnerRequests({ clientId }: { clientId: string }): VNode {
  const recent = useAnswer(RecentOutcomes, { clientId, input: { limit: LATEST } });
  const errors = useAnswer(RequestErrors, { clientId, input: {} });
  const within = new URLSearchParams({ client_id: clientId });
  const refusal = recent.refusal ?? errors.refusal;
  const groups = errors.data?.requestErrors ?? [];
  return (
    <section class="card">
      <div class="heading">
        <h2>Requests</h2>
        <Link to="/requests" query={within}>
          Its requests
        </Link>
      </div>
      {refusal?.extensions.code === 'NOT_FOUND' && <p class="quiet">{refusal.message}.</p>}
      {refusal && refusal.extensions.code !== 'NOT_FOUND' && <Trouble refusal={refusal} isAskedAgain again={recent.refusal ? recent.again : errors.again} />}
      {recent.data && <p>{rate(recent.data.requestLog.nodes.map(({ status }) => status))}</p>}
      {groups.length > 0 && (
        <>
          <h3>Failures by cause in the last 24 hours</h3>
          <ErrorGroups groups={groups} within={within} />
        </>
      )}
    </section>
  );
}

function rate(statuses: number[]): string {
  if (statuses.length === 0) return 'The log has no request of this client.';
  const failed = statuses.filter((status) => status >= 400).length;
  if (statuses.length === 1) return `The only request in the log ${failed === 1 ? 'failed' : 'succeeded'}.`;
  const percent = Math.round((failed / statuses.length) * 100);
  return `${number(failed)} of the last ${number(statuses.length)} requests failed: ${number(percent)} %.`;
}
