import { findPerson, isNameOfUser } from '../accounts/find-person.ts';
import type { Users } from '../accounts/users.ts';
import type { Config } from '../config.ts';
import { Devices, type DevicesOptions } from './devices.ts';

/** The devices of the settings; without `users` for a process whose caller is the operator. Where access control is off, there is nobody else who could approve a call. */
export function devicesFromConfig(
  { auth, devicesDir, rulesFile }: Pick<Config, 'auth' | 'devicesDir' | 'rulesFile'>,
  {
    users,
    ...parts
  }: Pick<DevicesOptions, 'db' | 'vault' | 'openspecs' | 'connect' | 'log'> & {
    users?: Pick<Users, 'find' | 'findByLogin'>;
  },
): Devices {
  const find: DevicesOptions['findPerson'] = async (id) => users && findPerson(users, id);
  const isUser: DevicesOptions['isUser'] = users && ((name) => isNameOfUser(users, name));
  return new Devices({ ...parts, findPerson: find, isUser, isAlone: auth === 'none', devicesDir, rulesFile });
}
