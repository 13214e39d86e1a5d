/** What the server says about a signature. Every rule is the server's: nothing is checked in the browser. */

import { at } from '../root';

export interface Input {
  clientId: string;
  timestamp: string;
  signature: string;
  publicKey: string;
  method?: string;
  path?: string;
  body?: string;
  idempotencyKey?: string;
  signaturePolicy?: string;
}

export type Outcome = 'PASSED' | 'FAILED' | 'NOT_REACHED';

export interface Check {
  valid: boolean;
  message: string;
  code: string | null;
  hint: string | null;
  form: string | null;
  stringToSign: string | null;
  bodyBoundString: string | null;
  bodyAndKeyBoundString: string | null;
  signedString: string | null;
  keyFingerprint: string | null;
  keysTried: string[];
  serverTime: string;
  skewSeconds: number | string | null;
  steps: { name: string; outcome: Outcome; message: string | null }[];
}

const QUERY = `query ExplainSignature($input: ExplainSignatureInput!) {
  explainSignature(input: $input) {
    valid message code hint form stringToSign bodyBoundString bodyAndKeyBoundString signedString keyFingerprint keysTried
    serverTime skewSeconds
    steps { name outcome message }
  }
}`;

interface Answer {
  data?: { explainSignature: Check } | null;
  errors?: { message: string; extensions?: { errors?: { pointer: string; message: string }[] } }[];
}

/** Asks the server; fails with the sentences it refuses the input with. */
export async function explain(input: Input): Promise<Check> {
  const answer = await fetch(at('/graphql'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: QUERY, variables: { input } }),
  });
  const { data, errors } = (await answer.json()) as Answer;
  if (data?.explainSignature) return data.explainSignature;
  const [error] = errors ?? [];
  const faults = error?.extensions?.errors?.map(({ pointer, message }) => `${pointer.slice(1)}: ${message}`);
  throw new Error(faults?.join('\n') ?? error?.message ?? `The server answered ${answer.status}.`);
}
