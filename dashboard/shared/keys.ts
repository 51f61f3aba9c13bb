import { onScopeDispose, shallowRef } from 'vue';

/** One thing that a key does. */
export interface KeyAction {
  /** `KeyboardEvent.key`, lower case for letters: `a`, `?`, `arrowdown`, `escape`. */
  readonly key: string;
  /** Further keys that do the same; not named in the help. */
  readonly also?: readonly string[];
  /** What it does, for the help. */
  readonly does: string;
  readonly run: (event: KeyboardEvent) => void;
}

/** Keys of one part of the page, for as long as that part is shown. */
export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly KeyAction[];
}

/** What is listening now; the one that came last is asked first. */
export const keyGroups = shallowRef<readonly (() => KeyGroup)[]>([]);

/** Listens while the component that calls it is shown. `group` is asked at each key, so it may change. */
export function useKeys(group: () => KeyGroup): void {
  keyGroups.value = [group, ...keyGroups.value];
  onScopeDispose(() => {
    keyGroups.value = keyGroups.value.filter((each) => each !== group);
  });
}

/** Where a key is writing and not an order. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  // A dialog has the keys to itself.
  if (document.querySelector('dialog[open]')) return;
  if (isWriting(event.target)) {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
    return;
  }
  // Held down, a key moves through a list; it must not answer again and again.
  const pressed = event.key.toLowerCase();
  if (event.repeat && !['j', 'k', 'arrowdown', 'arrowup'].includes(pressed)) return;
  for (const group of keyGroups.value) {
    const action = group().keys.find(({ key, also }) => key === pressed || also?.includes(pressed));
    if (!action) continue;
    event.preventDefault();
    action.run(event);
    return;
  }
}

/** Call it once. */
export function startKeys(): void {
  document.addEventListener('keydown', onKey);
}

/** As it stands on a key. */
export const keyName = (key: string): string =>
  ({ arrowdown: '↓', arrowup: '↑', escape: 'Esc', enter: 'Enter' })[key] ?? key.toUpperCase();
