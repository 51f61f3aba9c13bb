import { computed, reactive } from 'vue';
import { getJson, postJson, RequestError, send, whenSignedOut } from './request.ts';
import { learnServerTime } from './time.ts';

export interface Me {
  readonly user: { readonly name: string; readonly role: 'admin' | 'manager' | 'viewer' };
  readonly title: string;
  readonly version: string;
  readonly now: string;
}

/** Who is signed in on this page. `unknown` until the server has been asked. */
export const session = reactive<{ state: 'unknown' | 'in' | 'out'; me: Me | null }>({ state: 'unknown', me: null });

export const mayAnswer = computed(() => session.me !== null && session.me.user.role !== 'viewer');

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

export async function login(name: string, password: string): Promise<void> {
  enter(await postJson<Me>('api/login', { name, password }));
}

export async function logout(): Promise<void> {
  await send('POST', 'api/logout', {}).catch(() => undefined);
  leave();
}
