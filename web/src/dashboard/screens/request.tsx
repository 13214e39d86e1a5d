import type { VNode } from 'preact';
import { OneRequest as Question, type OneRequestAnswer } from '../../../generated/documents';
import { at } from '../../root';
import { useAnswer } from '../asked';
import { milliseconds, number } from '../format';
import { Code, Heading, Link, Or, Sentence, Time, Trouble } from '../parts/basics';
import { keyOf } from '../request-list';
import { usePlace } from '../router';
import { may } from '../session';
import { About, Answer, Sender } from './request-log/rows';

type Entry = OneRequestAnswer['requestLog']['nodes'][number];

/** An id may be of many: each order of a batch has an entry, and a caller may give its own id to several requests. */
const MOST = 200;

/** What the log has of a request: everything about it, and what went wrong. */
export function OneRequest(): VNode {
  const { query } = usePlace();
  const requestId = query.get('request_id')?.slice(0, 128) ?? '';
  const answer = useAnswer(Question, { input: { requestId, limit: MOST } });
  const entries = answer.data?.requestLog.nodes;
  return (
    <div class="screen">
      <p class="back">
        <Link to="/requests">Request log</Link>
      </p>
      <Heading title={`Request ${requestId}`} />
      {answer.refusal && <Trouble refusal={answer.refusal} isAskedAgain again={answer.again} />}
      {!answer.data && !answer.refusal && <p class="quiet">Reading the log …</p>}
      {entries?.length === 0 && (
        <p class="nothing">The log has no such request that you may read. An entry is there a second after its answer.</p>
      )}
      {entries?.map((entry) => (
        <OneEntry key={keyOf(entry)} entry={entry} />
      ))}
      {answer.data?.requestLog.nextCursor && <p class="quiet">There are more with this id; these are the last ones.</p>}
    </div>
  );
}

function OneEntry({ entry }: { entry: Entry }): VNode {
  const title = `${entry.method} ${entry.operation ?? entry.route}${entry.row === null ? '' : `, order ${entry.row}`}`;
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      {entry.status >= 400 && <WhatWentWrong entry={entry} />}
      <Facts entry={entry} />
      {entry.body !== null && (
        <>
          <h3>Body</h3>
          <p class="quiet">Its first 16 KiB. What may be secret or about people is counted instead of shown.</p>
          <pre class="body" tabIndex={0} aria-label="Body of the request">
            {entry.body}
          </pre>
        </>
      )}
    </section>
  );
}

function WhatWentWrong({ entry: { status, code, hint, explanation, errors } }: { entry: Entry }): VNode {
  return (
    <div class="wrong">
      <p>
        <strong class="bad">
          {status} {code && (
            <a href={at(`/docs#${code}`)}>
              <Code name={code} />
            </a>
          )}
        </strong>
        {hint && (
          <>
            : <a href={at(`/docs#${hint}`)}>{hint}</a>
          </>
        )}
      </p>
      {explanation && (
        <p>
          <Sentence text={explanation} />
        </p>
      )}
      {errors.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Faulty fields">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Field</th>
                <th scope="col">Fault</th>
                <th scope="col">What would be right</th>
              </tr>
            </thead>
            <tbody>
              {errors.map(({ pointer, code, message }, index) => (
                <tr key={index}>
                  <th scope="row">
                    <code>{pointer}</code>
                  </th>
                  <td>{code}</td>
                  <td>
                    <Sentence text={message} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Facts({ entry }: { entry: Entry }): VNode {
  return (
    <dl class="facts">
      <dt>Answered</dt>
      <dd>
        <Time at={entry.at} isLong />, after {milliseconds(entry.durationMs)} ms
      </dd>
      <dt>Answer</dt>
      <dd>
        <Answer entry={entry} />
      </dd>
      <dt>Client</dt>
      <dd>
        <Sender entry={entry} />
        {entry.clientId !== null && may('clients:read') && (
          <small>
            <Link to={`/partners/${encodeURIComponent(entry.clientId)}`}>About the client</Link>
          </small>
        )}
      </dd>
      <dt>Path</dt>
      <dd>{entry.route}</dd>
      <dt>Order</dt>
      <dd>
        <About entry={entry} />
      </dd>
      <dt>Idempotency-Key</dt>
      <dd>
        <Or value={entry.idempotencyKey} />
      </dd>
      <dt>Signature</dt>
      <dd>
        <Or value={entry.signatureForm} />
        {entry.keyFingerprint && (
          <>
            {' '}
            by <code>{entry.keyFingerprint}</code>
          </>
        )}
      </dd>
      <dt>Body</dt>
      <dd>
        {entry.bodyBytes === null ? <Or value={null} /> : `${number(entry.bodyBytes)} bytes`}
        {entry.bodySha256 && (
          <>
            , SHA-256 <code>{entry.bodySha256}</code>
          </>
        )}
      </dd>
      <dt>From</dt>
      <dd>
        <Or value={entry.network} />
      </dd>
      <dt>Program</dt>
      <dd>
        <Or value={entry.userAgent} />
      </dd>
    </dl>
  );
}
