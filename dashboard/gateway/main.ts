import { createApp } from 'vue';
import { createRouter, createWebHashHistory } from 'vue-router';
import '../shared/base.css';
import { reloadWhenOutdated } from '../shared/keep-current.ts';
import { startKeys } from '../shared/keys.ts';
import { i18n } from '../shared/language.ts';
import App from './App.vue';

const router = createRouter({
  // Behind #, so that the server needs to know one page only.
  history: createWebHashHistory(),
  routes: [
    // Each page comes when it is first opened: the login and the overview do not wait for the rest.
    { path: '/', component: () => import('./pages/OverviewPage.vue') },
    { path: '/alerts', component: () => import('./pages/AlertsPage.vue') },
    { path: '/alerts/:id', component: () => import('./pages/AlertPage.vue'), props: true },
    { path: '/passages', component: () => import('./pages/PassagesPage.vue') },
    { path: '/cameras', component: () => import('./pages/CamerasPage.vue') },
    { path: '/cameras/:id', component: () => import('./pages/CameraPage.vue'), props: true },
    { path: '/charging', component: () => import('./pages/ChargingPage.vue') },
    { path: '/devices', component: () => import('./pages/DevicesPage.vue') },
    { path: '/people', component: () => import('./pages/PeoplePage.vue') },
    { path: '/figures', component: () => import('./pages/FiguresPage.vue') },
    { path: '/deliveries', component: () => import('./pages/DeliveriesPage.vue') },
    { path: '/health', component: () => import('./pages/HealthPage.vue') },
    { path: '/:rest(.*)', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

reloadWhenOutdated(router);
startKeys();
createApp(App).use(i18n).use(router).mount('#app');
