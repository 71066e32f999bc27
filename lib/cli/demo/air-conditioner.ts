import { readExample, type SimulatedDevice } from './device.ts';
import { simulateModbus } from '../../openspec/openmodbus/simulator/simulate-modbus.ts';

/** The simulated air conditioner of examples/air-conditioner.openmodbus.json: off, in a room of 28.4 ℃. */
export async function simulateAirConditioner(port = 0): Promise<SimulatedDevice> {
  const device = await simulateModbus(await readExample('air-conditioner.openmodbus.json'), {
    port,
    values: { read_room_temperature: 28.4, set_target_temperature: 26, set_power: false, set_mode: 'cool' },
  });
  return {
    server: device.server,
    state: () => {
      const values = device.state();
      const show = (name: string) => JSON.stringify(values[name]).replaceAll('"', '');
      const power = values['get_power'] === true ? 'on' : 'off';
      const [room, target] = [show('read_room_temperature'), show('get_target_temperature')];
      return `room ${room} ℃, target ${target} ℃, ${power}, ${show('get_mode')}`;
    },
    close: () => device.close(),
  };
}
