/**
 * Who is signed in: a client by its secret, or a person, for whom a session of the browser stands (`person.ts`). The token lives in the tab's own storage: it outlives a reload, and a browser that restores a closed tab
 * restores it too; only signing out takes it away. It is continued before it expires, so that whoever keeps the page open
 * stays signed in for as long as the service allows.
 */
import { ask, bearer, logIn, Refusal, refreshed, type Session } from '../api';
import { Viewer, type Document } from '../../generated/documents';
import { endPersonSession, PROVIDER, tokenOfPerson } from './person';
import { store } from './store';

export interface SignedIn extends Session {
  name: string;
  scopes: string[];
  /** Whether it is a person, whose next token comes from the session of the browser. */
  isPerson?: boolean;
}

const KEY = 'dashboard:session';
/** Milliseconds: the token is continued so long before its end. */
const EARLY = 5 * 60_000;
const RETRY = 30_000;
/** No sooner is a token continued that seems to have ended: where a clock was set anew, the next one may seem so too. */
const FLOOR = 30_000;
export const DISABLED = 'This client is disabled: an operator can enable it again.';
const ENDED = 'Your session has ended. Sign in again to go on where you were.';
/** The longest that a timer of a browser can wait. */
const LONGEST = 2 ** 31 - 1;

export const session = store<SignedIn | undefined>(restored());
/** Why nobody is signed in any more, to be read above the form. */
export const ended = store('');

function restored(): SignedIn | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '') as SignedIn;
    return { ...kept, expiresAt: new Date(kept.expiresAt) };
  } catch {
    return undefined;
  }
}

function keep(signedIn: SignedIn | undefined): void {
  if (signedIn) sessionStorage.setItem(KEY, JSON.stringify(signedIn));
  else sessionStorage.removeItem(KEY);
  session.set(signedIn);
  plan();
}

export async function signIn(clientId: string, clientSecret: string): Promise<void> {
  const opened = await logIn(clientId, clientSecret);
  const { viewer } = await ask(Viewer, {}, bearer(opened));
  ended.set('');
  keep({ ...opened, name: viewer.name, scopes: viewer.scopes });
}

/** Signs in who has a session in this browser, such as who comes back from the provider or opens another tab. */
export async function signInByBrowser(): Promise<void> {
  if (!PROVIDER || session.get()) return;
  const opened = await tokenOfPerson();
  if (!opened || session.get()) return;
  const { viewer } = await ask(Viewer, {}, bearer(opened));
  if (session.get()) return;
  ended.set('');
  keep({ ...opened, name: viewer.name, scopes: viewer.scopes, isPerson: true });
}

export function signOut(why = ''): void {
  ended.set(why);
  renewing = undefined;
  keep(undefined);
}

/** Signs out who asks for it: a person in this browser and at the provider too. */
export async function leave(): Promise<void> {
  if (!session.get()?.isPerson) return signOut();
  try {
    // First of all: as long as the session lives, this page would be signed in by it again.
    const elsewhere = await endPersonSession();
    signOut();
    if (elsewhere) window.location.assign(elsewhere);
  } catch {
    signOut('You are signed out in this tab, but not in this browser: the service does not answer. Sign in and out again.');
  }
}

export function may(scope: string): boolean {
  return session.get()?.scopes.includes(scope) ?? false;
}

let timer: number | undefined;

function plan(): void {
  clearTimeout(timer);
  const present = session.get();
  if (!present) return;
  const left = present.expiresAt.getTime() - Date.now();
  // A short token is continued in the last tenth of its life.
  const wait = left > 0 ? left - Math.min(EARLY, left / 10) : FLOOR;
  timer = window.setTimeout(() => void renew(), Math.min(wait, LONGEST));
}

let renewing: Promise<boolean> | undefined;

/** Continues the session, once for all who ask meanwhile. Says whether there is a good token now. */
export function renew(): Promise<boolean> {
  if (renewing) return renewing;
  const mine = continued().finally(() => {
    if (renewing === mine) renewing = undefined;
  });
  renewing = mine;
  return mine;
}

async function continued(): Promise<boolean> {
  const present = session.get();
  if (!present) return false;
  try {
    const next = await (present.isPerson ? tokenOfPerson() : refreshed(present));
    // Who signed out meanwhile stays signed out, and who signed in after them stays who they are.
    if (session.get() !== present) return false;
    if (next?.clientId !== present.clientId) {
      signOut(ENDED);
      return false;
    }
    const { viewer } = await ask(Viewer, {}, bearer(next));
    if (session.get() !== present) return false;
    keep({ ...present, ...next, name: viewer.name, scopes: viewer.scopes });
    return true;
  } catch (error) {
    if (session.get() !== present) return false;
    const code = error instanceof Refusal ? error.extensions.code : undefined;
    if (code === 'UNAUTHENTICATED') signOut(ENDED);
    else if (code === 'CLIENT_DISABLED') signOut(DISABLED);
    else timer = window.setTimeout(() => void renew(), RETRY);
    return false;
  }
}

/** Asks as who is signed in. A token that is no longer good is continued first, once. */
export async function askAs<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Data> {
  try {
    return await ask(document, variables, bearer(session.get()), signal);
  } catch (error) {
    if (!(error instanceof Refusal) || error.extensions.code !== 'UNAUTHENTICATED' || !(await renew())) throw error;
    return ask(document, variables, bearer(session.get()), signal);
  }
}

plan();
