import { createTransport } from 'nodemailer';
import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import { codeOf, messageOf as reasonOf } from '../../lib/errors.ts';
import { messageOf, plainText } from '../people/message.ts';
import { readSecretFile } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { EmailOptions } from './options.ts';

const maxBytes = 20_000;

/**
 * Opens an e-mail channel: reads its password; connects for each mail. Throws `config.secret-missing`. The Message-ID is made
 * of the delivery's id, so that a repeat is known by mail programs and by people.
 */
export async function openEmailChannel(options: EmailOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const read = (file: string | undefined, what: string) =>
    file === undefined ? Promise.resolve(undefined) : readSecretFile(setup, file, what);
  const password = (await read(options.passwordFile, 'password'))?.trim() ?? '';
  const ca = await read(options.caFile, 'caFile');
  const { clock } = setup;
  const domain = options.from.split('@')[1] ?? 'localhost';

  /** One connection for one mail: a pool would keep mails in memory beside the outbox. */
  const transport = () =>
    createTransport({
      host: options.host,
      port: options.port,
      secure: options.security === 'tls',
      requireTLS: options.security === 'starttls',
      ignoreTLS: options.security === 'none',
      ...(options.username !== undefined && { auth: { user: options.username, pass: password } }),
      tls: { ...(ca !== undefined && { ca }) },
      connectionTimeout: options.timeout,
      greetingTimeout: options.timeout,
      socketTimeout: options.timeout,
      disableFileAccess: true,
      disableUrlAccess: true,
    });

  /** Runs one exchange with the server within the timeout and until the signal aborts. */
  const run = async (
    work: (mailer: ReturnType<typeof transport>) => Promise<string>,
    signal: AbortSignal,
  ): Promise<DeliveryResult> => {
    if (signal.aborted) return { kind: 'retry', reason: 'aborted', afterMs: null };
    const mailer = transport();
    let cut: (reason: string) => void = () => undefined;
    const stopped = new Promise<DeliveryResult>((resolve) => {
      cut = (reason) => resolve({ kind: 'retry', reason, afterMs: null });
    });
    const timer = clock.after(options.timeout, () => cut(`no reply within ${options.timeout} ms`));
    const abort = (): void => cut('aborted');
    signal.addEventListener('abort', abort, { once: true });
    try {
      const sent = work(mailer).then(
        (receipt): DeliveryResult => ({ kind: 'delivered', receipt, feedback: [] }),
        (error: unknown) => judge(error),
      );
      return await Promise.race([sent, stopped]);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', abort);
      mailer.close();
    }
  };

  const send = (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    if (delivery.item === 'canary' && options.canary === 'reach')
      return run(async (mailer) => {
        await mailer.verify();
        return 'login at the mail server, nothing sent';
      }, signal);
    const message = messageOf(delivery, { linkBase: options.linkBase ?? null, language: options.language });
    if (!message) return Promise.resolve({ kind: 'rejected', reason: 'there are no words for this' });
    return run(async (mailer) => {
      const sent = await mailer.sendMail({
        from: options.from,
        to: options.to,
        // Mail programs show what is urgent; a line break in a title must not become a header.
        subject: message.title.replace(/[\r\n]+/g, ' ').slice(0, 200),
        text: plainText(message, options.language, maxBytes),
        messageId: `<${delivery.id}@${domain}>`,
        ...(delivery.alertId !== null && { references: `<${delivery.alertId}@${domain}>` }),
        priority: message.urgent ? 'high' : 'normal',
        headers: { 'auto-submitted': 'auto-generated', 'x-kanmen-id': delivery.id },
      });
      // Whom the server refused while it took the others: nobody would send it to them again.
      if (sent.rejected.length > 0)
        setup.logger.warn({ channel: setup.id, refused: sent.rejected.length }, 'mail not taken for everybody');
      return sent.response;
    }, signal);
  };

  return {
    channel: { id: setup.id, kind: 'email', send, listen: () => Promise.resolve() },
    close: () => undefined,
  };
}

/**
 * 4xx is for later, 5xx for ever (RFC 5321 section 4.2.1), but only where it is said of the mail or its addresses: a login or
 * an encryption that does not work is mended by people, and then the mail must arrive.
 */
function judge(error: unknown): DeliveryResult {
  const status = (error as { readonly responseCode?: unknown } | null)?.responseCode;
  const code = codeOf(error);
  const reason = `${code ?? ''} ${typeof status === 'number' ? status : reasonOf(error)}`.trim();
  const ofTheMail = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (ofTheMail && typeof status === 'number' && status >= 500) return { kind: 'rejected', reason };
  return { kind: 'retry', reason, afterMs: null };
}
