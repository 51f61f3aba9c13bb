import { computed, reactive } from 'vue';
import { getJson, postJson, RequestError, send, whenSignedOut } from './request.ts';
import { learnServerTime } from './time.ts';

/** The gateway's roles and the desk's. */
export type MeRole = 'admin' | 'manager' | 'viewer' | 'leader' | 'duty' | 'community';

export interface Me {
  readonly user: { readonly name: string; readonly role: MeRole };
  readonly title: string;
  readonly version: string;
  readonly now: string;
  /** The desk's: what this person may do beyond looking. At a gateway the role says it. */
  readonly may?: readonly string[];
  readonly gateways?: readonly string[] | null;
  readonly secondFactor?: boolean;
  readonly secondFactorWanted?: boolean;
  readonly timeZone?: string;
}

/** Who is signed in on this page. `unknown` until the server has been asked. */
export const session = reactive<{ state: 'unknown' | 'in' | 'out'; me: Me | null }>({ state: 'unknown', me: null });

/** Whether the person who is signed in may do this at the desk. */
export const may = (what: string): boolean => session.me?.may?.includes(what) ?? false;
export const mayAnswer = computed(
  () => session.me !== null && (session.me.may === undefined ? session.me.user.role !== 'viewer' : may('answer')),
);
/** Reads who one is anew: after a change of one's own password or second factor. */
export async function readMe(): Promise<void> {
  enter(await getJson<Me>('api/me'));
}

function enter(me: Me): void {
  learnServerTime(me.now);
  session.me = me;
  session.state = 'in';
}
function leave(): void {
  session.me = null;
  session.state = 'out';
}
whenSignedOut(leave);

/** Asks who is signed in; keeps asking while the server cannot be reached. */
export async function resume(): Promise<void> {
  for (;;) {
    try {
      enter(await getJson<Me>('api/me'));
      return;
    } catch (error) {
      if (error instanceof RequestError && error.status !== 0 && error.status < 500) {
        leave();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}

/** `code`: of the second factor, once the server has asked for it (`auth.second-factor`). */
export async function login(name: string, password: string, code: string | null): Promise<void> {
  enter(await postJson<Me>('api/login', { name, password, ...(code === null ? {} : { code }) }));
}

export async function logout(): Promise<void> {
  await send('POST', 'api/logout', {}).catch(() => undefined);
  leave();
}
