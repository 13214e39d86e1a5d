import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Refusal } from '../../api';
import {
  Attempts,
  PauseEndpoint,
  ResumeEndpoint,
  TestEndpoint,
  VerifyEndpoint,
  type Attempt,
  type Endpoint,
  type WebhookAttemptOutcome,
} from '../../../generated/documents';
import { refusalOf, useAnswer } from '../asked';
import { number, words } from '../format';
import { Heading, Link, Or, Time, Trouble } from '../parts/basics';
import { go, usePlace } from '../router';
import { askAs, may } from '../session';
import { Replay, ReplayEvent, Replays } from './webhooks/replay';
import { Health, Parked } from './webhooks/table';

const OUTCOMES: WebhookAttemptOutcome[] = [
  'DELIVERED',
  'REFUSED',
  'TIMEOUT',
  'CONNECTION',
  'TLS',
  'DNS',
  'REDIRECT',
  'GONE',
  'FORBIDDEN_TARGET',
  'NOT_VERIFIED',
  'POSTPONED',
];
const PAGE = 50;

/** One endpoint, with the log of what was sent to it. */
export function OneEndpoint({ clientId, name }: { clientId: string; name: string }): VNode {
  const { path, query } = usePlace();
  const outcome = OUTCOMES.find((one) => one === query.get('outcome'));
  const cursor = query.get('cursor');
  const input = { outcome: outcome ? [outcome] : null, limit: PAGE, cursor };
  const answer = useAnswer(Attempts, { name, clientId, input });
  const log = answer.data?.webhookAttempts;
  return (
    <div class="screen">
      <p class="back">
        <Link to="/webhooks">Webhooks</Link>
      </p>
      <Heading title={`${name} of ${clientId}`} />
      {answer.refusal && <Trouble refusal={answer.refusal} isAskedAgain again={answer.again} />}
      {answer.data && <About endpoint={answer.data.webhookEndpoint} again={answer.again} />}
      {answer.data && <Replays endpoint={answer.data.webhookEndpoint} again={answer.again} />}
      <section class="card">
        <div class="heading">
          <h2>Attempts</h2>
          <label class="inline">
            What became of them
            <select
              value={outcome ?? ''}
              onChange={({ currentTarget: { value } }) => go(path, new URLSearchParams(value ? { outcome: value } : {}))}
            >
              <option value="">All</option>
              {OUTCOMES.map((one) => (
                <option key={one} value={one}>
                  {words(one)}
                </option>
              ))}
            </select>
          </label>
        </div>
        {log && <Log attempts={log.nodes} replay={(event, of) => <ReplayEvent {...{ name, clientId, event, of }} again={answer.again} />} />}
        {log?.nextCursor && (
          <p>
            <button
              type="button"
              onClick={() => {
                const next = new URLSearchParams(query);
                next.set('cursor', log.nextCursor as string);
                go(path, next);
              }}
            >
              Older ones
            </button>
          </p>
        )}
      </section>
    </div>
  );
}

function About({ endpoint, again }: { endpoint: Endpoint; again: () => void }): VNode {
  const [refusal, setRefusal] = useState<Refusal>();
  const [tried, setTried] = useState<Attempt>();
  const [isBusy, setBusy] = useState(false);
  const { name, clientId, state } = endpoint;
  const variables = { name, clientId };
  const run = (work: Promise<unknown>): void => {
    setRefusal(undefined);
    setTried(undefined);
    setBusy(true);
    work.then(again, (error: unknown) => setRefusal(refusalOf(error))).finally(() => setBusy(false));
  };
  const isStopped = state === 'PAUSED' || state === 'DISABLED' || endpoint.restUntil !== null;
  return (
    <section class="card">
      <div class="heading">
        <h2>Endpoint</h2>
        {may('clients:manage') && (
          <div class="buttons">
            {state === 'PENDING' && (
              <button
                type="button"
                class="first"
                disabled={isBusy}
                onClick={() => run(askAs(VerifyEndpoint, variables).then((done) => setTried(done.verifyWebhookEndpoint?.attempt)))}
              >
                Verify
              </button>
            )}
            <button
              type="button"
              disabled={isBusy}
              onClick={() => run(askAs(TestEndpoint, variables).then((done) => setTried(done.testWebhookEndpoint?.attempt)))}
            >
              Send a test
            </button>
            <Replay endpoint={endpoint} again={again} />
            {state === 'ACTIVE' && (
              <button type="button" disabled={isBusy} onClick={() => run(askAs(PauseEndpoint, variables))}>
                Pause
              </button>
            )}
            {isStopped && (
              <button type="button" disabled={isBusy} onClick={() => run(askAs(ResumeEndpoint, variables))}>
                Resume
              </button>
            )}
          </div>
        )}
      </div>
      {refusal && <Trouble refusal={refusal} changed="endpoint" />}
      <p role="status" class={tried?.outcome === 'DELIVERED' ? 'good' : 'bad'}>
        {tried && `${words(tried.outcome)} after ${number(tried.durationMs)} ms${tried.status === null ? '' : `, status ${tried.status}`}`}
      </p>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <Health endpoint={endpoint} />
        </dd>
        <dt>Held up</dt>
        <dd>
          <Parked endpoint={endpoint} />
        </dd>
        <dt>URL</dt>
        <dd>{endpoint.url}</dd>
        <dt>Events</dt>
        <dd>{endpoint.kinds.length === 0 ? 'all kinds' : endpoint.kinds.map(words).join(', ')}</dd>
        <dt>Sent</dt>
        <dd>
          {words(endpoint.payload)}, {number(endpoint.maxInFlight)} side by side
        </dd>
        <dt>Verified</dt>
        <dd>{endpoint.verifiedAt ? <Time at={endpoint.verifiedAt} isLong /> : <Or value={null} />}</dd>
      </dl>
    </section>
  );
}

interface LogProps {
  attempts: Attempt[];
  /** What sends the event of an order again. */
  replay: (event: string, of: string) => VNode;
}

function Log({ attempts, replay }: LogProps): VNode {
  if (attempts.length === 0) return <p class="quiet">No attempt is in the log.</p>;
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Attempts">
      <table class="plain list">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Order</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">
              Status
            </th>
            <th scope="col" class="number">
              ms
            </th>
            <th scope="col">Attempt</th>
            <th scope="col">Again</th>
            {may('clients:manage') && (
              <th scope="col">
                <span class="unseen">Send it again</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <tr key={`${attempt.at} ${attempt.cursor} ${attempt.attempt}`}>
              <th scope="row">
                <Time at={attempt.at} isLong />
              </th>
              <td>
                {attempt.orderNumber ? (
                  <Link to={`/orders/${encodeURIComponent(attempt.orderNumber)}`}>{attempt.orderNumber}</Link>
                ) : (
                  <span class="quiet">{words(attempt.trigger)}</span>
                )}
              </td>
              <td class={attempt.outcome === 'DELIVERED' ? 'good' : 'bad'}>
                {words(attempt.outcome)}
                {attempt.excerpt && <small class="quiet">{attempt.excerpt}</small>}
              </td>
              <td class="number">
                <Or value={attempt.status === null ? null : String(attempt.status)} />
              </td>
              <td class="number">{number(attempt.durationMs)}</td>
              <td>{number(attempt.attempt)}</td>
              <td>{attempt.nextAttemptAt ? <Time at={attempt.nextAttemptAt} /> : <Or value={null} />}</td>
              {may('clients:manage') && <td>{attempt.cursor && attempt.orderNumber && replay(attempt.cursor, attempt.orderNumber)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
