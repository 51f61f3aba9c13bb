import { createWireMeter, type WireReport } from '../lib/wire.ts';
import { inScope, type Scope } from './scope.ts';

/** Events kept for a browser that does not read: enough for a night's storm, and then it reads everything anew. */
const ringSize = 256;

/** Where a browser's events go; `write` answers false when it wants to be called back by `onDrain` first. */
export interface LiveSink {
  write(text: string): boolean;
  onDrain(callback: () => void): void;
  end(): void;
}

export interface LiveFeed {
  /** Adds a browser; the answer takes it away again. `session` names the login it came with, `scope` what it sees. */
  add(sink: LiveSink, session: string, scope: Scope): () => void;
  /** `gateway`: whom it is about; null: for everybody. */
  publish(event: 'alert' | 'gateway' | 'shift', data: unknown, gateway: string | null): void;
  /** A comment, so that a dead connection is noticed; ends browsers whose login is over or sees something else by now. */
  ping(scopeOf: (session: string) => Promise<Scope | 'over'>): Promise<void>;
  /** Ends the browsers of one login. */
  endSession(session: string): void;
  endAll(): void;
  report(): WireReport;
}

interface Browser {
  readonly sink: LiveSink;
  readonly session: string;
  readonly scope: Scope;
  readonly ring: string[];
  lastId: number;
  dropped: number;
  blocked: boolean;
}

/** Server-sent events to many browsers, each with a bounded ring: a slow one is told of its gap and holds up nobody. */
export function createLiveFeed(now: () => number): LiveFeed {
  const browsers = new Set<Browser>();
  const meter = createWireMeter('desk → browser', ringSize);

  function send(browser: Browser, text: string): void {
    if (browser.sink.write(text)) return;
    browser.blocked = true;
    browser.sink.onDrain(() => {
      browser.blocked = false;
      flush(browser);
    });
  }

  const frame = (browser: Browser, event: string, json: string): string => {
    browser.lastId += 1;
    return `id: ${browser.lastId}\nevent: ${event}\ndata: ${json}\n\n`;
  };

  function flush(browser: Browser): void {
    if (browser.dropped > 0 && !browser.blocked) {
      const gap = JSON.stringify({ dropped: browser.dropped });
      browser.dropped = 0;
      send(browser, frame(browser, 'gap', gap));
    }
    while (!browser.blocked) {
      const next = browser.ring.shift();
      if (next === undefined) return;
      meter.leave();
      const cut = next.indexOf('\n');
      send(browser, frame(browser, next.slice(0, cut), next.slice(cut + 1)));
    }
  }

  function remove(browser: Browser): void {
    if (!browsers.delete(browser)) return;
    meter.leave(browser.ring.length);
    browser.ring.length = 0;
  }

  function end(browser: Browser): void {
    remove(browser);
    browser.sink.end();
  }

  return {
    add: (sink, session, scope) => {
      const browser: Browser = { sink, session, scope, ring: [], lastId: 0, dropped: 0, blocked: false };
      browsers.add(browser);
      send(browser, frame(browser, 'hello', JSON.stringify({ now: new Date(now()).toISOString() })));
      return () => remove(browser);
    },
    publish: (event, data, gateway) => {
      if (browsers.size === 0) return;
      // One text for all browsers; JSON holds no raw line break, so the first one parts name and data.
      const text = `${event}\n${JSON.stringify(data)}`;
      for (const browser of browsers) {
        if (gateway !== null && !inScope(browser.scope, gateway)) continue;
        if (browser.ring.length >= ringSize) {
          browser.ring.shift();
          browser.dropped += 1;
          meter.leave();
          meter.drop();
        }
        meter.enter();
        browser.ring.push(text);
        flush(browser);
      }
    },
    ping: async (scopeOf) => {
      const scopes = new Map<string, Scope | 'over'>();
      for (const session of new Set([...browsers].map((browser) => browser.session))) {
        scopes.set(session, await scopeOf(session));
      }
      for (const browser of [...browsers]) {
        const scope = scopes.get(browser.session);
        // One whose gateways were changed comes again, and reads everything anew.
        if (scope === 'over' || (scope !== undefined && String(scope) !== String(browser.scope))) end(browser);
        else if (!browser.blocked) send(browser, ': ping\n\n');
      }
    },
    endSession: (session) => {
      for (const browser of [...browsers]) if (browser.session === session) end(browser);
    },
    endAll: () => {
      for (const browser of [...browsers]) end(browser);
    },
    report: () => meter.report(),
  };
}
