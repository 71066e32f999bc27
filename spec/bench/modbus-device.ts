// A fake, run as a process of its own: a Modbus TCP device that answers as fast as it can.
import { startModbusFake } from '../support/modbus-fake.ts';

const fake = await startModbusFake();
const { behave } = fake;
fake.behave = (request) => {
  fake.requests.length = 0;
  behave(request);
};
console.log(fake.port);
