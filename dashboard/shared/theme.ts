import { darkTheme, type GlobalThemeOverrides } from 'naive-ui';
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

export const naiveTheme = computed(() => (dark.value ? darkTheme : null));
export const naiveOverrides = computed<GlobalThemeOverrides>(() => ({
  common: {
    primaryColor: dark.value ? '#6aa5f0' : '#1f5fae',
    primaryColorHover: dark.value ? '#86b7f5' : '#2b70c4',
    primaryColorPressed: dark.value ? '#5490dd' : '#184e91',
    primaryColorSuppl: dark.value ? '#6aa5f0' : '#1f5fae',
    errorColor: dark.value ? '#e0574d' : '#c4281f',
    errorColorHover: dark.value ? '#e8736a' : '#d63a30',
    errorColorPressed: dark.value ? '#c9473e' : '#a81f17',
    borderRadius: '8px',
    fontSize: '15px',
    fontFamily: 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  },
}));
