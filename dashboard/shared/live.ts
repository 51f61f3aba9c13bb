import { session } from './session.ts';
import { learnServerTime } from './time.ts';

export type LiveState = 'connecting' | 'live' | 'broken';

/** Nothing for so long means that the line is dead: the server speaks at least every 15 s. */
const silenceMs = 40_000;
const firstRetryMs = 500;
const longestRetryMs = 15_000;

/**
 * Follows the server's events for as long as somebody is signed in. `hello` comes after each (re)connection and asks for
 * everything to be read anew; so does `gap`. Uses fetch and not EventSource, which hides why it failed and does not
 * notice a line that has died silently.
 */
export function followLive(
  onEvent: (name: string, data: unknown) => void,
  onState: (state: LiveState) => void,
): () => void {
  let stopped = false;
  let abort = new AbortController();
  let retryMs = firstRetryMs;
  let retry: ReturnType<typeof setTimeout> | null = null;

  const connect = async (): Promise<void> => {
    abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), silenceMs);
    try {
      const reply = await fetch('api/live', { credentials: 'same-origin', signal: abort.signal });
      if (reply.status === 401) {
        session.state = 'out';
        session.me = null;
        stopped = true;
        return;
      }
      if (!reply.ok || !reply.body) throw new Error(`live feed answered ${reply.status}`);
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), silenceMs);
        text += value;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) handle(block);
      }
    } catch {
      // Whatever broke it, the next lines try again.
    } finally {
      clearTimeout(silence);
    }
    if (stopped) return;
    onState('broken');
    // Up to a half more, so that all desks of a station do not come back in the same moment.
    retry = setTimeout(() => void connect(), retryMs * (1 + Math.random() / 2));
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };

  const handle = (block: string): void => {
    let name = '';
    let data = '';
    for (const line of block.split('\n')) {
      if (line.startsWith('event: ')) name = line.slice(7);
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (name === '' || data === '') return;
    const parsed = JSON.parse(data) as unknown;
    if (name === 'hello') {
      retryMs = firstRetryMs;
      learnServerTime((parsed as { now: string }).now);
      onState('live');
    }
    onEvent(name, parsed);
  };

  onState('connecting');
  void connect();
  return () => {
    stopped = true;
    abort.abort();
    if (retry !== null) clearTimeout(retry);
  };
}
