import { computed } from 'vue';
import { createI18n } from 'vue-i18n';
import { en } from './messages/en.ts';
import { zh } from './messages/zh.ts';

export type Language = 'zh' | 'en';
const key = 'kanmen.language';

function remembered(): Language {
  return localStorage.getItem(key) === 'en' ? 'en' : 'zh';
}

/** Chinese unless the other language was chosen on this browser. */
export const i18n = createI18n({
  legacy: false,
  locale: remembered(),
  fallbackLocale: 'zh',
  messages: { zh, en },
});

export const language = computed<Language>(() => (i18n.global.locale.value === 'en' ? 'en' : 'zh'));

export function setLanguage(next: Language): void {
  i18n.global.locale.value = next;
  localStorage.setItem(key, next);
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
}
setLanguage(remembered());

/** Text from the gateway that comes in both languages. */
export const inLanguage = (text: { readonly zh: string; readonly en: string }): string =>
  text[language.value] || text.zh || text.en;
