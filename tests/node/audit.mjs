// Runs the public GraphQL-over-HTTP audit suite against a server:  node audit.mjs http://127.0.0.1:8080/graphql
// Prints a line for each audit that is not met and a summary; exits 0 only when all of them are met.
import { auditServer } from 'graphql-http';

// A release of the suite with fewer audits must not pass for a server that meets them all.
const EXPECTED = 61;

const url = process.argv[2];
if (!url) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}

const results = await auditServer({ url, fetchFn: fetch }).catch((error) => {
  console.error(`no audit of ${url}: ${error.message}${error.cause ? ` (${error.cause.message})` : ''}`);
  process.exit(1);
});
// The suite calls an unmet SHOULD a warning and an unmet MAY a notice. Here each of them counts.
const unmet = results.filter(({ status }) => status !== 'ok');
for (const { status, id, name, reason } of unmet) {
  console.log(`${status} ${id} ${name}: ${reason.replace(/\s+/g, ' ')}`);
}
console.log(`${results.length - unmet.length} of ${EXPECTED} audits passed`);
process.exitCode = unmet.length === 0 && results.length === EXPECTED ? 0 : 1;
