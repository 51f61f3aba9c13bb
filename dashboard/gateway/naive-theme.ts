import { darkTheme, type GlobalThemeOverrides } from 'naive-ui';
import { computed } from 'vue';
import { dark } from '../shared/theme.ts';

/** naive-ui's own values, taken from base.css's. */
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
