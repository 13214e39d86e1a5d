/**
 * What happens to orders, as it happens: one subscription for the whole page, in batches that the service makes once for all pages. After a lost connection it goes on after the
 * last event that came, so nothing is missed; where there was none yet, whoever listens is told that there may be a gap.
 */
import { createClient, type Client } from 'graphql-ws';
import { bearer, socketUrl, type Extensions } from '../api';
import { Follow, type FollowAnswer } from '../../generated/documents';
import { renew, session } from './session';
import { store } from './store';

type Batch = FollowAnswer['salesOrderEventBatches'];
export type LiveEvent = Batch['nodes'][number];
export type LiveState = 'connecting' | 'live' | 'waiting';

interface Listener {
  happened: (events: LiveEvent[]) => void;
  /** Something may have happened that nobody was told of. */
  gap: () => void;
}

/** Milliseconds. Events that come close together are told together. */
const TOGETHER = 100;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
/** A connection that is silent for longer than a proxy allows is dead, whatever TCP says. */
const PING = 15_000;
const PONG = 10_000;
/** How long the first questions wait for the connection, so that nothing happens between them and it untold. */
const PATIENCE = 400;
/** How long the service may take to take a connection. */
const ACKNOWLEDGED = 10_000;
/** A subscription that has lived so long, or brought an event, was not refused. */
const PROVEN = 10_000;
/** How long after the connection stands a subscription that begins with what comes next may still not have begun. */
const BEGUN = 1_000;
/** The most events that wait to be told; beyond it whoever listens reads anew. */
const MOST = 10_000;

export const liveState = store<LiveState>('connecting');
/** The connection while it stands, for whoever follows something else over it. */
export const connection = store<Client | undefined>(undefined);

export const SAYS: Record<LiveState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Not live: connecting again',
};

const listeners = new Set<Listener>();
let client: Client | undefined;
let cursor: string | undefined;
let failures = 0;
let retry: number | undefined;
let waiting: LiveEvent[] = [];
let telling: number | undefined;
let opened: Promise<void> = Promise.resolve();
let open = (): void => undefined;

/** Whoever asks after it is told of everything that happens since; or the connection takes too long. */
export function isFollowing(): Promise<void> {
  return opened;
}

function expect(): void {
  opened = new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE);
    open = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  telling = undefined;
  const events = waiting;
  waiting = [];
  if (events.length > MOST) listeners.forEach(({ gap }) => gap());
  else listeners.forEach(({ happened }) => happened(events));
}

function take({ nodes, nextCursor }: Batch): void {
  cursor = nextCursor;
  // Beyond the most they are only counted, by being there.
  if (waiting.length <= MOST) waiting.push(...nodes);
  telling ??= window.setTimeout(tell, TOGETHER);
}

function connect(): void {
  clearTimeout(retry);
  const present = session.get();
  if (!present || client) return;
  liveState.set('connecting');
  let pong: number | undefined;
  let proof: number | undefined;
  let begun: number | undefined;
  const isRetry = failures > 0;
  // What happened before it began, nobody was told of.
  const isBlind = cursor === undefined;
  const stands = (): void => {
    liveState.set('live');
    if (isBlind) begun = window.setTimeout(() => listeners.forEach(({ gap }) => gap()), BEGUN);
  };
  /** A service that takes a connection may still refuse what it is for. */
  const proven = (): void => {
    clearTimeout(proof);
    proof = undefined;
    failures = 0;
    if (isRetry && client === made) stands();
  };
  const made = createClient({
    url: socketUrl(),
    connectionParams: () => bearer(session.get()),
    retryAttempts: 0,
    keepAlive: PING,
    connectionAckWaitTimeout: ACKNOWLEDGED,
    on: {
      connected: () => {
        if (client !== made) return;
        proof = window.setTimeout(proven, PROVEN);
        if (!isRetry) stands();
        connection.set(made);
        open();
      },
      ping: (isTheirs) => {
        if (!isTheirs) pong = window.setTimeout(() => made.terminate(), PONG);
      },
      pong: () => clearTimeout(pong),
      closed: () => {
        clearTimeout(pong);
        clearTimeout(proof);
        clearTimeout(begun);
      },
    },
  });
  client = made;
  made.subscribe<FollowAnswer>(
    { query: Follow, variables: { after: cursor ?? null } },
    {
      next: ({ data, errors }) => {
        if (client !== made) return;
        if (!data) return void lost(errors?.[0]?.extensions);
        if (proof !== undefined) proven();
        take(data.salesOrderEventBatches);
      },
      error: (error) => {
        if (client === made) void lost(Array.isArray(error) ? error[0]?.extensions : { code: closeCode(error) });
      },
      complete: () => {
        if (client === made) void lost();
      },
    },
  );
}

/** The code of a token that is not good, where the connection was closed for that. */
function closeCode(error: unknown): string | undefined {
  const code = error instanceof CloseEvent ? error.code : undefined;
  return code === 4403 || code === 4401 ? 'UNAUTHENTICATED' : undefined;
}

async function lost({ code, retryAfter = 0 }: Extensions = {}): Promise<void> {
  end();
  if (!session.get()) return;
  liveState.set('waiting');
  // A cursor that the service does not know, as after a restore, or behind which events have expired, leads nowhere.
  if (code === 'VALIDATION_FAILED' || code === 'CURSOR_EXPIRED') cursor = undefined;
  if (code === 'UNAUTHENTICATED') await renew();
  const pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
  failures += 1;
  // Not all pages at once, after an instance stopped.
  retry = window.setTimeout(connect, Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1_000));
}

function end(): void {
  const old = client;
  client = undefined;
  connection.set(undefined);
  void old?.dispose();
}

/** Connects while somebody is signed in. */
export function startLive(): void {
  let signedIn: string | undefined;
  const follow = (): void => {
    const clientId = session.get()?.clientId;
    if (clientId === signedIn) return;
    signedIn = clientId;
    end();
    clearTimeout(retry);
    cursor = undefined;
    failures = 0;
    expect();
    connect();
  };
  session.follow(follow);
  follow();
  window.addEventListener('online', () => {
    if (!client) connect();
  });
}
