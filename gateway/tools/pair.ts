import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isMap, isSeq, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { exitCodes, formatJsonLines, type Commands, type ExitCode } from '../cli/index.ts';
import { loadConfiguration, type GatewayConfiguration } from '../config/index.ts';
import { codeOf, GatewayError, messageOf } from '../lib/errors.ts';
import {
  agreedKey,
  isPairingProof,
  newKeyExchange,
  pairingProof,
  parsePairingLink,
  stretchPairingCode,
} from '../lib/pairing.ts';
import { parseWebhookSecret, signWebhook, verifyWebhook } from '../lib/standard-webhooks.ts';
import { askGateway } from './ask-gateway.ts';
import { printFaults, reported, type ToolContext } from './context.ts';

const timeoutMs = 30_000;
const maxReplyBytes = 100_000;

const pairReply = z.object({
  gateway: z.object({ id: z.string(), name: z.string() }),
  title: z.string(),
  publicKey: z.string(),
  proof: z.string(),
});
const rotateReply = z.object({ publicKey: z.string(), overlapUntil: z.string() });

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

/** One POST; Node's `fetch` cannot be given an authority of one's own. */
function post(url: URL, body: string, headers: Record<string, string>, ca: string | null): Promise<Reply> {
  return new Promise((done, failed) => {
    const request = (url.protocol === 'https:' ? https : http).request(
      url,
      {
        method: 'POST',
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        ...(ca === null ? {} : { ca }),
      },
      (response) => {
        const pieces: Buffer[] = [];
        let size = 0;
        response.on('data', (piece: Buffer) => {
          size += piece.length;
          if (size > maxReplyBytes) request.destroy(new Error('the reply is too long for a desk'));
          pieces.push(piece);
        });
        response.on('error', failed);
        response.on('end', () =>
          done({
            status: response.statusCode ?? 0,
            text: Buffer.concat(pieces).toString('utf8'),
            header: (name) => {
              const value = response.headers[name];
              return Array.isArray(value) ? value.join(', ') : value;
            },
          }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no reply within ${timeoutMs / 1000} s`)));
    request.on('error', failed);
    request.end(body);
  });
}

const refused = (message: string, cause?: unknown): GatewayError =>
  new GatewayError('pair.refused', message, cause === undefined ? {} : { cause });

async function ask(url: URL, body: string, headers: Record<string, string>, ca: string | null): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await post(url, body, headers, ca);
  } catch (error) {
    throw refused(`the desk at ${url.origin} cannot be reached: ${codeOf(error) ?? ''} ${messageOf(error)}`, error);
  }
  if (reply.status === 200) return reply;
  let said = `status ${reply.status}`;
  try {
    said = (JSON.parse(reply.text) as { error: { message: string } }).error.message;
  } catch {
    // No desk's answer: the status has to do.
  }
  throw refused(`${url.origin}: ${said}`);
}

function parsed<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw refused('what answers there is no Kanmen desk', error);
  }
}

/** Whole or not at all, and for nobody else to read. */
function writeSecret(file: string, key: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  writeFileSync(draft, `whsec_${Buffer.from(key).toString('base64')}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

type Channels = GatewayConfiguration['channels'];

/** The channel that is to lead to this desk: the one named, the one that leads there already, else the template's. */
function channelFor(channels: Channels, named: string | undefined, origin: string): string {
  if (named !== undefined) return named;
  const there = Object.entries(channels).find(
    ([, channel]) => channel.kind === 'webhook' && new URL(channel.url).origin === origin,
  );
  if (there) return there[0];
  return channels['station-desk']?.kind === 'webhook' ? 'station-desk' : 'desk';
}

/** The configuration with this channel in it; comments and everything else stay as they are. */
function withChannel(
  text: string,
  id: string,
  channel: {
    readonly url: string;
    readonly feedbackUrl: string;
    readonly secretFile: string;
    readonly caFile: string | null;
  },
  recipient: { readonly id: string; readonly name: string },
): Document {
  const document = parseDocument(text);
  const { url, feedbackUrl, secretFile, caFile } = channel;
  for (const [key, value] of Object.entries({ kind: 'webhook', url, feedbackUrl, secretFile })) {
    document.setIn(['channels', id, key], value);
  }
  // The key of before belongs to another desk, or to this one before it was paired.
  document.deleteIn(['channels', id, 'previousSecretFile']);
  if (caFile !== null) document.setIn(['channels', id, 'tls', 'caFile'], caFile);
  const recipients = document.get('recipients');
  const uses = isSeq(recipients) && recipients.items.some((item) => isMap(item) && item.get('channel') === id);
  if (!uses) {
    const entry = document.createNode({ ...recipient, role: 'station', channel: id });
    if (isSeq(recipients)) recipients.add(entry);
    else document.set('recipients', document.createNode([entry]));
  }
  return document;
}

/** Whether the gateway that runs here goes over the new channel or key now; `fault`: why it does not. */
interface InForce {
  readonly running: boolean;
  readonly fault: string | null;
}

/** Has the running gateway take it. The key is made and the desk knows it, so whatever goes wrong here is told, not thrown. */
async function tellGateway(dataDir: string, channel: string): Promise<InForce> {
  try {
    const answer = await askGateway(dataDir, 'POST', '/api/channels/reload', { newKeys: [channel] });
    if (answer === null) return { running: false, fault: null };
    return { running: true, fault: answer.ok ? null : `${answer.status} ${await answer.text()}` };
  } catch (error) {
    return { running: true, fault: messageOf(error) };
  }
}

function inForceText({ running, fault }: InForce): string {
  if (!running) return 'next      start the gateway: none runs here now\n';
  if (fault === null) return 'in force  the running gateway goes over it from now on\n';
  return `next      start the gateway anew: the one that runs has not taken it (${fault})\n`;
}

/** `kanmen pair`: the gateway's side of lib/pairing.ts. */
export function createPairCommand(context: ToolContext): Pick<Commands, 'pair'> {
  const { out, err, clock, random, version } = context;

  async function pair(
    file: string,
    link: string,
    channelName: string | undefined,
    caFile: string | undefined,
    json: boolean,
  ) {
    const given = parsePairingLink(link);
    if (!given) {
      err('give it as the desk shows it: ABCD-EFGH-JKMN-PQRS@https://desk…\n');
      return exitCodes.wrongUse;
    }
    const loaded = loadConfiguration(file);
    if (!loaded.ok) return printFaults(loaded.faults, err);
    const { value: configuration, dir } = loaded;
    const base = given.desk.href.replace(/[?#].*$/, '').replace(/\/$/, '');
    const known = await stretchPairingCode(given.code);
    const own = newKeyExchange();
    const site = { id: configuration.site.id, name: configuration.site.name };
    const proof = pairingProof(known, 'gateway', [given.code.invite, own.publicKey, site.id, site.name, version]);
    const ca = caFile === undefined ? null : readFileSync(caFile, 'utf8');
    const request = { invite: given.code.invite, publicKey: own.publicKey, proof, site, version };
    const reply = parsed(pairReply, (await ask(new URL(`${base}/pair`), JSON.stringify(request), {}, ca)).text);
    const { gateway, title, publicKey } = reply;
    const told = [gateway.id, gateway.name, title, own.publicKey, publicKey];
    const key = isPairingProof(reply.proof, known, 'desk', told)
      ? agreedKey(own, publicKey, known, [gateway.id, own.publicKey, publicKey])
      : null;
    if (!key) throw refused('what answered does not know the code: somebody stands between here and the desk');

    const channel = channelFor(configuration.channels, channelName, given.desk.origin);
    const secret = join(dir, 'keys', `${channel}-${gateway.id}.secret`);
    writeSecret(secret, key);
    const document = withChannel(
      readFileSync(file, 'utf8'),
      channel,
      {
        url: `${base}/notices/${encodeURIComponent(gateway.id)}`,
        feedbackUrl: `${base}/feedback/${encodeURIComponent(gateway.id)}`,
        secretFile: relative(dir, secret),
        caFile: caFile === undefined ? null : resolve(caFile),
      },
      { id: 'station', name: title },
    );
    // Looked at as a whole before it takes the place of the one that works.
    const draft = join(dirname(resolve(file)), `.${basename(file)}.paired`);
    writeFileSync(draft, String(document), { mode: 0o600 });
    const check = loadConfiguration(draft);
    if (!check.ok) {
      err(`the key is in ${secret}, but ${file} cannot take the channel; put it in by hand from ${draft}\n`);
      return printFaults(check.faults, err);
    }
    renameSync(draft, file);
    const inForce = await tellGateway(configuration.dataDir, channel);
    if (json) out(formatJsonLines([{ desk: title, gateway: gateway.id, channel, secretFile: secret, ...inForce }]));
    else {
      out(`paired    ${gateway.name} (${gateway.id}) with ${title}
channel   ${channel} in ${file}
${inForceText(inForce)}`);
    }
    return inForce.fault === null ? exitCodes.fine : exitCodes.failed;
  }

  async function rotate(file: string, channelName: string | undefined, json: boolean): Promise<ExitCode> {
    const loaded = loadConfiguration(file);
    if (!loaded.ok) return printFaults(loaded.faults, err);
    const { channels } = loaded.value;
    const found = Object.entries(channels).flatMap(([id, channel]) =>
      channel.kind === 'webhook' && (channelName === undefined || id === channelName) ? [{ id, channel }] : [],
    );
    const [only] = found;
    if (!only || found.length > 1) {
      err(`say which channel: --channel ${found.map(({ id }) => id).join(' | ') || '<id>'}\n`);
      return exitCodes.wrongUse;
    }
    const { id, channel } = only;
    const [, base, gateway] = /^(.*)\/notices\/([^/?#]+)$/.exec(channel.url) ?? [];
    if (base === undefined || gateway === undefined) {
      throw refused(`channel ${id} leads to no Kanmen desk: ${channel.url}`);
    }
    const inUse = parseWebhookSecret(readFileSync(channel.secretFile, 'utf8'));
    if (!inUse) throw refused(`no secret in ${channel.secretFile}`);
    const own = newKeyExchange();
    const body = JSON.stringify({ publicKey: own.publicKey });
    const messageId = `rotate-${random.id()}`;
    const signed = signWebhook({ keys: [inUse], id: messageId, timestampS: Math.floor(clock.now() / 1000), body });
    const ca = channel.tls.caFile === undefined ? null : readFileSync(channel.tls.caFile, 'utf8');
    const answer = await ask(new URL(`${base}/pair/rotate/${gateway}`), body, signed, ca);
    const verdict = verifyWebhook({
      keys: [inUse],
      header: answer.header,
      body: Buffer.from(answer.text),
      nowMs: clock.now(),
    });
    if (verdict.kind !== 'valid' || verdict.id !== messageId) throw refused('the answer is not signed by the desk');
    const { publicKey } = parsed(rotateReply, answer.text);
    const key = agreedKey(own, publicKey, inUse, [decodeURIComponent(gateway), own.publicKey, publicKey]);
    if (!key) throw refused('the desk answered with no key');
    writeSecret(channel.secretFile, key);
    const inForce = await tellGateway(loaded.value.dataDir, id);
    if (json) out(formatJsonLines([{ channel: id, rotated: true, ...inForce }]));
    else
      out(`new key   in ${channel.secretFile}; the old one stays good until a day after the new one is in use
${inForceText(inForce)}`);
    return inForce.fault === null ? exitCodes.fine : exitCodes.failed;
  }

  return {
    pair: (link, { config, channel, ca, rotate: again, json }) =>
      reported(context, () => {
        if (!existsSync(config)) throw refused(`there is no configuration ${config}; kanmen init makes one`);
        if (again) return rotate(config, channel, json);
        if (link !== undefined) return pair(config, link, channel, ca, json);
        err('give the code as the desk shows it: kanmen pair ABCD-EFGH-JKMN-PQRS@https://desk…\n');
        return Promise.resolve(exitCodes.wrongUse);
      }),
  };
}
