// The three simulated devices alone, on the ports of their documents: npx tsx examples/devices.ts
// They print their state whenever it changes. No hardware moves.
import { simulateHouse } from '../lib/cli/demo/house.ts';

const house = await simulateHouse();
const shown = new Map<string, string>();
const timer = setInterval(() => {
  for (const { name, device } of house.devices) {
    const line = `${name} at ${device.server}: ${device.state()}`;
    if (shown.get(name) !== line) console.log(line);
    shown.set(name, line);
  }
}, 200);
process.once('SIGINT', () => {
  clearInterval(timer);
  void house.close();
});
