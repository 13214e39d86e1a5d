import { render } from 'preact';
import { startLive } from './live';
import { Shell } from './shell';

const element = document.getElementById('dashboard');
if (element) {
  startLive();
  element.replaceChildren();
  render(<Shell />, element);
}
