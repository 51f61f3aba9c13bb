import { computed, ref, watchEffect } from 'vue';

export type ThemeChoice = 'auto' | 'light' | 'dark';
const key = 'kanmen.theme';

function remembered(): ThemeChoice {
  const value = localStorage.getItem(key);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export const themeChoice = ref<ThemeChoice>(remembered());
const system = window.matchMedia('(prefers-color-scheme: dark)');
const systemDark = ref(system.matches);
system.addEventListener('change', (event) => {
  systemDark.value = event.matches;
});

export const dark = computed(() => (themeChoice.value === 'auto' ? systemDark.value : themeChoice.value === 'dark'));

watchEffect(() => {
  document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light';
});

export function nextTheme(): void {
  const order: readonly ThemeChoice[] = ['auto', 'light', 'dark'];
  themeChoice.value = order[(order.indexOf(themeChoice.value) + 1) % order.length] ?? 'auto';
  localStorage.setItem(key, themeChoice.value);
}
