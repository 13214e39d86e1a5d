import type { VNode } from 'preact';
import { Endpoints, OneClient, type ClientFacts } from '../../../generated/documents';
import { useAnswer } from '../asked';
import { number, words } from '../format';
import { Heading, Link, Or, Time, Trouble } from '../parts/basics';
import { AuditEntries } from './audit';
import { PartnerRequests } from './partner/requests';
import { Sessions } from './partner/sessions';
import { EndpointTable } from './webhooks/table';

export function Partner({ clientId }: { clientId: string }): VNode {
  const answer = useAnswer(OneClient, { clientId });
  const endpoints = useAnswer(Endpoints, { clientId });
  const client = answer.data?.client;
  return (
    <div class="screen">
      <p class="back">
        <Link to="/partners">Partners</Link>
      </p>
      <Heading title={client?.name ?? clientId}>
        <Link to="/orders" query={new URLSearchParams({ client_id: clientId })}>
          Its orders
        </Link>
      </Heading>
      {answer.refusal && <Trouble refusal={answer.refusal} isAskedAgain again={answer.again} />}
      {answer.data && !client && <p>There is no client with this id.</p>}
      {client && (
        <>
          <Facts client={client} />
          {client.kind === 'PERSON' ? (
            <Sessions client={client} again={answer.again} />
          ) : (
            <>
              <Keys client={client} />
              <Secrets client={client} />
            </>
          )}
          <PartnerRequests clientId={clientId} />
          <section class="card">
            <h2>Webhooks</h2>
            {endpoints.refusal && <Trouble refusal={endpoints.refusal} isAskedAgain again={endpoints.again} />}
            {endpoints.data && <EndpointTable endpoints={endpoints.data.webhookEndpoints} />}
          </section>
          <section class="card">
            <h2>What was changed</h2>
            <AuditEntries clientId={clientId} first={10} />
          </section>
        </>
      )}
    </div>
  );
}

function Facts({ client }: { client: ClientFacts }): VNode {
  return (
    <section class="card">
      <h2>Client</h2>
      <dl class="facts">
        <dt>Client id</dt>
        <dd>{client.clientId}</dd>
        <dt>Kind</dt>
        <dd>{client.kind === 'PERSON' ? 'Person, who signs in with a browser' : 'Program, which logs in with a secret'}</dd>
        <dt>Status</dt>
        <dd class={client.status === 'DISABLED' ? 'bad' : ''}>
          {words(client.status)}
          {client.disabledAt && (
            <>
              {' '}
              since <Time at={client.disabledAt} />
            </>
          )}
        </dd>
        <dt>Scopes</dt>
        <dd>
          <Or value={client.scopes.join(', ')} />
        </dd>
        <dt>Signatures</dt>
        <dd>{words(client.signaturePolicy)}</dd>
        <dt>A number sent twice</dt>
        <dd>{words(client.referencePolicy)}</dd>
        <dt>Another total than expected</dt>
        <dd>{words(client.expectationPolicy)}</dd>
        <dt>Signatures used again</dt>
        <dd>
          {client.signatureReuses === null ? <Or value={null} /> : number(client.signatureReuses)}
          {client.signatureReusedAt && (
            <>
              , last <Time at={client.signatureReusedAt} />
            </>
          )}
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={client.createdAt} isLong />
        </dd>
      </dl>
    </section>
  );
}

/** A time, or what its absence means. */
function Until({ at, otherwise }: { at: string | null; otherwise: string }): VNode {
  return at ? <Time at={at} /> : <span class="quiet">{otherwise}</span>;
}

function Keys({ client: { keys } }: { client: ClientFacts }): VNode {
  return (
    <section class="card">
      <h2>Keys</h2>
      {keys.length === 0 && <p class="quiet">The client has no key: it cannot sign.</p>}
      {keys.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Keys of the client">
          <table class="plain list">
            <thead>
              <tr>
                <th scope="col">Fingerprint</th>
                <th scope="col">Status</th>
                <th scope="col">From</th>
                <th scope="col">Until</th>
                <th scope="col">Last used</th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.fingerprint}>
                  <th scope="row">
                    <code>{key.fingerprint}</code>
                    {key.sharedWith.length > 0 && <small class="bad">also of {key.sharedWith.join(', ')}</small>}
                  </th>
                  <td class={key.status === 'ACTIVE' ? 'good' : 'quiet'}>{words(key.status)}</td>
                  <td>
                    <Until at={key.notBefore} otherwise="registered" />
                  </td>
                  <td>
                    <Until at={key.revokedAt ?? key.expiresAt} otherwise="no end" />
                  </td>
                  <td>
                    <Until at={key.lastUsedAt} otherwise="never" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Secrets({ client: { secrets } }: { client: ClientFacts }): VNode {
  return (
    <section class="card">
      <h2>Secrets</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Secrets of the client">
        <table class="plain list">
          <thead>
            <tr>
              <th scope="col">Created</th>
              <th scope="col">Until</th>
              <th scope="col">Last used</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {secrets.map((secret) => (
              <tr key={secret.createdAt}>
                <th scope="row">
                  <Time at={secret.createdAt} />
                </th>
                <td>
                  <Until at={secret.expiresAt} otherwise="no end" />
                </td>
                <td>
                  <Until at={secret.lastUsedAt} otherwise="never" />
                </td>
                <td>
                  <Or value={secret.lastUsedFrom} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
