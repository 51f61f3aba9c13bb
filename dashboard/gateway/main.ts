import { createApp } from 'vue';
import { createRouter, createWebHashHistory } from 'vue-router';
import '../shared/base.css';
import { i18n } from '../shared/language.ts';
import App from './App.vue';
import AlertPage from './pages/AlertPage.vue';
import AlertsPage from './pages/AlertsPage.vue';
import CameraPage from './pages/CameraPage.vue';
import CamerasPage from './pages/CamerasPage.vue';
import ChargingPage from './pages/ChargingPage.vue';
import DeliveriesPage from './pages/DeliveriesPage.vue';
import DevicesPage from './pages/DevicesPage.vue';
import FiguresPage from './pages/FiguresPage.vue';
import HealthPage from './pages/HealthPage.vue';
import OverviewPage from './pages/OverviewPage.vue';
import PassagesPage from './pages/PassagesPage.vue';
import PeoplePage from './pages/PeoplePage.vue';

const router = createRouter({
  // Behind #, so that the server needs to know one page only.
  history: createWebHashHistory(),
  routes: [
    { path: '/', component: OverviewPage },
    { path: '/alerts', component: AlertsPage },
    { path: '/alerts/:id', component: AlertPage, props: true },
    { path: '/passages', component: PassagesPage },
    { path: '/cameras', component: CamerasPage },
    { path: '/cameras/:id', component: CameraPage, props: true },
    { path: '/charging', component: ChargingPage },
    { path: '/devices', component: DevicesPage },
    { path: '/people', component: PeoplePage },
    { path: '/figures', component: FiguresPage },
    { path: '/deliveries', component: DeliveriesPage },
    { path: '/health', component: HealthPage },
    { path: '/:rest(.*)', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

createApp(App).use(i18n).use(router).mount('#app');
