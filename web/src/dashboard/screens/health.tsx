import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { at } from '../../root';
import { liveState, SAYS } from '../live';
import { number } from '../format';
import { Heading, Time } from '../parts/basics';
import { may } from '../session';
import { useStore } from '../store';
import { Instances } from './health/instances';

interface Look {
  at: string;
  isReady: boolean;
  says: string;
  milliseconds: number;
}

/** Milliseconds between two looks. */
const EVERY = 5_000;
/** Milliseconds after which no answer is an answer. */
const DEADLINE = 10_000;

async function look(): Promise<Look> {
  const began = performance.now();
  const found = { at: new Date().toISOString(), isReady: false, says: 'The service cannot be reached.' };
  try {
    const answer = await fetch(at('/health/ready'), { cache: 'no-store', signal: AbortSignal.timeout(DEADLINE) });
    const { detail } = (await answer.json().catch(() => ({}))) as { detail?: string };
    found.isReady = answer.ok;
    found.says = answer.ok
      ? 'An order would be taken now: the service answers and its database is in order.'
      : (detail ?? `The service answered ${answer.status}.`);
  } catch {
    // It says so already.
  }
  return { ...found, milliseconds: Math.round(performance.now() - began) };
}

/** Whether the service could take an order now, as it says itself, and what its instances are busy with. */
export function HealthScreen(): VNode {
  const [last, setLast] = useState<Look>();
  const live = useStore(liveState);
  useEffect(() => {
    let isOver = false;
    let timer: number | undefined;
    const again = async (): Promise<void> => {
      const found = await look();
      if (isOver) return;
      setLast(found);
      timer = window.setTimeout(() => void again(), EVERY);
    };
    void again();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  return (
    <div class="screen">
      <Heading title="Health" />
      <section class="card">
        <h2>The service</h2>
        {last ? (
          <>
            <p class={`figure ${last.isReady ? 'good' : 'bad'}`}>{last.isReady ? 'Ready' : 'Not ready'}</p>
            <p role="status">{last.says}</p>
            <p class="quiet">
              Looked at <Time at={last.at} isLong />, in {number(last.milliseconds)} ms with the way there and back; again every five
              seconds.
            </p>
          </>
        ) : (
          <p class="quiet">Looking …</p>
        )}
      </section>
      {may('clients:read') && <Instances />}
      <section class="card">
        <h2>This page's live connection</h2>
        <p class={live === 'live' ? 'good' : 'bad'}>{SAYS[live]}</p>
      </section>
      <p class="quiet">
        Numbers of requests, connections and delays are at <a href={at('/metrics')}>/metrics</a>, unless the operator has them
        elsewhere.
      </p>
    </div>
  );
}
