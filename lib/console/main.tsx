import { render } from 'preact';
import { ConsolePage } from './app.tsx';
import { followAddress } from './route.ts';

followAddress();
render(<ConsolePage />, document.getElementById('app')!);
