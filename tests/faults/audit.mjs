// Reads the tables themselves: each order that was acknowledged is there once, whole, and counted; nothing else is.
import { program, run } from "./machine.mjs";

/** Runs SQL on the database; gives rows of texts. */
export async function query(url, sql) {
  const text = url.startsWith("sqlite:")
    ? await run(program("sqlite3", "sqlite3"), ["-readonly", "-separator", "\t", url.replace("sqlite://", ""), sql])
    : await run(program("psql", "postgresql-client"), ["-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
  return text.split("\n").filter(Boolean).map((line) => line.split("\t"));
}

const OF_ORDER = "WHERE order_id = o.id";
const BROKEN = `SELECT count(*) FROM sales_orders o
  WHERE 3 <> (SELECT count(*) FROM sales_order_lines ${OF_ORDER})
     OR 1 <> (SELECT count(*) FROM sales_order_events ${OF_ORDER} AND sequence = 1 AND kind = 'CREATED')
     OR 1 <> (SELECT count(*) FROM sales_order_receipts ${OF_ORDER})
     OR total_quantity <> (SELECT sum(quantity) FROM sales_order_lines ${OF_ORDER})`;
const STRAYS = ["sales_order_lines", "sales_order_events", "sales_order_receipts"]
  .map((table) => `(SELECT count(*) FROM ${table} WHERE order_id NOT IN (SELECT id FROM sales_orders))`).join(" + ");
const TOTALS = `(SELECT count(*) FROM sales_orders) - (SELECT coalesce(sum(orders), 0) FROM sales_order_totals)`;
const EVENTS = `SELECT o.order_number, e.sequence FROM sales_order_events e JOIN sales_orders o ON o.id = e.order_id ORDER BY e.position`;

/** Every event in the order of the feed. */
export const events = async (url) => (await query(url, EVENTS)).map(([number, sequence]) => `${number}/${sequence}`);

/** Compares what was acknowledged with what is there. */
export async function audit(url, acknowledged) {
  const stored = new Map();
  let doubled = 0;
  for (const [key, number] of await query(url, "SELECT customer_code, order_number FROM sales_orders")) {
    if (stored.has(key)) doubled += 1;
    else stored.set(key, number);
  }
  doubled += acknowledged.size - new Set(acknowledged.values()).size;
  const lost = [...acknowledged].filter(([key, number]) => stored.get(key) !== number).length;
  const one = async (sql) => Number((await query(url, sql))[0][0]);
  const broken = (await one(BROKEN)) + (await one(`SELECT ${STRAYS}`)) + Math.abs(await one(`SELECT ${TOTALS}`));
  return { lost, doubled, broken };
}
