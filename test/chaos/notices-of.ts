import type { Seen } from './ledger.ts';

interface NoticeData {
  readonly alertId: string;
  readonly version: number;
  readonly tier: Seen['notice']['tier'];
}

/** What a CloudEvent of the gateway tells of alerts: one notice, or those of a digest; nothing for what is no alert. */
export function noticesOf(event: { readonly type: string; readonly data: unknown }): Seen['notice'][] {
  const notice = ({ alertId, version, tier }: NoticeData): Seen['notice'] => ({ alertId, version, tier });
  if (event.type.startsWith('kanmen.notice.')) return [notice(event.data as NoticeData)];
  if (event.type.startsWith('kanmen.digest.'))
    return (event.data as { readonly notices: readonly { readonly data: NoticeData }[] }).notices.map(({ data }) =>
      notice(data),
    );
  return [];
}
