import { createApp } from 'vue';
import { createRouter, createWebHashHistory } from 'vue-router';
import '../shared/base.css';
import { reloadWhenOutdated } from '../shared/keep-current.ts';
import { startKeys } from '../shared/keys.ts';
import { i18n } from '../shared/language.ts';
import App from './App.vue';
// These two must come at once, also while the desk is being updated.
import AlertPage from './pages/AlertPage.vue';
import InboxPage from './pages/InboxPage.vue';

const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', component: InboxPage },
    { path: '/alerts/:id', component: AlertPage, props: true },
    { path: '/wall', component: () => import('./pages/WallPage.vue'), meta: { bare: true } },
    { path: '/search', component: () => import('./pages/SearchPage.vue') },
    { path: '/shift', component: () => import('./pages/ShiftPage.vue') },
    { path: '/figures', component: () => import('./pages/FiguresPage.vue') },
    { path: '/gateways', component: () => import('./pages/GatewaysPage.vue') },
    { path: '/gateways/:id', component: () => import('./pages/GatewayPage.vue'), props: true },
    { path: '/users', component: () => import('./pages/UsersPage.vue') },
    { path: '/audit', component: () => import('./pages/AuditPage.vue') },
    { path: '/me', component: () => import('./pages/MePage.vue') },
    { path: '/:rest(.*)', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

reloadWhenOutdated(router);
startKeys();
createApp(App).use(i18n).use(router).mount('#app');
