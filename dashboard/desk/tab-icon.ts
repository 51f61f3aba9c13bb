import { watchEffect } from 'vue';
import { redWaiting, waitingAlerts } from './inbox-data.ts';

/** The tab's icon says how it stands, for those who have the desk behind another window. Call it once. */
export function startTabIcon(): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  if (!link) return;
  const calm = link.href;
  const dot = (colour: string): string =>
    `data:image/svg+xml,${encodeURIComponent(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="${colour}"/><path d="M14 6h4l-1 12h-2zM14 21h4v4h-4z" fill="#fff"/></svg>`,
    )}`;
  watchEffect(() => {
    link.href = redWaiting.value.length > 0 ? dot('#c4281f') : waitingAlerts.value.length > 0 ? dot('#b85200') : calm;
  });
}
