/**
 * Who is signed in, and with which key orders are signed. It lives in this page's memory and nowhere else: a reload
 * forgets it, and nothing of it is ever stored.
 */
import { useSyncExternalStore } from 'react';
import type { Session } from '../api';
import type { SigningKey } from '../signing-key';

/** What was last signed, to be read beside the request. */
export interface Signed {
  stringToSign: string;
  headers: Record<string, string>;
}

/** What a signature binds; the names are those of the signature policies. */
export type Form = 'documented' | 'body_bound' | 'body_and_key_bound';

export interface State {
  session?: Session | undefined;
  key?: SigningKey | undefined;
  form: Form;
  signed?: Signed | undefined;
}

let state: State = { form: 'documented' };
const listeners = new Set<() => void>();

export function current(): State {
  return state;
}

export function change(part: Partial<State>): void {
  state = { ...state, ...part };
  listeners.forEach((listener) => listener());
}

export function useSession(): State {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
