import type { JsonObject } from '../../lib/common/json.ts';
import type { ToolOffer } from '../../lib/core/model.ts';

/** Tools as the documents of an air conditioner, of lights and of a warehouse robot give them: what a demo model is offered. */
function tool(name: string, description: string, properties: Record<string, JsonObject> = {}): ToolOffer {
  return { name, description, parameters: { type: 'object', properties, required: Object.keys(properties) } };
}

const room = {
  type: 'string',
  enum: ['living-room', 'kitchen', 'bedroom'],
  description: 'The room of the light',
};
const modes = ['auto', 'cool', 'heat', 'dry', 'fan'];

export const airConditioner: ToolOffer[] = [
  tool(
    'read_room_temperature',
    'Read the current room temperature that the air conditioner measures (读取当前室温). Returns room_temperature (Current room temperature; unit: ℃).',
  ),
  tool(
    'get_target_temperature',
    'Get the target temperature that the air conditioner is set to (查询空调目标温度). Returns target_temperature (Target temperature; unit: ℃).',
  ),
  tool(
    'set_target_temperature',
    'Set the target temperature of the air conditioner (设置空调目标温度). Writes target_temperature (Target temperature; unit: ℃; step: 0.5).',
    {
      target_temperature: {
        type: 'number',
        minimum: 16,
        maximum: 30,
        description: 'Target temperature; unit: ℃; step: 0.5',
      },
    },
  ),
  tool(
    'get_power',
    'Get whether the air conditioner is on (查询空调是否打开). Returns power (Whether it is on).',
  ),
  tool(
    'set_power',
    'Turn the air conditioner on or off (打开或关闭空调). Writes power (true turns it on, false turns it off).',
    { power: { type: 'boolean', description: 'true turns it on, false turns it off' } },
  ),
  tool(
    'get_mode',
    'Get the mode of the air conditioner (查询空调模式). Returns mode (Mode; one of: auto, cool, heat, dry, fan).',
  ),
  tool(
    'set_mode',
    'Set the mode of the air conditioner (设置空调模式). Writes mode (Mode; one of: auto, cool, heat, dry, fan).',
    { mode: { type: 'string', enum: modes, description: `Mode; one of: ${modes.join(', ')}` } },
  ),
];

export const lights: ToolOffer[] = [
  tool('list_lights', 'List all rooms with the state of their lights (查询所有房间的灯)'),
  tool('get_light', 'Get the state of the light in one room (查询一个房间的灯)', { room }),
  tool('switch_light', 'Turn the light in a room on or off (打开或关闭房间的灯)', {
    room,
    power: { type: 'string', enum: ['on', 'off'], description: 'on turns it on, off turns it off' },
  }),
  tool('set_light_brightness', 'Set the brightness of the light in a room, in percent (设置房间的灯的亮度)', {
    room,
    brightness: { type: 'integer', minimum: 1, maximum: 100, description: 'Percent of full brightness' },
  }),
  tool('set_light_color', 'Set the color of the light in a room (设置房间的灯的颜色)', {
    room,
    color: { type: 'string', enum: ['white', 'warm', 'red', 'green', 'blue'], description: 'Color' },
  }),
];

export const robot: ToolOffer[] = [
  tool('robot_status', 'Where the warehouse robot is and what it carries (查询机器人状态)'),
  tool('robot_battery', "The charge of the robot's battery in percent (查询机器人电量)"),
  tool('robot_moveToShelf', 'Move the warehouse robot to a shelf by its number (让机器人移动到货架)', {
    shelf: { type: 'integer', minimum: 1, maximum: 24, description: 'The number of the shelf' },
  }),
  tool('robot_pick', 'Pick items from the shelf where the robot stands (让机器人从货架取货)', {
    quantity: { type: 'integer', minimum: 1, maximum: 10, description: 'How many items to pick' },
  }),
];

/** The same three devices as other people describe them: one light tool for everything, shelves with letters, bare names. */
export const otherDevices: ToolOffer[] = [
  tool('read_current_temperature', '读取当前温度'),
  tool('set_target_temperature', '设置目标温度', {
    temperature_value: { type: 'number', description: '温度值,单位℃' },
  }),
  tool('GET-rooms', 'All rooms and their lights'),
  {
    name: 'PUT-rooms-id-light',
    description: 'Change the light of a room',
    parameters: {
      type: 'object',
      properties: {
        id: { type: 'string', description: 'The room' },
        on: { type: 'boolean' },
        brightness: { type: 'integer', minimum: 0, maximum: 100 },
      },
      required: ['id', 'on'],
    },
  },
  tool('robot_move', 'Send the robot to a shelf', {
    shelf: { type: 'string', description: 'For example A1' },
  }),
  tool('robot_battery', 'Battery level of the robot'),
  tool('robot_pick', 'Pick an item', { item: { type: 'string', description: 'What to pick' } }),
  tool('set_fan_speed', 'Fan speed of the heater. 0: off, 1: low, 2: high', {
    speed: { type: 'integer', description: '0: off, 1: low, 2: high' },
  }),
];
