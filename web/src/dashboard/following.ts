import { Refusal, type Extensions } from '../api';
import type { Document } from '../../generated/documents';
import { pauseAfter, refusalOf } from './asked';
import { connection } from './live';

/** Milliseconds: what happened before a subscription began may be told by pages only so much later. */
const SETTLED = 2_000;

interface Follower<Data> {
  next: (data: Data) => void;
  /** Something may have come that nobody was told of. */
  gap: () => void;
}

/**
 * Follows something beside the events of orders, over the connection that the page has anyhow. What such a subscription says has
 * no cursor: after it began anew there may be a gap. A refused one is asked for less and less often, and each time there may be one.
 */
export function follow<Data, Variables extends Record<string, unknown>>(
  document: Document<Data, Variables>,
  variables: Variables,
  { next, gap }: Follower<Data>,
): () => void {
  let stop = (): void => undefined;
  let timer: number | undefined;
  let failures = 0;

  const begin = (): void => {
    end();
    const client = connection.get();
    if (!client) return;
    let isOver = false;
    timer = window.setTimeout(() => {
      failures = 0;
      gap();
    }, SETTLED);
    const lost = (refusal: Refusal): void => {
      if (isOver) return;
      end();
      failures += 1;
      timer = window.setTimeout(begin, pauseAfter(refusal, failures));
      gap();
    };
    const leave = client.subscribe<Data>(
      { query: document, variables },
      {
        next: ({ data, errors }) => {
          if (isOver) return;
          if (data) next(data);
          else lost(refused(errors));
        },
        error: (error) => lost(Array.isArray(error) ? refused(error) : refusalOf(error)),
        complete: () => lost(refusalOf(undefined)),
      },
    );
    stop = () => {
      isOver = true;
      leave();
    };
  };

  const end = (): void => {
    clearTimeout(timer);
    stop();
    stop = () => undefined;
  };

  const leave = connection.follow(begin);
  begin();
  return () => {
    leave();
    end();
  };
}

function refused(errors: readonly { message: string; extensions?: Extensions | undefined }[] = []): Refusal {
  return new Refusal(errors[0]?.message ?? '', errors[0]?.extensions);
}
