import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

/** A filter becomes an address only where the page then asks for the same. */
export async function widensNoFilter() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const server = await createServer({ root, configFile: false, logLevel: 'silent', server: { middlewareMode: true, watch: null } });
  try {
    const { queried, where } = await server.ssrLoadModule('/src/dashboard/filter.ts');
    const read = (filter) => {
      const query = queried(filter);
      return query && where(query);
    };
    const same = {
      search: 'airfryer jakarta',
      status: { in: ['RECEIVED', 'SHIPPED'] },
      customerCode: { in: ['C-1'], contains: 'c' },
      createdAt: { gte: '2026-01-01T00:00:00Z', lt: '2026-02-01T00:00:00Z' },
      requestedDeliveryDate: { lt: '2026-03-01' },
      notAcknowledgedBy: 'erp',
    };
    assert.deepEqual(read(same), same);
    assert.deepEqual(read({ status: { eq: 'RECEIVED', in: null }, siteCode: null }), { status: { in: ['RECEIVED'] } });
    assert.deepEqual(read({ status: { in: 'RECEIVED' } }), { status: { in: ['RECEIVED'] } });
    assert.equal(read(null), null);

    for (const other of [
      { status: { in: [] } },
      { customerCode: { contains: 'c', in: [] } },
      { status: { in: [' RECEIVED '] } },
      { status: { in: ['RECEIVED', 'HELD'] } },
      { status: { eq: 'RECEIVED', in: ['SHIPPED'] } },
      { createdAt: { gte: 'yesterday' } },
      { requestedDeliveryDate: { gte: ' 2026-03-01' } },
      { customerCode: { contains: ' ' } },
      { search: '' },
      { orderNumber: { eq: 'SO-1' } },
    ]) {
      assert.equal(read(other), undefined, JSON.stringify(other));
    }
  } finally {
    await server.close();
  }
}
