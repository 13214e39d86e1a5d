import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from '../api';
import type { Document } from '../../generated/documents';
import { isFollowing, listen, type LiveEvent } from './live';
import { askAs, DISABLED, signOut } from './session';

export interface Asked<Data> {
  data: Data | undefined;
  refusal: Refusal | undefined;
  isBusy: boolean;
  /** Milliseconds that the last answer took. */
  took: number;
  /** Asks again; what is there stays until the answer comes. */
  again: () => void;
}

/** Seconds after which what could not be had for the moment is asked for again: twice as long each time. */
const FIRST_RETRY = 5;
const LONGEST_RETRY = 80;

/** Milliseconds until the next try after so many failures in a row, or what the service asks for. */
export function pauseAfter({ retryAfter }: Refusal, failures: number): number {
  const own = Math.min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY);
  return (failures === 1 ? (retryAfter ?? own) : Math.max(retryAfter ?? 0, own)) * 1000;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal('The service cannot be reached.');
}

/** Whether the same question may be answered later. */
export function isPassing({ status, extensions: { code } }: Refusal): boolean {
  return status === undefined || status >= 500 || ['RATE_LIMITED', 'DATABASE_UNAVAILABLE', 'OVERLOADED'].includes(code ?? '');
}

/**
 * The answer to a document. Other variables are another question, whose answer takes the place of the last one only when it
 * is there if `question` says that it is the same, as when a span of time goes along with the clock.
 */
export function useAnswer<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  question?: string,
): Asked<Data> {
  const key = JSON.stringify(variables);
  const asked = question ?? key;
  const [answer, setAnswer] = useState<{ asked?: string; data?: Data; refusal?: Refusal }>({});
  const [isBusy, setBusy] = useState(true);
  const [turn, setTurn] = useState(0);
  const took = useRef(0);
  const failures = useRef(0);
  // Whoever asks again while an answer is on its way is asked for after it: else a busy service would never get to answer.
  const pending = useRef({ isOnItsWay: false, isWanted: false });
  const again = useCallback(() => {
    if (pending.current.isOnItsWay) pending.current.isWanted = true;
    else setTurn((turn) => turn + 1);
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    let began = 0;
    pending.current = { isOnItsWay: true, isWanted: false };
    setBusy(true);
    const done = (): void => {
      const { isWanted } = pending.current;
      pending.current = { isOnItsWay: false, isWanted: false };
      setBusy(false);
      if (isWanted) again();
    };
    const ask = async (): Promise<Data> => {
      await isFollowing();
      began = performance.now();
      return askAs(document, JSON.parse(key) as Variables, abort.signal);
    };
    ask().then(
      (data) => {
        if (abort.signal.aborted) return;
        took.current = performance.now() - began;
        failures.current = 0;
        setAnswer({ asked, data });
        done();
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const refusal = refusalOf(error);
        if (refusal.extensions.code === 'CLIENT_DISABLED') return signOut(DISABLED);
        setAnswer((last) => ({ ...(last.asked === asked && last), asked, refusal }));
        done();
        failures.current += 1;
        if (isPassing(refusal)) {
          timer = window.setTimeout(again, pauseAfter(refusal, failures.current));
          window.addEventListener('online', again, { once: true });
        }
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
      window.removeEventListener('online', again);
    };
  }, [document, key, turn]);

  // The figures of another question are never shown under this one.
  const isOwn = answer.asked === asked;
  return { data: isOwn ? answer.data : undefined, refusal: isOwn ? answer.refusal : undefined, isBusy, took: took.current, again };
}

/** An answer may take a tenth of the time and no more, so that a page that is open costs a busy service little. */
const SHARE = 10;

/**
 * Asks again when something happened to orders, or to those it concerns: at once, and then no sooner than `pause` after the
 * last time, so that however much happens, the service is asked at a steady pace. A page that nobody sees waits until
 * somebody does.
 */
export function useLive(
  answer: Pick<Asked<unknown>, 'again' | 'took'>,
  pause: number,
  concerns: (event: LiveEvent) => boolean = () => true,
): void {
  const last = useRef({ answer, concerns });
  last.current = { answer, concerns };
  useEffect(() => {
    let timer: number | undefined;
    let next = 0;
    let isOwed = false;
    const happened = (): void => {
      isOwed = document.hidden;
      if (isOwed) return;
      timer ??= window.setTimeout(() => {
        timer = undefined;
        const { again, took } = last.current.answer;
        next = Date.now() + Math.max(pause, took * SHARE);
        again();
      }, Math.max(next - Date.now(), 0));
    };
    const seen = (): void => {
      if (isOwed) happened();
    };
    document.addEventListener('visibilitychange', seen);
    const stop = listen({
      happened: (events) => {
        if (events.some((event) => last.current.concerns(event))) happened();
      },
      gap: happened,
    });
    return () => {
      stop();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [pause]);
}
