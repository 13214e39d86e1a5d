import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

/** However a connection ends, the browser calls it a clean end and has the code, whoever began. */
export async function endCleanly({ base, token }) {
  const ends = [];
  await withBrowser(base, async (open) => {
    const page = await open();
    await page.goto(`${base}/graphiql`);
    for (const state of ['before init', 'after init', 'in a subscription', 'during a query']) {
      for (const [close, code] of [[[], 1005], [[1000], 1000], [[1000, 'done'], 1000], [[3000], 3000], [[4999, 'übrigens'], 4999]]) {
        ends.push({ state, close, code });
      }
    }
    // Those that the service begins.
    ends.push({ state: 'before init', send: '{"type":"start"}', code: 4400 });
    ends.push({ state: 'after init', send: '{"type":"connection_init"}', code: 4429 });
    ends.push({ state: 'in a subscription', send: ' '.repeat(2 ** 21), code: 1009 });
    for (const end of ends) {
      const seen = await page.evaluate(play, { ...end, token });
      assert.deepEqual(seen, { code: end.code, wasClean: true }, JSON.stringify({ ...end, send: end.send?.slice(0, 40) }));
    }
  });
}

/** Brings a connection into a state and ends it; runs in the page. */
function play({ state, close, send, token }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/graphql/ws`, 'graphql-transport-ws');
    const say = (message) => socket.send(JSON.stringify(message));
    const end = () => (send === undefined ? socket.close(...close) : socket.send(send));
    socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
    socket.onopen = () => {
      if (state === 'before init') end();
      else say({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    };
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data);
      if (type !== 'connection_ack') return;
      const query = {
        'in a subscription': 'subscription { salesOrderEvents { cursor } }',
        'during a query': '{ salesOrders { totalCount } }',
      }[state];
      if (query) say({ type: 'subscribe', id: '1', payload: { query } });
      end();
    };
  });
}
