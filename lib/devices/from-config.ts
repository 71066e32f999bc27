import { findPerson, isNameOfUser } from '../accounts/find-person.ts';
import type { Users } from '../accounts/users.ts';
import type { Config } from '../config.ts';
import { Devices, type DevicesOptions } from './devices.ts';

/** The devices of the settings. Where access control is off, there is nobody else who could approve a call. */
export function devicesFromConfig(
  { auth, devicesDir, rulesFile }: Pick<Config, 'auth' | 'devicesDir' | 'rulesFile'>,
  {
    users,
    ...parts
  }: Pick<DevicesOptions, 'db' | 'vault' | 'openspecs' | 'connect' | 'log'> & {
    users: Pick<Users, 'find' | 'findByLogin'>;
  },
): Devices {
  const find: DevicesOptions['findPerson'] = (id) => findPerson(users, id);
  const isUser: DevicesOptions['isUser'] = (name) => isNameOfUser(users, name);
  return new Devices({ ...parts, findPerson: find, isUser, isAlone: auth === 'none', devicesDir, rulesFile });
}
