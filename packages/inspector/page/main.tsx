import { render } from 'preact';
import { App } from './app.tsx';
import { Store } from './store.ts';
import { applyTheme, savedTheme } from './theme.ts';

applyTheme(savedTheme());
const store = new Store();
const root = document.getElementById('app');
if (root !== null) render(<App store={store} />, root);
store.start();
