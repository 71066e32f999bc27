import { render } from 'preact';
import { ConsolePage } from './app.tsx';
import { keepFocus } from './focus.ts';
import { followAddress } from './route.ts';

const root = document.getElementById('app')!;
followAddress();
keepFocus(root);
render(<ConsolePage />, root);
