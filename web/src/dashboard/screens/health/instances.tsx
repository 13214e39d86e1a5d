import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { ServiceInstances, type Instance } from '../../../../generated/documents';
import { useAnswer } from '../../asked';
import { number } from '../../format';
import { Age, Time, Trouble } from '../../parts/basics';

/** Milliseconds between two questions: as often as an instance has something new to say. */
const EVERY = 15_000;

/** Every instance on the database, with what it is busy with and in what it is configured unlike another. */
export function Instances(): VNode {
  const answer = useAnswer(ServiceInstances, {});
  const { data, refusal, again } = answer;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || again(), EVERY);
    return () => clearInterval(timer);
  }, [again]);
  const instances = data?.serviceInstances ?? [];
  const differing = new Set(instances.flatMap(({ differingSettings }) => differingSettings));
  return (
    <section class="card instances">
      <h2>Instances</h2>
      {refusal && <Trouble refusal={refusal} again={again} />}
      {differing.size > 0 && (
        <p class="bad">
          Instances are configured differently in {[...differing].sort().join(', ')}. Callers get other answers from one than from
          another: give all the same.
        </p>
      )}
      {data && instances.length === 0 && <p class="quiet">No instance has said yet that it runs.</p>}
      {instances.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="Instances">
          <table class="plain list">
            <thead>
              <tr>
                <th scope="col">Instance</th>
                <th scope="col">State</th>
                <th scope="col">Version</th>
                <th scope="col">Runs since</th>
                <th scope="col" class="number">
                  Orders waiting
                </th>
                <th scope="col">Connections in use</th>
                <th scope="col">Differs in</th>
              </tr>
            </thead>
            <tbody>
              {instances.map((instance) => (
                <Row key={`${instance.name} ${instance.startedAt}`} instance={instance} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ instance }: { instance: Instance }): VNode {
  const { name, version, startedAt, seenAt, isRunning, waitingOrders, oldestBatchSeconds, pools, differingSettings } = instance;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class={isRunning ? 'good' : 'bad'}>
        {isRunning ? 'runs' : 'gone'}
        <small class="quiet">
          heard from <Age since={seenAt} /> ago
        </small>
      </td>
      <td>{version}</td>
      <td>
        <Time at={startedAt} isLong />
      </td>
      <td class="number">
        {number(waitingOrders)}
        {oldestBatchSeconds >= 1 && <small class="bad">a transaction takes {number(Math.round(oldestBatchSeconds))} s</small>}
      </td>
      <td>
        {pools.map(({ name: of, used, max }) => (
          // SQLite's one writer is at work whenever somebody writes.
          <div key={of} class={used >= max && max > 1 ? 'bad' : ''}>
            <span class="quiet">{of}</span> {number(used)} of {number(max)}
          </div>
        ))}
      </td>
      <td class={differingSettings.length > 0 ? 'bad' : 'quiet'}>{differingSettings.join(', ') || '–'}</td>
    </tr>
  );
}
