import { createApp } from 'vue';
import { createRouter, createWebHashHistory } from 'vue-router';
import '../shared/base.css';
import { i18n } from '../shared/language.ts';
import App from './App.vue';
import AlertPage from './pages/AlertPage.vue';
import AllPage from './pages/AllPage.vue';
import GatewaysPage from './pages/GatewaysPage.vue';
import InboxPage from './pages/InboxPage.vue';

const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', component: InboxPage },
    { path: '/all', component: AllPage },
    { path: '/alerts/:id', component: AlertPage, props: true },
    { path: '/gateways', component: GatewaysPage },
    { path: '/:rest(.*)', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

createApp(App).use(i18n).use(router).mount('#app');
